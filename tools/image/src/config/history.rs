//! The history of an image, which has an entry for each layer.

use serde_json::{json, Map, Value};

use super::document::Document;
use super::ConfigSpec;
use crate::error::Error;

pub(super) const FIELD: &str = "history";

/// Appends an entry for each new layer, and one for each further text of the spec. If the base's history has too few
/// entries for its layers, as is legal if it has none, it is filled up first: engines take entries and layers together
/// by their order.
pub(super) fn append(
    config: &mut Document,
    spec: &ConfigSpec,
    created: &str,
    base_layers: usize,
    layers: usize,
) -> Result<(), Error> {
    let mut history = config.array(FIELD)?;
    fill_up(&mut history, base_layers, created);
    for index in 0..layers.max(spec.history.len()) {
        history.push(entry(spec, created, index, index < layers));
    }
    config.set(FIELD, history.into());
    Ok(())
}

/// Adds entries for layers that a base has no history of.
pub(super) fn fill_up(history: &mut Vec<Value>, layers: usize, created: &str) {
    for _ in count(history)..layers {
        history
            .push(json!({"created": created, "comment": "the base has no history of this layer"}));
    }
}

/// The number of layers that entries are of.
pub(super) fn count(history: &[Value]) -> usize {
    let is_of_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
    history.iter().filter(is_of_layer).count()
}

/// An entry with its fields in the order of the specification.
fn entry(spec: &ConfigSpec, created: &str, index: usize, is_of_layer: bool) -> Value {
    let mut entry = Map::new();
    let mut set = |field: &str, value: Value| entry.insert(field.to_owned(), value);
    set("created", created.into());
    if let Some(author) = &spec.author {
        set("author", author.clone().into());
    }
    let created_by = spec.history.get(index).cloned().unwrap_or_else(|| {
        let label = spec.layers.get(index).unwrap_or(&spec.label);
        format!("rules_stevedore {label}")
    });
    set("created_by", created_by.into());
    if let Some(comment) = &spec.comment {
        set("comment", comment.clone().into());
    }
    if !is_of_layer {
        set("empty_layer", true.into());
    }
    Value::Object(entry)
}
