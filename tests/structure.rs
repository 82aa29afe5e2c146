//! The house: which modules there are, in which half each is, and that what they import goes one way.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path below the crate: `policy::settings`; `policy` is what `policy/mod.rs` holds itself.
type Module = String;

/// The sources of the library without their comments, strings and tests.
struct Sources(BTreeMap<Module, String>);

impl Sources {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        collect(&root, &mut files);
        let module = |file: &PathBuf| {
            let inner = file.strip_prefix(&root).unwrap().with_extension("").display().to_string().replace('/', "::");
            inner.strip_suffix("::mod").map(str::to_owned).unwrap_or(inner)
        };
        let library = files.iter().filter(|file| !["main.rs", "lib.rs"].map(|name| root.join(name)).contains(file));
        Self(library.map(|file| (module(file), code(&fs::read_to_string(file).unwrap()))).collect())
    }

    /// What each module imports or names of others.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        self.0.iter().map(|(module, text)| (module, self.imports_of(module, text))).collect()
    }

    fn imports_of(&self, module: &str, text: &str) -> BTreeSet<&Module> {
        let declared = |line: &str| {
            let name = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            name.strip_prefix("mod ").map(|name| name.trim_end_matches(';').to_owned())
        };
        let children: BTreeSet<String> = text.lines().filter_map(declared).collect();
        let full = paths(text).into_iter().filter_map(|path| {
            let parts: Vec<&str> = path.split("::").collect();
            let (first, rest) = parts.split_first()?;
            let mut base: Vec<&str> = module.split("::").collect();
            let mut rest = rest;
            match *first {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    base.pop();
                    while let Some(("super", below)) = rest.split_first().map(|(first, below)| (*first, below)) {
                        base.pop();
                        rest = below;
                    }
                }
                child if children.contains(child) => base.push(child),
                _ => return None,
            }
            base.extend(rest);
            Some(base.join("::"))
        });
        let deepest = |path: String| {
            let mut path = path.as_str();
            loop {
                if let Some((found, _)) = self.0.get_key_value(path) {
                    return Some(found);
                }
                path = path.rsplit_once("::")?.0;
            }
        };
        full.filter_map(deepest).filter(|found| *found != module).collect()
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Without line comments, string literals and what is only compiled for tests, which stands last in a file.
fn code(text: &str) -> String {
    let tests = ["mod tests", "pub(crate) mod tests"].map(|module| format!("#[cfg(test)]\n{module} {{"));
    let parts = tests.iter().find_map(|start| text.split_once(start.as_str()));
    let (text, tests) = parts.unwrap_or((text, "\n}\n"));
    assert_eq!(tests.split_once("\n}\n").map(|(_, behind)| behind), Some(""), "nothing stands behind a file's tests");
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut kept = String::new();
    let mut quoted = false;
    let mut before = ' ';
    for c in lines.flat_map(|line| line.chars().chain(['\n'])) {
        match c {
            '"' if before != '\\' && before != '\'' => quoted = !quoted,
            _ if !quoted => kept.push(c),
            _ => {}
        }
        before = if before == '\\' { ' ' } else { c };
    }
    // Visibility is no import.
    kept.replace("pub(in crate::", "pub(in ")
}

/// Every path of two or more names in `text`, with groups (`a::{b, c::d}`) taken apart.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("::") {
        let start = rest[..at].rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |before| before + 1);
        let head = &rest[start..at];
        let end = take(&rest[at + 2..], head, &mut found);
        rest = &rest[at + 2 + end..];
    }
    found
}

/// Reads what follows `head::`, and says how far it went.
fn take(text: &str, head: &str, found: &mut Vec<String>) -> usize {
    if let Some(group) = text.strip_prefix('{') {
        let mut at = 0;
        while let Some(c) = group[at..].chars().next() {
            match c {
                '}' => return at + 2,
                ',' | ' ' | '\n' => at += 1,
                _ => at += take(&group[at..], head, found).max(1),
            }
        }
        return text.len();
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = format!("{head}::{}", &text[..end]);
    if text[end..].starts_with("::") {
        return end + 2 + take(&text[end + 2..], &path, found);
    }
    found.push(path.trim_end_matches("::self").to_owned());
    end
}

/// The rows of the table in lib.rs: each module of the top level, and whether it is of the deciding half.
fn halves() -> BTreeMap<String, bool> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("//! | [`")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches("`]").to_owned();
        match cells.next()? {
            "decides" => Some((name, true)),
            "acts" => Some((name, false)),
            other => panic!("{name}: {other} is neither half"),
        }
    };
    let rows: BTreeMap<_, _> = text.lines().filter_map(row).collect();
    let modules: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in &modules {
        assert!(rows.contains_key(*module), "src/lib.rs: {module} has no row in the table of the halves");
    }
    assert_eq!(rows.len(), modules.len(), "src/lib.rs: a row names a module that is not there");
    rows
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// A way from `start` back to itself.
fn circle<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &'a str) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        way: &mut Vec<&'a str>,
        seen: &mut BTreeSet<&'a str>,
    ) -> bool {
        let here = *way.last().unwrap();
        for next in graph.get(here).into_iter().flatten() {
            if Some(next) == way.first() {
                return true;
            }
            if seen.insert(next) {
                way.push(next);
                if walk(graph, way, seen) {
                    return true;
                }
                way.pop();
            }
        }
        false
    }
    let mut way = vec![start];
    walk(graph, &mut way, &mut BTreeSet::new()).then_some(way)
}

#[track_caller]
fn has_no_circle(graph: &BTreeMap<&str, BTreeSet<&str>>) {
    let circles: Vec<_> = graph.keys().filter_map(|start| circle(graph, start)).collect();
    let shortest = circles.iter().min_by_key(|way| way.len());
    assert!(circles.is_empty(), "import each other: {shortest:?}; all: {circles:#?}");
}

#[test]
fn no_modules_import_each_other() {
    let sources = Sources::read();
    let imports = sources.imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "the imports are not found any more");
    let graph = imports.iter().map(|(module, others)| (module.as_str(), others.iter().map(|o| o.as_str()).collect()));
    has_no_circle(&graph.collect());
}

#[test]
fn no_rooms_import_each_other() {
    let sources = Sources::read();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, others) in sources.imports() {
        let others = others.iter().map(|other| room(other)).filter(|other| *other != room(module));
        graph.entry(room(module)).or_default().extend(others);
    }
    has_no_circle(&graph);
}

#[test]
fn the_deciding_half_does_not_act_and_knows_nothing_of_what_does() {
    let sources = Sources::read();
    let halves = halves();
    for (module, imports) in sources.imports() {
        if !halves[room(module)] {
            continue;
        }
        let text = &sources.0[module];
        assert!(!text.contains("clippy::disallowed_methods"), "{module} decides, and has an effect of its own");
        for import in imports {
            assert!(halves[room(import)], "{module} decides, and imports {import}, which acts");
        }
    }
}

#[test]
fn paths_are_found() {
    let text = "use crate::a::{self, b::{C, d}, e};\nlet x = super::f(crate::g::h::<T>());\n";
    let found = paths(text);
    for path in ["crate::a", "crate::a::b::C", "crate::a::b::d", "crate::a::e", "super::f", "crate::g::h"] {
        assert!(found.iter().any(|p| p.trim_end_matches("::") == path), "{path}: {found:?}");
    }
}
