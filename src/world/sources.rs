//! Sources: a project's files with all that they name, each judged before it is read, and copied for Compose as it was
//! judged. Acts: reads them, and asks Compose what variables in names stand for.

use super::project::{self, Found, Level, Resolver, Text, Trouble};
use super::tree::{self, Tree};
use crate::compose::names::{Include, Name, Names, Part, Replaced, absolute};
use crate::compose::{hints, is_elsewhere, source, variables};
use crate::demand::{Demand, Want};
use crate::denial::Denial;
use crate::facts::{Facts, Kind, Place};
use crate::run::exec::state_directory;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// More files than this no project has.
const MAX_FILES: usize = 100;

/// Files that name each other, one after the other; a circle is longer.
const MAX_DEPTH: usize = 20;

/// Why files are not read.
#[derive(Debug)]
pub enum Unread {
    Denied(Denial),
    Trouble(Trouble),
}

impl From<Denial> for Unread {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<anyhow::Error> for Unread {
    fn from(error: anyhow::Error) -> Self {
        Self::Trouble(Trouble::Host(error))
    }
}

/// Judges what is about to be read.
type Judge<'a> = dyn Fn(&[Demand]) -> Result<Facts, Denial> + 'a;

/// A project's files, read.
#[derive(Debug, Default)]
pub struct Sources {
    /// Those that the request names, as Compose is to read them.
    pub files: Vec<Text>,
    /// There where a file names others.
    pub tree: Option<Tree>,
    /// The documents of the files that the request names, for judging.
    pub documents: Vec<Value>,
    /// Those of the files that these include.
    pub included: Vec<Value>,
    /// What was read beside the files that the request names.
    pub further: Vec<String>,
}

/// Reads what the files that the request names have Compose read.
///
/// # Errors
/// [`Unread`], for the first file of which something is refused or cannot be read.
pub fn read(resolver: &Resolver, judge: &Judge, found: &Found) -> Result<Sources, Unread> {
    let directory = absolute(&resolver.located.directory, "");
    let reading = Reading { base: &directory, part: &Part::Whole, levels: &[], depth: 0 };
    let mut reader = Reader { resolver, judge, found, sources: Sources::default() };
    for text in &found.texts {
        let file = Text { name: text.name.clone(), text: reader.file(text, &reading)? };
        reader.sources.files.push(file);
    }
    Ok(reader.sources)
}

struct Reader<'a> {
    resolver: &'a Resolver<'a>,
    judge: &'a Judge<'a>,
    found: &'a Found,
    sources: Sources,
}

/// How a file is read.
struct Reading<'a> {
    /// What its paths start from.
    base: &'a Path,
    part: &'a Part,
    /// The projects that it is included by, from the outermost.
    levels: &'a [Level],
    depth: usize,
}

impl Reader<'_> {
    /// One file, as Compose is to read it.
    fn file(&mut self, file: &Text, reading: &Reading) -> Result<String, Unread> {
        let source = source::parse(&file.name, &file.text)?;
        let mut names = Names::of(&source.documents, reading.part);
        match reading.part {
            Part::Whole if reading.depth == 0 => self.sources.documents.extend(source.documents),
            Part::Whole => self.sources.included.extend(source.documents),
            Part::Service(_) => {}
        }
        if names.is_empty() {
            return Ok(source.text);
        }
        if reading.depth > MAX_DEPTH {
            let hint = "put all services into one file, and send it again";
            return Err(Trouble::request(
                format!("{}: files include or extend each other in a circle", file.name),
                hint,
            )
            .into());
        }
        self.put_variables_in(&mut names, reading)?;
        let facts = (self.judge)(&demands(&mut names, reading.base, &self.resolver.account.home))?;
        let mut replaced = Replaced::default();
        for name in &names.read {
            let path = place_of(name, reading.base, &self.resolver.account.home);
            let copy = self.variables(&path, &facts)?;
            replaced.put(name, &copy);
        }
        for include in &names.includes {
            self.include(include, reading, &facts, &mut replaced)?;
        }
        for (name, service) in &names.extends {
            let path = absolute(reading.base, &name.text);
            let base = path.parent().unwrap_or(Path::new("/"));
            let part = Part::Service(service.clone());
            let inner = Reading { base, part: &part, levels: reading.levels, depth: reading.depth + 1 };
            replaced.put(name, &self.named(&path, &facts, &inner)?);
        }
        Ok(replaced.written(&source.text))
    }

    /// Another project.
    fn include(
        &mut self,
        include: &Include,
        reading: &Reading,
        facts: &Facts,
        replaced: &mut Replaced,
    ) -> Result<(), Unread> {
        let path = |name: &Name| absolute(reading.base, &name.text);
        let first = include.files.first().map(path);
        let above = first.as_deref().and_then(Path::parent).unwrap_or(reading.base).to_owned();
        let base = include.directory.as_ref().map_or(above, path);
        let directory = self.tree()?.directory(&base)?;
        include.directory.iter().for_each(|name| replaced.put(name, &directory));
        let mut variables = Vec::new();
        for name in include.variables.iter().filter(|name| name.text != NOTHING) {
            let copy = self.variables(&path(name), facts)?;
            replaced.put(name, &copy);
            variables.push(copy);
        }
        if include.variables.is_empty() {
            let own = base.join(".env");
            let word = format!("include: {}", own.display());
            let facts = (self.judge)(&[Demand::new(Want::ClientRead { path: own.display().to_string() }, word)])?;
            self.variables(&own, &facts)?;
        }
        let mut levels = reading.levels.to_vec();
        levels.push(Level { directory, variables });
        for name in &include.files {
            let inner = Reading { base: &base, part: &Part::Whole, levels: &levels, depth: reading.depth + 1 };
            replaced.put(name, &self.named(&path(name), facts, &inner)?);
        }
        Ok(())
    }

    /// A file that was named and judged, with what it names; where its copy is.
    fn named(&mut self, path: &Path, facts: &Facts, reading: &Reading) -> Result<PathBuf, Unread> {
        let name = path.display().to_string();
        let text = project::text_at(&name, || tree::open(&resolved(path, facts)), hints::ONE_FILE)?;
        self.count(&text)?;
        let text = self.file(&Text { name, text }, reading)?;
        Ok(self.tree()?.put(path, &text)?)
    }

    /// Copies a file of variables or labels, if it is there; where its copy is, or would be.
    fn variables(&mut self, path: &Path, facts: &Facts) -> Result<PathBuf, Unread> {
        let is_file = matches!(facts.places.get(&path.display().to_string()), Some(Place::At { kind: Kind::File, .. }));
        if !is_file {
            return Ok(self.tree()?.at(path));
        }
        let name = path.display().to_string();
        let text = project::text_at(&name, || tree::open(&resolved(path, facts)), hints::ONE_FILE)?;
        self.count(&text)?;
        if variables::grows(&text) {
            let why = format!("{name} has a variable that grows too large");
            return Err(Trouble::request(why, "write its value out, shorter").into());
        }
        Ok(self.tree()?.put(path, &text)?)
    }

    fn count(&mut self, text: &str) -> Result<(), Unread> {
        self.sources.further.push(text.to_owned());
        if self.sources.further.len() > MAX_FILES {
            let why = format!("the project has more than {MAX_FILES} files, each counted as often as it is named");
            return Err(Trouble::request(why, "put its services into fewer files").into());
        }
        Ok(())
    }

    /// Names are taken as Compose takes them, which it says itself.
    fn put_variables_in(&mut self, names: &mut Names, reading: &Reading) -> Result<(), Unread> {
        let texts: Vec<String> =
            names.all_mut().filter(|name| name.text.contains('$')).map(|name| name.text.clone()).collect();
        if texts.is_empty() {
            return Ok(());
        }
        let resolver = self.resolver;
        let meant = resolver.meant(self.tree()?, reading.levels, &texts)?;
        let named = names.all_mut().filter(|name| name.text.contains('$'));
        named.zip(meant).for_each(|(name, text)| name.text = text);
        Ok(())
    }

    fn tree(&mut self) -> Result<&Tree, Unread> {
        match &mut self.sources.tree {
            Some(tree) => Ok(tree),
            none => {
                let tree = Tree::new(&state_directory(&self.resolver.account.name)?)?;
                let directory = absolute(&self.resolver.located.directory, "");
                tree.directory(&directory)?;
                let own = directory.join(".env");
                for file in self.found.variables.iter().filter(|file| absolute(&directory, &file.name) == own) {
                    tree.put(&own, &file.text)?;
                }
                Ok(none.insert(tree))
            }
        }
    }
}

/// What stands for no file of variables at all.
const NOTHING: &str = "/dev/null";

/// What reading the names asks for.
fn demands(names: &mut Names, base: &Path, home: &Path) -> Vec<Demand> {
    let odd = std::mem::take(&mut names.odd).into_iter();
    let odd: Vec<Demand> = odd
        .map(|word| {
            Demand::new(Want::UnknownModel { what: "what stands where a file should be named".to_owned() }, word)
        })
        .collect();
    let nothing = |name: &&mut Name| !(name.place == "include.env_file" && name.text == NOTHING);
    let named = names.all_mut().filter(nothing).map(|name| {
        let word = format!("{}: {}", name.place, name.text);
        if is_elsewhere(&name.text) {
            return hints::hinted(Demand::new(Want::RemoteProject { source: name.text.clone() }, word));
        }
        let path = place_of(name, base, home).display().to_string();
        hints::hinted(Demand::new(Want::ClientRead { path }, word))
    });
    odd.into_iter().chain(named).collect()
}

/// Where a name leads; that of a service's file can begin in the home (compose-go `paths/home.go`).
fn place_of(name: &Name, base: &Path, home: &Path) -> PathBuf {
    let of_service = name.place.starts_with("services.") && !name.place.ends_with(".extends.file");
    match name.text.strip_prefix('~').filter(|_| of_service) {
        Some(rest) => absolute(home, rest.trim_start_matches('/')),
        None => absolute(base, &name.text),
    }
}

fn resolved(path: &Path, facts: &Facts) -> PathBuf {
    PathBuf::from(facts.resolved(&path.display().to_string()))
}
