//! What a recorded request was about: the objects that it names and makes, and what it asks for. Pure.

use crate::api::call::Call;
use crate::audit::read::line::Fields;
use crate::audit::read::value;
use crate::demand::{Demand, Object, Want};
use crate::docker::Invocation;
use crate::docker::options::Given;
use crate::request::words::Words;
use std::collections::HashMap;
use std::rc::Rc;

/// A request, as far as it can be understood from its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Docker's words for the command; empty where it was not understood.
    pub command: &'static str,
    pub demands: Vec<Demand>,
    /// The Compose project that `-p` names; of a call, that of its labels.
    pub project: Option<String>,
    /// What comes to be under a name.
    pub makes: Vec<(Object, String)>,
}

/// Where a command names what it makes.
enum Place {
    /// In an option's value.
    Option(&'static str),
    /// In operands, from this one on.
    Operands(usize),
}

/// What commands make, and where they name it.
const MAKES: &[(&str, Object, Place)] = &[
    ("run", Object::Container, Place::Option("name")),
    ("create", Object::Container, Place::Option("name")),
    ("compose run", Object::Container, Place::Option("name")),
    ("rename", Object::Container, Place::Operands(1)),
    ("build", Object::Image, Place::Option("tag")),
    ("pull", Object::Image, Place::Operands(0)),
    ("tag", Object::Image, Place::Operands(1)),
    ("commit", Object::Image, Place::Operands(1)),
    ("import", Object::Image, Place::Operands(1)),
    ("network create", Object::Network, Place::Operands(0)),
    ("volume create", Object::Volume, Place::Operands(0)),
    ("volume create", Object::Volume, Place::Option("name")),
];

impl About {
    /// Understands a request, its secrets masked or not.
    pub fn of(request: &[u8]) -> Option<Self> {
        let invocation = Invocation::parse(&Words::split(request).ok()?).ok()?;
        let named = |given: &&Given| given.option.long == "project-name";
        let project = invocation.root_options().iter().rfind(named).and_then(Given::value).map(str::to_owned);
        let rows = MAKES.iter().filter(|(command, ..)| *command == invocation.name());
        let makes = rows.flat_map(|(_, object, place)| {
            let names: Vec<String> = match place {
                Place::Option(long) => {
                    let given = invocation.options().iter().filter(|given| given.option.long == *long);
                    given.filter_map(Given::value).map(str::to_owned).collect()
                }
                Place::Operands(from) => invocation.operands().iter().skip(*from).cloned().collect(),
            };
            names.into_iter().map(|name| (*object, name))
        });
        let makes = makes.collect();
        Some(Self { command: invocation.name(), demands: invocation.demands(), project, makes })
    }

    /// Understands a call of the API, as its record has it.
    pub fn of_call(request: &str) -> Option<Self> {
        let call = Call::of_record(request)?;
        let demands = call.demands();
        let project = demands.iter().find_map(|demand| match &demand.want {
            Want::Project { project, .. } => project.clone(),
            _ => None,
        });
        Some(Self { command: call.operation(), demands, project, makes: call.makes() })
    }

    /// Everything that the request names, made or there before.
    pub fn names(&self) -> impl Iterator<Item = (Object, &str)> {
        let named = self.demands.iter().filter_map(|demand| match &demand.want {
            Want::Object { object, name, .. } => Some((*object, name.as_str())),
            Want::Image { name } => Some((Object::Image, name.as_str())),
            Want::Named { name } => Some((Object::Container, name.as_str())),
            Want::Volume { name } => Some((Object::Volume, name.as_str())),
            _ => None,
        });
        named.chain(self.makes.iter().map(|(object, name)| (*object, name.as_str())))
    }
}

/// Whether a command makes what is of a Compose project.
pub fn makes_project(command: &str) -> bool {
    matches!(command, "compose up" | "compose create" | "compose run" | "compose build")
}

/// Whether something may come of it, also without a name.
pub fn may_make(about: &About) -> bool {
    let command = about.command;
    !about.makes.is_empty() || makes_project(command) || MAKES.iter().any(|(known, ..)| *known == command)
}

/// Requests that were understood already, as most come again and again.
#[derive(Debug, Default)]
pub struct Understood {
    requests: Known,
    calls: Known,
}

type Known = HashMap<Box<str>, Option<Rc<About>>>;

impl Understood {
    /// So many are kept; then it begins anew.
    const MOST: usize = 4096;

    /// What the request or call in a record is about.
    pub fn of(&mut self, fields: &Fields<'_>) -> Option<Rc<About>> {
        let escaped = fields.get("request")?;
        let known = if is_call(fields) { &mut self.calls } else { &mut self.requests };
        if let Some(known) = known.get(escaped) {
            return known.clone();
        }
        let sent = value::unescaped(escaped);
        let about = if is_call(fields) {
            sent.and_then(|call| About::of_call(std::str::from_utf8(&call).ok()?))
        } else {
            sent.and_then(|request| About::of(&request))
        };
        let about = about.map(Rc::new);
        if known.len() >= Self::MOST {
            known.clear();
        }
        // A request can be long, and such ones do not come twice.
        if escaped.len() <= 1024 {
            known.insert(escaped.into(), about.clone());
        }
        about
    }
}

/// Whether a record is of a call of the API, and not of a request. A request can look like one.
pub fn is_call(fields: &Fields<'_>) -> bool {
    fields.get("via").is_some_and(|via| via != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_what_it_makes_and_touches() {
        for (request, makes, names) in [
            ("docker run -d --name web -v data:/x nginx", "Container web", "data nginx web"),
            ("docker build -t a -t b:1 -", "Image a, Image b:1", "a b:1"),
            ("docker pull alpine", "Image alpine", "alpine"),
            ("docker network create net", "Network net", "net"),
            ("docker volume create vol", "Volume vol", "vol"),
            ("docker rename old new", "Container new", "new old"),
            ("docker stop web", "", "web"),
            ("docker run -e A=*** --name x y", "Container x", "x y"),
        ] {
            let about = About::of(request.as_bytes()).expect(request);
            let made: Vec<String> = about.makes.iter().map(|(object, name)| format!("{object:?} {name}")).collect();
            let mut all: Vec<&str> = about.names().map(|(_, name)| name).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!((made.join(", "), all.join(" ")), (makes.to_owned(), names.to_owned()), "{request}");
        }
        assert_eq!(About::of(b"docker compose -p shop up").and_then(|about| about.project).as_deref(), Some("shop"));
        assert_eq!(About::of(b"ls"), None);
    }

    #[test]
    fn a_call_is_about_what_its_record_has_and_a_request_is_no_call() {
        let call = "POST /containers/create?name=web {\\\"Image\\\":\\\"nginx\\\",\\\"Labels\\\":{\\\"com.docker.compose.project\\\":\\\"shop\\\"}}";
        let mut understood = Understood::default();
        for via in ["argv", "dial-stdio", "proxy"] {
            let record = format!("verdict=allow command=create via={via} request=\"{call}\"");
            let about = understood.of(&Fields::of(&record).unwrap()).expect(via);
            assert_eq!((about.command, about.project.as_deref()), ("create", Some("shop")));
            assert_eq!(about.makes, [(Object::Container, "web".to_owned())]);
            assert!(about.names().any(|name| name == (Object::Image, "nginx")));
        }
        let record = format!("verdict=deny command=- request=\"{call}\"");
        assert!(understood.of(&Fields::of(&record).unwrap()).is_none());
        let build = "verdict=allow command=build via=argv request=\"gRPC /moby.buildkit.v1.Control/Solve\"";
        assert!(understood.of(&Fields::of(build).unwrap()).is_none());
    }

    #[test]
    fn what_makes_something_is_a_command_with_that_option() {
        use crate::docker::catalogue;
        for (name, _, place) in MAKES {
            let command = catalogue::commands().find(|command| command.name == *name).expect(name);
            if let Place::Option(long) = place {
                assert!(command.all_options().any(|option| option.long == *long), "{name} {long}");
            }
        }
    }
}
