//! Names: the files that a Compose file has Compose read, by the places in which they are named. Pure.
//!
//! Each is judged, copied, and named anew by where its copy is: what Compose reads is what was judged.

use super::yaml::{self, Content, Node, write};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// The name of a file, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Which document of the file, and the way to it there.
    spot: Spot,
    /// For who sent it: `services.web.env_file`.
    pub place: String,
    /// As it is written, then as it is meant: variables put in.
    pub text: String,
}

/// A document's number, and a JSON pointer.
type Spot = (usize, String);

/// Another project: its files, the files of variables for it, and the directory that its paths start from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Include {
    pub files: Vec<Name>,
    pub variables: Vec<Name>,
    pub directory: Option<Name>,
}

/// Everything that a file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub includes: Vec<Include>,
    /// A file, and the service of it that is meant.
    pub extends: Vec<(Name, String)>,
    /// Files of variables and of labels.
    pub read: Vec<Name>,
    /// What stands where a name should, and is none.
    pub odd: Vec<String>,
}

/// The services of a file that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All; and what the file includes.
    Whole,
    /// The one that a service of another file extends, with those that it extends itself.
    Service(String),
}

impl Names {
    /// Those in the documents of a file.
    pub fn of(documents: &[Value], part: &Part) -> Self {
        let mut names = Self::default();
        let reached = match part {
            Part::Whole => None,
            Part::Service(service) => reached(documents, service),
        };
        for (number, document) in documents.iter().enumerate() {
            if *part == Part::Whole {
                names.included((number, "/include"), document.get("include"));
            }
            for (service, content) in document.get("services").and_then(Value::as_object).into_iter().flatten() {
                if reached.as_ref().is_none_or(|reached| reached.contains(service)) {
                    names.service(number, service, content);
                }
            }
        }
        names
    }

    fn service(&mut self, document: usize, service: &str, content: &Value) {
        let way = format!("/services/{}", escaped(service));
        let place = format!("services.{service}");
        let extends = content.get("extends");
        if let Some(file) = extends.and_then(|extends| extends.get("file")).filter(|file| !file.is_null()) {
            let meant = extends.and_then(|extends| extends.get("service")).and_then(Value::as_str);
            let found = self.texts((document, &format!("{way}/extends/file")), &format!("{place}.extends.file"), file);
            self.extends.extend(found.into_iter().map(|name| (name, meant.unwrap_or_default().to_owned())));
        }
        for key in ["env_file", "label_file"] {
            let found = content
                .get(key)
                .map(|value| self.texts((document, &format!("{way}/{key}")), &format!("{place}.{key}"), value));
            self.read.extend(found.unwrap_or_default());
        }
    }

    fn included(&mut self, (document, way): (usize, &str), include: Option<&Value>) {
        let items = match include {
            None | Some(Value::Null) => return,
            Some(Value::Array(items)) => items,
            Some(_) => return self.odd.push("include".to_owned()),
        };
        for (index, item) in items.iter().enumerate() {
            let way = format!("{way}/{index}");
            let mut field = |key: &str| {
                let value = item.get(key).unwrap_or(&Value::Null);
                let place = if key == "path" { "include".to_owned() } else { format!("include.{key}") };
                self.texts((document, &format!("{way}/{key}")), &place, value)
            };
            let include = match item {
                Value::Object(_) => Include {
                    files: field("path"),
                    variables: field("env_file"),
                    directory: field("project_directory").into_iter().next(),
                },
                _ => Include { files: self.texts((document, &way), "include", item), ..Include::default() },
            };
            self.includes.push(include);
        }
    }

    /// `a`, `[a, b]` or `[{path: a}]`.
    fn texts(&mut self, (document, way): (usize, &str), place: &str, value: &Value) -> Vec<Name> {
        let name =
            |way: String, text: &str| Name { spot: (document, way), place: place.to_owned(), text: text.to_owned() };
        match value {
            Value::Null => Vec::new(),
            Value::String(text) => vec![name(way.to_owned(), text)],
            Value::Array(items) => {
                let mut names = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    match (item, item.get("path")) {
                        (Value::String(text), _) => names.push(name(format!("{way}/{index}"), text)),
                        (_, Some(Value::String(text))) => names.push(name(format!("{way}/{index}/path"), text)),
                        (Value::Null, _) => {}
                        _ => self.odd.push(format!("{place}: {item}")),
                    }
                }
                names
            }
            other => {
                self.odd.push(format!("{place}: {other}"));
                Vec::new()
            }
        }
    }

    /// Every name.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Name> {
        let included = self
            .includes
            .iter_mut()
            .flat_map(|include| include.files.iter_mut().chain(&mut include.variables).chain(&mut include.directory));
        included.chain(self.extends.iter_mut().map(|(name, _)| name)).chain(&mut self.read)
    }

    /// Whether the file names no other.
    pub fn is_empty(&self) -> bool {
        let Self { includes, extends, read, odd } = self;
        includes.is_empty() && extends.is_empty() && read.is_empty() && odd.is_empty()
    }
}

/// A service and those that it extends in the same file; `None` where that is not plain, and all count.
fn reached(documents: &[Value], service: &str) -> Option<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    let mut next = vec![service.to_owned()];
    while let Some(name) = next.pop() {
        if name.contains('$') {
            return None;
        }
        if !reached.insert(name.clone()) {
            continue;
        }
        for document in documents {
            let extends = document.get("services").and_then(|services| services.get(&name)?.get("extends"));
            let here = extends.filter(|extends| extends.get("file").is_none_or(Value::is_null));
            let base = here.and_then(|base| base.as_str().or_else(|| base.get("service")?.as_str()));
            next.extend(base.map(str::to_owned));
        }
    }
    Some(reached)
}

/// The paths that names are to be replaced with.
#[derive(Debug, Default)]
pub struct Replaced(BTreeMap<Spot, String>);

impl Replaced {
    /// A name is replaced with a path.
    pub fn put(&mut self, name: &Name, path: &Path) {
        self.0.insert(name.spot.clone(), path.display().to_string());
    }

    /// The text of a file with these in place of its names. `text` is one that was written here: no aliases are left
    /// in it, and no merge keys.
    pub fn written(&self, text: &str) -> String {
        let mut written = String::new();
        for (number, document) in yaml::read(text).unwrap_or_default().iter().enumerate() {
            written.push_str(if number == 0 { "" } else { "\n---\n" });
            // It was written once already.
            let _ = write::write(&self.node(document, &(number, String::new())), &mut written);
        }
        written
    }

    fn node(&self, node: &Rc<Node>, spot: &Spot) -> Rc<Node> {
        let below = |key: &str| (spot.0, format!("{}/{}", spot.1, escaped(key)));
        let content = match &node.content {
            Content::Scalar { .. } => match self.0.get(spot) {
                // It is read with variables once more.
                Some(path) => Content::Scalar { text: path.replace('$', "$$"), plain: false },
                None => return Rc::clone(node),
            },
            Content::Sequence(items) => {
                let items = items.iter().enumerate().map(|(index, item)| self.node(item, &below(&index.to_string())));
                Content::Sequence(items.collect())
            }
            Content::Mapping(entries) => Content::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let text = if let Content::Scalar { text, .. } = &key.content { text.as_str() } else { "" };
                        (Rc::clone(key), self.node(value, &below(text)))
                    })
                    .collect(),
            ),
        };
        Rc::new(Node::new(content, node.tag))
    }
}

/// A key as a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A path as Compose understands it: absolute, and `..` taken away by its words, before any link is followed (Go's
/// `filepath.Join`).
pub fn absolute(base: &Path, path: &str) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in base.join(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::source;

    fn names(text: &str, part: &Part) -> Vec<String> {
        let source = source::parse("f", text).expect("a file");
        let mut names = Names::of(&source.documents, part);
        let found: Vec<String> = names.all_mut().map(|name| format!("{}: {}", name.place, name.text)).collect();
        found.into_iter().chain(names.odd).collect()
    }

    #[test]
    fn whatever_would_be_read_is_named() {
        for (text, found) in [
            ("services: {a: {image: x, env_file: .ssh/id}}", &["services.a.env_file: .ssh/id"] as &[_]),
            ("services: {a: {env_file: [x, {path: y}]}}", &["services.a.env_file: x", "services.a.env_file: y"]),
            ("services: {a: {env_file: 5}}", &["services.a.env_file: 5"]),
            ("services: {a: {label_file: [x]}}", &["services.a.label_file: x"]),
            ("include: [x.yaml]", &["include: x.yaml"]),
            ("include: x.yaml", &["include"]),
            ("\"\\x69nclude\": [x.yaml]", &["include: x.yaml"]),
            (
                "include: [{path: [x, y], env_file: z, project_directory: d}]",
                &["include: x", "include: y", "include.env_file: z", "include.project_directory: d"],
            ),
            ("services: {a: {extends: {file: x, service: b}}}", &["services.a.extends.file: x"]),
            ("services: {a: {extends: {service: b}}}", &[]),
            ("x: &x {env_file: y}\nservices: {a: {<<: *x}}", &["services.a.env_file: y"]),
            ("x: &x {env_file: y}\nz: &z {<<: *x}\nservices: {a: {<<: [{}, *z]}}", &["services.a.env_file: y"]),
            ("services: {}\n---\nservices: {a: {env_file: y}}", &["services.a.env_file: y"]),
            ("services: {a: {env_file: !override [y]}}", &["services.a.env_file: y"]),
            ("services: {a: {image: x}}", &[]),
        ] {
            assert_eq!(names(text, &Part::Whole), found, "{text}");
        }
    }

    #[test]
    fn of_a_file_that_is_extended_only_what_is_reached_counts() {
        let text = "include: [x]\nservices: {a: {extends: b, env_file: 1.env}, b: {extends: {service: c}}, c: {env_file: 2.env}, d: {env_file: 3.env}}";
        let reached = |service: &str| names(text, &Part::Service(service.to_owned()));
        assert_eq!(reached("a"), ["services.a.env_file: 1.env", "services.c.env_file: 2.env"]);
        assert_eq!(reached("b"), ["services.c.env_file: 2.env"]);
        assert_eq!(reached("${X}").len(), 3);
        assert_eq!(reached("none"), [""; 0]);
    }

    #[test]
    fn names_are_replaced_where_they_stand_and_nothing_else_is() {
        let text = "include: [x]\nservices: {'a/b': {env_file: !override [x, {path: x, required: false}], command: x, user: 022}}\n---\nservices: {c: {label_file: x}}";
        let source = source::parse("f", text).expect("a file");
        let mut names = Names::of(&source.documents, &Part::Whole);
        let mut replaced = Replaced::default();
        names.all_mut().enumerate().for_each(|(at, name)| replaced.put(name, Path::new(&format!("/$/{at}"))));
        assert_eq!(
            replaced.written(&source.text),
            "{\"include\": [\"/$$/0\"], \"services\": {\"a/b\": {\"env_file\": !override [\"/$$/1\", {\"path\": \"/$$/2\", \"required\": false}], \
             \"command\": \"x\", \"user\": 022}}}\n---\n{\"services\": {\"c\": {\"label_file\": \"/$$/3\"}}}"
        );
    }

    #[test]
    fn paths_are_taken_by_their_words() {
        for (path, expected) in
            [("b", "/a/b"), ("./b/../c", "/a/c"), ("../../../b", "/b"), ("/x/../y/", "/y"), ("", "/a")]
        {
            assert_eq!(absolute(Path::new("/a"), path), Path::new(expected), "{path}");
        }
    }
}
