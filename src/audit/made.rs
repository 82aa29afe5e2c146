//! Made: what a call has made, as a record under the id of its request. Pure.

use super::record::push_value;
use crate::request::Request;

/// Something that has come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made<'a> {
    /// By which way the call came.
    pub via: &'a str,
    /// `container`, `image`, `network` or `volume`.
    pub kind: &'a str,
    /// Empty where it has none.
    pub name: &'a str,
    /// The daemon's id of it; empty for volumes, which have none.
    pub object: &'a str,
}

impl Made<'_> {
    /// The record's one line.
    pub fn line(&self, request: &Request, id: &str) -> String {
        let Self { via, kind, name, object } = self;
        let fields = [
            ("user", request.user.as_str()),
            ("key", request.key.as_deref().unwrap_or("-")),
            ("id", id),
            ("via", via),
            ("made", kind),
            ("name", if name.is_empty() { "-" } else { name }),
            ("object", if object.is_empty() { "-" } else { object }),
        ];
        let mut line = "verdict=made".to_owned();
        for (field, value) in fields {
            line.push_str(&format!(" {field}="));
            push_value(&mut line, value);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_one_line() {
        let request = Request { user: "ai".into(), key: Some("hermes".into()), ..Request::default() };
        let made = Made { via: "argv", kind: "container", name: "web", object: "0a1b" };
        assert_eq!(
            made.line(&request, "5f-1"),
            "verdict=made user=ai key=hermes id=5f-1 via=argv made=container name=web object=0a1b"
        );
        let volume = Made { kind: "volume", name: "a b", object: "", ..made };
        assert!(volume.line(&request, "5f-1").ends_with(" made=volume name=\"a b\" object=-"));
    }
}
