//! Judged: the model as it was judged, in the form in which Compose reads it again. Pure.

use super::source;
use super::yaml::write;
use serde_json::{Map, Value};

/// Keys of a service that Compose prints as texts, and takes as numbers alone where they are below 0.
const SIZES: &[&str] = &["mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "shm_size"];

fn as_number(size: &mut Value) {
    let number = size.as_str().filter(|text| text.starts_with('-')).and_then(|text| text.parse::<i64>().ok());
    if let Some(number) = number {
        *size = number.into();
    }
}

/// The model as it runs, as YAML; empty when there was no file to judge, so that Compose finds
/// none.
///
/// The files of secrets and configs are given as they were `resolved`: the daemon mounts them, and would look
/// for them in a world of its own. And `develop` is left out: `up` offers to watch at a terminal, long after
/// it was judged.
///
/// Each service gets the `label`, if there is one.
pub fn as_judged(
    mut model: Value,
    directory: &str,
    resolved: impl Fn(&str) -> String,
    label: Option<(&str, &str)>,
) -> String {
    if model.is_null() {
        return String::new();
    }
    for kind in ["configs", "secrets"] {
        let files = model.get_mut(kind).and_then(Value::as_object_mut);
        for file in files.into_iter().flat_map(|files| files.values_mut()) {
            if let Some(Value::String(path)) = file.get_mut("file") {
                *path = resolved(&source::join(directory, path));
            }
        }
    }
    let services = model.get_mut("services").and_then(Value::as_object_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        if let Some(service) = service.as_object_mut() {
            service.remove("develop");
            SIZES.iter().for_each(|key| {
                service.get_mut(*key).map(as_number);
            });
            if let Some((name, value)) = label {
                let labels = service.entry("labels").or_insert(Value::Null);
                if !labels.is_object() {
                    *labels = Value::Object(Map::new());
                }
                if let Some(labels) = labels.as_object_mut() {
                    labels.insert(name.to_owned(), Value::String(value.to_owned()));
                }
            }
        }
    }
    let mut text = String::new();
    write::value(&with_texts(model, &|text| text.replace('$', "$$")), &mut text);
    text
}

/// Adds to a resolved model the services that Compose left out because their profiles are not wanted, as names alone:
/// else it would take their containers for orphans, which `--remove-orphans` removes.
pub fn with_unwanted(model: &mut Value, documents: &[Value]) {
    let named: Vec<String> = documents
        .iter()
        .filter_map(|file| file.get("services").and_then(Value::as_object))
        .flat_map(|services| services.keys().cloned())
        .collect();
    let Some(services) = model.get_mut("services").and_then(Value::as_object_mut) else { return };
    for name in named {
        services
            .entry(name)
            .or_insert_with(|| serde_json::json!({"image": UNWANTED, "profiles": [UNWANTED], "scale": 0}));
    }
}

/// Adds the models that the files declare, which Compose 2 leaves out of what it prints as JSON.
pub fn with_models(model: &mut Value, documents: &[Value]) {
    let Some(model) = model.as_object_mut().filter(|model| !model.contains_key("models")) else { return };
    let declared = documents.iter().filter_map(|file| file.get("models")?.as_object()).flatten();
    let models: Map<String, Value> = declared.map(|(name, content)| (name.clone(), content.clone())).collect();
    if !models.is_empty() {
        model.insert("models".to_owned(), Value::Object(models));
    }
}

/// The image and the profile of such a service.
pub(super) const UNWANTED: &str = "dockgate-not-wanted";

/// The model with its values as they will be when it runs: Compose prints every `$` doubled, and halves them
/// again when it reads that. Keys it leaves alone when it reads, and so are they here.
pub fn as_read(model: Value) -> Value {
    let mut model = with_texts(model, &|text| text.replace("$$", "$"));
    let services = model.get_mut("services").and_then(Value::as_object_mut);
    let limits =
        services.into_iter().flatten().filter_map(|(_, service)| service.get_mut("blkio_config")?.as_object_mut());
    for limit in limits.flatten().filter_map(|(_, limits)| limits.as_array_mut()).flatten() {
        // Compose prints them in JSON as `Path`, `Rate` and `Weight`, and reads them in small letters.
        if let Some(map) = limit.as_object_mut() {
            *map = std::mem::take(map).into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect();
        }
    }
    model
}

fn with_texts(value: Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(items) => items.into_iter().map(|item| with_texts(item, change)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, with_texts(value, change))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}
