//! The two requests that a build is made of, and what each asks for: `Control/Solve` opens it and says where the
//! result goes, `LLBBridge/Solve` says what is built. Pure.
//!
//! Neither may bring operations of its own (LLB): only a frontend makes them, and in a Dockerfile they stay within
//! what the frontend and the entitlements allow. Nor may `Control/Solve` name a frontend, as its result would go
//! to the exporter without passing by the gate; no client of Docker's does.

use super::attributes;
use super::attributes::refused;
use super::messages::{bridge, cache, solve, typed};
use super::protobuf::Message;
use crate::demand::{Demand, Want};
use crate::denial::Denial;

const LLB: &str = "it holds operations of its own, which no frontend made";
const POLICY: &str = "which sources a build may use is for the gate to say";

fn none_of(message: &Message, fields: &[(u32, &str, &str)]) -> Result<(), Denial> {
    match fields.iter().find(|(number, ..)| message.has(*number)) {
        Some((_, name, why)) => Err(refused(*name, why)),
        None => Ok(()),
    }
}

/// What a build asks for when it is opened.
///
/// # Errors
/// What is never passed on, by its name.
pub fn opened(message: &Message) -> Result<Vec<Demand>, Denial> {
    none_of(
        message,
        &[
            (solve::DEFINITION, "Definition", LLB),
            (solve::FRONTEND_INPUTS, "FrontendInputs", LLB),
            (solve::SOURCE_POLICY, "SourcePolicy", POLICY),
        ],
    )?;
    if !message.text(solve::FRONTEND).is_empty() {
        return Err(refused("Frontend", "its result would not pass by the gate"));
    }
    if message.number(solve::SESSION_EXPORTER) != 0 {
        return Err(refused("EnableSessionExporter", "the client would choose where the result goes after this"));
    }
    let mut demands = attributes::frontend(message.text_map(solve::FRONTEND_ATTRS))?;
    let deprecated = (message.text(solve::EXPORTER), solve::EXPORTER_ATTRS);
    if !deprecated.0.is_empty() {
        demands.extend(attributes::exporter(deprecated.0, message.text_map(deprecated.1))?);
    } else if message.has(deprecated.1) {
        return Err(refused("ExporterAttrsDeprecated", "attributes without an exporter"));
    }
    for exporter in message.messages(solve::EXPORTERS) {
        demands.extend(attributes::exporter(exporter.text(typed::TYPE), exporter.text_map(typed::ATTRS))?);
    }
    if let Some(caches) = message.message(solve::CACHE) {
        if !caches.text(cache::EXPORT_REF).is_empty() || caches.has(cache::EXPORT_ATTRS) {
            demands.extend(attributes::cache_export("registry"));
        }
        let exports = caches.messages(cache::EXPORTS);
        demands.extend(exports.iter().flat_map(|entry| attributes::cache_export(entry.text(typed::TYPE))));
        let imports = caches.messages(cache::IMPORTS);
        demands.extend(imports.iter().flat_map(|entry| attributes::cache_import(entry.text(typed::TYPE))));
    }
    demands.extend(message.texts(solve::ENTITLEMENTS).iter().map(|name| attributes::entitlement(name)));
    // A client opens one that asks for nothing, to see what the daemon can do.
    if message.number(solve::INTERNAL) == 0 || !demands.is_empty() {
        demands.insert(0, build());
    }
    Ok(demands)
}

/// What is built, and out of what.
///
/// # Errors
/// As [`opened`].
pub fn built(message: &Message) -> Result<Vec<Demand>, Denial> {
    none_of(
        message,
        &[
            (bridge::DEFINITION, "Definition", LLB),
            (bridge::FRONTEND_INPUTS, "FrontendInputs", LLB),
            (bridge::EXPORTER_ATTR, "ExporterAttr", "its result would not pass by the gate"),
            (bridge::SOURCE_POLICIES, "SourcePolicies", POLICY),
        ],
    )?;
    if message.number(bridge::FINAL) != 0 {
        return Err(refused("Final", "its result would not pass by the gate"));
    }
    let mut demands = vec![build()];
    demands.extend(attributes::frontend(message.text_map(bridge::FRONTEND_OPT))?);
    match message.text(bridge::FRONTEND) {
        "dockerfile.v0" => {}
        // The image in its place is judged as the attribute `source`, without which it does nothing.
        "gateway.v0" => {}
        other => return Err(attributes::unknown("the frontend", other)),
    }
    let imports = message.messages(bridge::CACHE_IMPORTS);
    demands.extend(imports.iter().flat_map(|entry| attributes::cache_import(entry.text(typed::TYPE))));
    Ok(demands)
}

fn build() -> Demand {
    Demand::new(Want::Operation { name: "build".to_owned(), instead: false }, "docker build")
}

#[cfg(test)]
mod tests {
    use super::super::messages::{BRIDGE_SOLVE, SOLVE};
    use super::super::protobuf::Value;
    use super::*;
    use std::collections::BTreeMap;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn map(entries: &[(&str, &str)]) -> Value {
        Value::TextMap(
            entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
        )
    }

    fn typed(kind: &str, attrs: &[(&str, &str)]) -> Value {
        Value::Messages(vec![Message::default().with(1, text(kind)).with(2, map(attrs))])
    }

    /// What a message asks for, as it is read from its own bytes; or the refusal's first line.
    fn asked(table: &super::super::protobuf::Table, fields: Vec<(u32, Value)>) -> String {
        let mut message = Message::default();
        for (number, value) in fields {
            message.set(number, value);
        }
        let message = match Message::read(table, &message.to_bytes()) {
            Ok(message) => message,
            Err(why) => return why,
        };
        let demands = if table.name == "SolveRequest" { opened(&message) } else { built(&message) };
        match demands {
            Ok(demands) => demands.iter().map(|demand| format!("{:?} ", demand.want)).collect(),
            Err(denial) => denial.message,
        }
    }

    #[test]
    fn opening_a_build_asks_for_where_its_result_goes() {
        let image = |attrs| vec![(solve::EXPORTERS, typed("moby", attrs))];
        let cases: Vec<(Vec<(u32, Value)>, &str)> = vec![
            (vec![(solve::INTERNAL, Value::Number(1))], ""),
            (vec![], r#"Operation { name: "build""#),
            (image(&[("name", "a:1,b:2")]), r#"Object { object: Image, name: "b:2", touch: Make }"#),
            (image(&[("push", "true")]), r#"Operation { name: "push""#),
            (image(&[("push", "yes")]), r#"Operation { name: "push""#),
            (image(&[("containerimage.config", "{}")]), "the exporter's attribute containerimage.config"),
            (vec![(solve::EXPORTERS, typed("local", &[]))], r#"Operation { name: "save""#),
            (vec![(solve::EXPORTERS, typed("Local", &[]))], "the exporter Local"),
            (vec![(solve::EXPORTER, text("tar"))], r#"Operation { name: "save""#),
            (vec![(solve::EXPORTER_ATTRS, map(&[("push", "true")]))], "attributes without an exporter"),
            (
                vec![(solve::EXPORTER, text("moby")), (solve::EXPORTER_ATTRS, map(&[("push", "true")]))],
                r#"Operation { name: "push""#,
            ),
            (vec![(solve::ENTITLEMENTS, Value::Texts(vec!["network.host".into()]))], r#"mode: "host""#),
            (vec![(solve::ENTITLEMENTS, Value::Texts(vec!["security.insecure".into()]))], "Entitlement"),
            (vec![(solve::DEFINITION, Value::Bytes(vec![]))], "Definition: it holds operations"),
            (vec![(solve::SOURCE_POLICY, Value::Bytes(vec![]))], "SourcePolicy: which sources"),
            (vec![(solve::FRONTEND, text("dockerfile.v0"))], "Frontend: its result would not pass"),
            (vec![(solve::SESSION_EXPORTER, Value::Number(1))], "EnableSessionExporter"),
            (vec![(15, text("x"))], "field 15 of SolveRequest is not one"),
        ];
        for (fields, expected) in cases {
            let said = format!("{fields:?}");
            let asked = asked(&SOLVE, fields);
            assert!(asked.contains(expected) && (!expected.is_empty() || asked.is_empty()), "{said}: {asked}");
        }
        let caches = |field, value| vec![(solve::CACHE, Value::Message(Message::default().with(field, value)))];
        for (fields, expected) in [
            (caches(cache::EXPORTS, typed("inline", &[])), r#"Operation { name: "build", instead: false } "#),
            (caches(cache::EXPORTS, typed("registry", &[])), r#""push""#),
            (caches(cache::EXPORTS, typed("s3", &[])), r#""push""#),
            (caches(cache::EXPORTS, typed("local", &[])), "ClientWrite"),
            (caches(cache::EXPORT_REF, text("x")), r#""push""#),
            (caches(cache::IMPORTS, typed("registry", &[])), r#""build""#),
            (caches(cache::IMPORTS, typed("local", &[])), "HostSetting"),
        ] {
            assert!(asked(&SOLVE, fields).contains(expected), "{expected}");
        }
    }

    #[test]
    fn a_frontend_is_asked_by_its_attributes() {
        let asked = |attrs: &[(&str, &str)]| {
            asked(&BRIDGE_SOLVE, vec![(bridge::FRONTEND, text("dockerfile.v0")), (bridge::FRONTEND_OPT, map(attrs))])
        };
        for (key, value, expected) in [
            ("filename", "Dockerfile", r#"Operation { name: "build", instead: false } "#),
            ("build-arg:A", "b", r#"Operation { name: "build", instead: false } "#),
            ("build-arg:BUILDKIT_SYNTAX", " evil/frontend:1 x", r#"Image { name: "evil/frontend:1" }"#),
            ("build-arg:BUILDKIT_NEW", "1", "not a setting of BuildKit's"),
            ("source", "evil/frontend", r#"Image { name: "evil/frontend" }"#),
            ("label:dockgate.key", "root", "only the gate sets them"),
            ("label:a", "b", r#"Operation { name: "build", instead: false } "#),
            ("force-network-mode", "host", r#"mode: "host""#),
            ("force-network-mode", "container:x", "not a network that a build can have"),
            ("cgroup-parent", "/x", r#"CgroupParent { parent: "/x" }"#),
            ("context", "https://example.org/x.git", r#"Operation { name: "build", instead: false } "#),
            ("context", "/etc", "does not pass on"),
            ("context:x", "local:x", r#"Operation { name: "build", instead: false } "#),
            ("context:x", "docker-image://alpine", r#"Image { name: "alpine" }"#),
            ("context:x", "oci-layout://x@sha256:1", "does not pass on"),
            ("context:x", "input:x", "does not pass on"),
            ("attest:sbom", "generator=evil/scanner", r#"Image { name: "evil/scanner" }"#),
            ("attest:sbom", "", r#"Image { name: "docker/buildkit-syft-scanner" }"#),
            (
                "cache-imports",
                r#"[{"Type":"registry","Attrs":{"ref":"x"}}]"#,
                r#"Operation { name: "build", instead: false } "#,
            ),
            ("cache-imports", r#"[{"Type":"local"}]"#, "HostSetting"),
            ("cache-imports", r#"[{"Type":"registry","type":"local"}]"#, "not a list of caches"),
            ("gateway-devel", "1", "the frontend attribute gateway-devel"),
            ("Filename", "x", "the frontend attribute Filename"),
        ] {
            let asked = asked(&[(key, value)]);
            assert!(asked.contains(expected), "{key}={value}: {asked}");
            assert!(!expected.ends_with("} ") || asked == expected, "{key}={value}: {asked}");
        }
    }

    #[test]
    fn what_is_built_comes_from_a_frontend() {
        let cases: Vec<(Vec<(u32, Value)>, &str)> = vec![
            (vec![(bridge::FRONTEND, text("gateway.v0")), (bridge::FRONTEND_OPT, map(&[("source", "x")]))], r#""x""#),
            (vec![(bridge::FRONTEND, text("other.v0"))], "the frontend other.v0"),
            (vec![], "the frontend "),
            (vec![(bridge::DEFINITION, Value::Bytes(vec![]))], "Definition: it holds operations"),
            (vec![(bridge::FINAL, Value::Number(1))], "Final: its result"),
            (vec![(bridge::EXPORTER_ATTR, Value::Bytes(b"{}".to_vec()))], "ExporterAttr: its result"),
            (vec![(bridge::SOURCE_POLICIES, Value::Bytes(vec![]))], "SourcePolicies"),
            (
                vec![(bridge::FRONTEND_INPUTS, Value::BytesMap(BTreeMap::from([("x".into(), vec![])])))],
                "FrontendInputs",
            ),
        ];
        for (fields, expected) in cases {
            let said = format!("{fields:?}");
            let asked = asked(&BRIDGE_SOLVE, fields);
            assert!(asked.contains(expected), "{said}: {asked}");
        }
    }
}
