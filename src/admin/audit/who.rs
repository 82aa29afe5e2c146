//! Who: which requests made, or named, a container, image, network or volume. Pure.

use super::about::{Understood, is_call, makes_project, may_make};
use super::names::Names;
use crate::audit::read::line::Fields;
use crate::cli::audit::Deed;
use crate::demand::Object;
use std::collections::{HashMap, VecDeque};

/// So many requests may be under way of which it is not known yet what they make.
const OPEN: usize = 4096;

/// A name that is looked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    name: &'a str,
    deed: Deed,
    names: Names,
    understood: Understood,
    open: HashMap<String, Vec<Held>>,
    order: VecDeque<String>,
    /// Whether the log has records of what was made at all.
    tells: bool,
    /// Ids of requests that were to make it, and failed.
    pub failed: Vec<String>,
}

/// A decision that may come to have made it.
#[derive(Debug)]
struct Held {
    line: String,
    call: bool,
    /// What it makes has a record of its own when it is made.
    told: bool,
    /// It names what it makes, and that is what is looked for.
    names: bool,
}

impl<'a> Wanted<'a> {
    pub fn new(name: &'a str, deed: Deed) -> Self {
        let names = Names::of(&[name.to_owned()]);
        let (understood, open, order) = (Understood::default(), HashMap::new(), VecDeque::new());
        Self { name, deed, names, understood, open, order, tells: false, failed: Vec::new() }
    }

    /// The lines to show, once a record was seen: its own, or one that was held until this told what came of it.
    pub fn see(&mut self, fields: &Fields<'_>, line: impl Fn() -> String) -> Vec<String> {
        let run = format!("{} {}", fields.host, fields.id());
        match fields.verdict() {
            "end" if fields.get("exit").is_some_and(|exit| exit == "0") => self.counted(&run),
            "end" | "error" => self.fail(&run, fields),
            "made" => self.made(&run, fields, line),
            _ => self.decision(run, fields, line),
        }
    }

    /// What is still under way when the log ends.
    pub fn rest(&mut self) -> Vec<String> {
        let order = std::mem::take(&mut self.order);
        order.iter().flat_map(|run| self.counted(run)).collect()
    }

    fn counted(&mut self, run: &str) -> Vec<String> {
        let held = self.open.remove(run).unwrap_or_default();
        held.into_iter().filter(|held| held.names && !(held.told && self.tells)).map(|held| held.line).collect()
    }

    /// It ended otherwise, or never began: then it made what has a record, and no more.
    fn fail(&mut self, run: &str, fields: &Fields<'_>) -> Vec<String> {
        let held = self.open.remove(run).unwrap_or_default();
        if held.iter().any(|held| held.names) && self.failed.len() < OPEN {
            self.failed.push(fields.id().to_owned());
        }
        Vec::new()
    }

    fn made(&mut self, run: &str, fields: &Fields<'_>, line: impl Fn() -> String) -> Vec<String> {
        self.tells = true;
        let kinds = [Object::Container, Object::Image, Object::Network, Object::Volume];
        let Some(object) = kinds.into_iter().find(|kind| kind.name() == fields.or_none("made")) else {
            return Vec::new();
        };
        if !self.names.learn(object, fields.or_none("name"), fields.or_none("object")) {
            return Vec::new();
        }
        let held = self.open.get_mut(run).map(std::mem::take).unwrap_or_default();
        // Of calls that name it, the last one that came before it was made; else the last one.
        let call = held.iter().rposition(|held| held.call && held.names);
        let call = call.or_else(|| held.iter().rposition(|held| held.call));
        let made = held.into_iter().enumerate().filter(|(at, held)| !held.call || Some(*at) == call);
        let mut lines: Vec<String> = made.map(|(_, held)| held.line).collect();
        lines.push(line());
        lines
    }

    fn decision(&mut self, run: String, fields: &Fields<'_>, line: impl Fn() -> String) -> Vec<String> {
        let Some(about) = self.understood.of(fields) else { return Vec::new() };
        let maker = makes_project(about.command) && about.project.as_ref().is_some_and(|project| self.is_of(project));
        let made = about.makes.iter().find(|(object, made)| self.names.has(*object, made));
        let names = maker || made.is_some();
        let all = self.deed == Deed::Named;
        if all && (names || about.names().any(|(object, named)| self.names.has(object, named))) {
            return vec![line()];
        }
        if fields.verdict() != "deny" && may_make(&about) {
            let call = is_call(fields);
            let image = made.is_some_and(|(object, _)| *object == Object::Image);
            let told = call && !image && about.command != "rename";
            self.hold(run, Held { line: line(), call, told, names });
        }
        Vec::new()
    }

    /// Whether it has a name such as Compose gives to what is of that project.
    fn is_of(&self, project: &str) -> bool {
        let rest = self.name.strip_prefix(project).and_then(|rest| rest.strip_prefix(['-', '_']));
        rest.is_some_and(|rest| !rest.is_empty())
    }

    fn hold(&mut self, run: String, new: Held) {
        if !self.open.contains_key(&run) {
            self.order.push_back(run.clone());
        }
        // What was made so far has its record; of a connection's many calls only the last can still get one.
        let held = self.open.entry(run).or_default();
        held.retain(|held| !held.call || held.names);
        held.push(new);
        while self.open.len() > OPEN || self.order.len() > 2 * OPEN {
            let Some(oldest) = self.order.pop_front() else { break };
            self.open.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "98bdbea8d20a0123456789abcdef";

    /// The numbers of the records that are shown, in that order.
    fn shown(name: &str, deed: Deed, log: &[String]) -> Vec<usize> {
        let mut wanted = Wanted::new(name, deed);
        let mut lines = Vec::new();
        for (number, record) in log.iter().enumerate() {
            lines.extend(wanted.see(&Fields::of(record).expect(record), || number.to_string()));
        }
        lines.extend(wanted.rest());
        lines.into_iter().map(|line| line.parse().expect("a number")).collect()
    }

    fn asked(id: u32, request: &str) -> String {
        format!("verdict=allow command=x id={id}-1 request=\"docker {request}\"")
    }

    fn called(id: u32, call: &str) -> String {
        format!("verdict=allow command=x id={id}-1 via=argv request=\"{call}\"")
    }

    fn made(id: u32, name: &str, object: &str) -> String {
        format!("verdict=made id={id}-1 via=argv made=container name={name} object={object}")
    }

    fn ended(id: u32, exit: u8) -> String {
        format!("verdict=end id={id}-1 exit={exit}")
    }

    #[test]
    fn the_maker_is_found() {
        for (name, deed, record, found) in [
            ("web", Deed::Made, "verdict=allow request=\"docker run --name web x\"", true),
            ("web", Deed::Made, "verdict=deny request=\"docker run --name web x\"", false),
            ("web", Deed::Named, "verdict=deny request=\"docker run --name web x\"", true),
            ("web", Deed::Made, "verdict=allow request=\"docker stop web\"", false),
            ("web", Deed::Named, "verdict=allow request=\"docker stop web\"", true),
            ("shop-web-1", Deed::Made, "verdict=allow request=\"docker compose -p shop up -d\"", true),
            ("shop-web-1", Deed::Made, "verdict=allow request=\"docker compose -p shop ps\"", false),
            ("app:latest", Deed::Made, "verdict=allow request=\"docker build -t app -\"", true),
            ("app:2", Deed::Made, "verdict=allow request=\"docker build -t app -\"", false),
            ("0123456789ab", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", true),
            ("web", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", true),
            ("0123", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", false),
            ("0123456789ab", Deed::Made, "verdict=made made=image name=- object=sha256:0123456789abcdef", true),
            ("net", Deed::Made, "verdict=made made=network name=net object=01", true),
            ("web", Deed::Made, "verdict=allow via=proxy request=\"POST /containers/create?name=web\"", true),
            ("web", Deed::Named, "verdict=allow via=argv request=\"DELETE /containers/web\"", true),
            ("web", Deed::Made, "verdict=allow via=argv request=\"DELETE /containers/web\"", false),
            ("shop-web-1", Deed::Made, "verdict=allow via=argv request=\"POST /containers/shop-web-1/start\"", false),
        ] {
            assert_eq!(shown(name, deed, &[record.to_owned()]).len(), usize::from(found), "{name} {record}");
        }
    }

    #[test]
    fn name_and_id_are_joined_by_the_record_of_the_making() {
        let log = [
            asked(1, "run -d nginx"),
            called(1, "POST /containers/create"),
            made(1, "silly_darwin", ID),
            called(1, &format!("POST /containers/{ID}/start")),
            ended(1, 0),
            asked(2, "stop 98bdbea8d20a"),
            called(2, "POST /containers/98bdbea8d20a/stop"),
            asked(3, "run -d nginx"),
            made(3, "other", "0123456789abcdef"),
            asked(4, "rm silly_darwin"),
            called(4, &format!("DELETE /containers/{ID}")),
            called(4, "DELETE /containers/other"),
        ];
        for name in ["silly_darwin", "98bdbea8d20a", ID] {
            assert_eq!(shown(name, Deed::Made, &log), [0, 1, 2], "{name}");
            assert_eq!(shown(name, Deed::Named, &log), [0, 1, 2, 3, 5, 6, 9, 10], "{name}");
        }
        assert_eq!(shown("98bdbea8d20", Deed::Named, &log), [0usize; 0]);
    }

    #[test]
    fn what_failed_made_nothing_but_what_has_a_record() {
        let create = "POST /containers/create?name=web";
        let mut wanted = Wanted::new("web", Deed::Made);
        for record in [asked(1, "run --name web x"), called(1, create), ended(1, 125)] {
            assert_eq!(wanted.see(&Fields::of(&record).expect(&record), String::new), [""; 0]);
        }
        assert_eq!((wanted.rest(), wanted.failed), (vec![], vec!["1-1".to_owned()]));
        let log = [asked(1, "run --name web x"), called(1, create), made(1, "web", ID), ended(1, 3)];
        assert_eq!(shown("web", Deed::Made, &log), [0, 1, 2]);
        let unbegun = "verdict=error reason=docker-not-started id=1-1 request=\"docker run --name web x\"".to_owned();
        assert_eq!(shown("web", Deed::Made, &[asked(1, "run --name web x"), unbegun]), [0usize; 0]);
        // A connection has many calls and one end, which says nothing of one of them.
        let log =
            [called(2, create), made(1, "db", ID), called(2, create), made(2, "web", "0123456789abcdef"), ended(2, 0)];
        assert_eq!(shown("web", Deed::Made, &log[..2]), [0usize; 0]);
        assert_eq!(shown("web", Deed::Made, &log), [2, 3]);
        assert_eq!(
            shown("web", Deed::Made, &[called(2, "POST /containers/a/rename?name=web"), made(1, "db", ID)]),
            [0]
        );
    }
}
