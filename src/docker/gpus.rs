//! GPUs: what a request for them names, in docker's, Compose's and the API's form. Pure.

use super::csv;
use serde_json::Value;

/// What stands for every GPU in the policy file's `host.devices`.
pub const GPUS: &str = "gpus";

/// What a GPU's driver may put into the container beside it (nvidia-container-toolkit, "driver capabilities").
const CAPABILITIES: &[&str] =
    &["gpu", "nvidia", "compat32", "compute", "display", "graphics", "ngx", "utility", "video"];

/// A request, whoever makes it.
#[derive(Default)]
struct Request {
    driver: String,
    ids: Vec<String>,
    capabilities: Vec<String>,
    /// Something that is not known to be harmless.
    odd: bool,
}

/// The devices that a request for GPUs means, in the words of `host.devices`: [`GPUS`], or CDI names. What is not
/// understood stands for itself, and can't be granted.
pub fn devices(value: &str) -> Vec<String> {
    let request = match serde_json::from_str(value) {
        Ok(Value::Object(map)) => of_model(&map),
        _ => of_option(value),
    };
    let known = |request: &Request| request.capabilities.iter().all(|name| CAPABILITIES.contains(&name.as_str()));
    match request {
        Some(Request { driver, ids, odd: false, .. })
            if driver == "cdi" && !ids.is_empty() && ids.iter().all(|id| is_cdi(id)) =>
        {
            ids
        }
        Some(request) if matches!(request.driver.as_str(), "" | "nvidia") && !request.odd && known(&request) => {
            vec![GPUS.to_owned()]
        }
        _ => vec![value.to_owned()],
    }
}

/// `--gpus`: `all`, a number, or a row of CSV (docker/cli opts/gpus.go).
fn of_option(value: &str) -> Option<Request> {
    let mut request = Request::default();
    for field in csv::row(value)? {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        match field.split_once('=') {
            None => request.odd |= field != "all" && field.parse::<i64>().is_err(),
            Some(("driver", driver)) => request.driver = driver.to_owned(),
            Some(("count", _)) => {}
            Some(("device", ids)) => request.ids = list(ids),
            Some(("capabilities", names)) => request.capabilities = list(names),
            Some(_) => request.odd = true,
        }
    }
    Some(request)
}

/// A device request of a Compose model, or of the API, whose capabilities are lists in a list.
fn of_model(map: &serde_json::Map<String, Value>) -> Option<Request> {
    let mut request = Request::default();
    for (key, value) in map {
        match key.to_ascii_lowercase().as_str() {
            "driver" => value.as_str()?.clone_into(&mut request.driver),
            "count" => {}
            "device_ids" | "deviceids" => request.ids = texts(value),
            "capabilities" => request.capabilities = texts(value),
            "options" => request.odd |= value.as_object().is_none_or(|options| !options.is_empty()) && !value.is_null(),
            _ => request.odd = true,
        }
    }
    // Without it, another driver of the daemon's may be meant.
    request.odd |= request.driver.is_empty() && !request.capabilities.iter().any(|name| name == "gpu");
    Some(request)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// A device's name by the Container Device Interface: `vendor.example/class=name`.
pub fn is_cdi(name: &str) -> bool {
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    let Some((kind, device)) = name.split_once('=') else { return false };
    let Some((vendor, class)) = kind.split_once('/') else { return false };
    vendor.contains('.') && word(vendor) && word(class) && word(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_named_however_they_are_asked_for() {
        for value in [
            "all",
            "2",
            "device=0",
            "\"device=0,1\"",
            "driver=nvidia,count=1,\"capabilities=gpu,utility\"",
            r#"{"capabilities":["gpu"],"count":-1}"#,
            r#"{"driver":"nvidia","device_ids":["0"],"capabilities":["gpu"]}"#,
            r#"{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}"#,
        ] {
            assert_eq!(devices(value), ["gpus"], "{value}");
        }
        for value in ["driver=cdi,device=nvidia.com/gpu=all", r#"{"driver":"cdi","device_ids":["nvidia.com/gpu=all"]}"#]
        {
            assert_eq!(devices(value), ["nvidia.com/gpu=all"], "{value}");
        }
        for value in [
            "some",
            "options=x",
            "driver=other,count=1",
            "driver=cdi,device=/dev/sda",
            "capabilities=tpu",
            r#"{"capabilities":["tpu"]}"#,
            r#"{"count":1}"#,
            r#"{"capabilities":["gpu"],"options":{"a":"b"}}"#,
            r#"{"capabilities":["gpu"],"new":1}"#,
        ] {
            assert_eq!(devices(value), [value], "{value}");
        }
    }
}
