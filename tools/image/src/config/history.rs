//! The history of an image, which has an entry for each layer.

use serde_json::{json, Value};

use super::document::Document;
use super::ConfigSpec;
use crate::error::Error;

const FIELD: &str = "history";

/// Appends an entry for each new layer. If the base's history has too few entries for its layers, as is legal if it
/// has none, it is filled up first: engines take entries and layers together by their order.
pub(super) fn append(
    config: &mut Document,
    spec: &ConfigSpec,
    created: &str,
    base_layers: usize,
    layers: usize,
) -> Result<(), Error> {
    let mut history = config.array(FIELD)?;
    let is_of_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
    let present = history.iter().filter(is_of_layer).count();
    for _ in present..base_layers {
        history
            .push(json!({"created": created, "comment": "the base has no history of this layer"}));
    }
    for index in 0..layers {
        let label = spec.layers.get(index).unwrap_or(&spec.label);
        history.push(json!({"created": created, "created_by": format!("rules_stevedore {label}")}));
    }
    config.set(FIELD, history.into());
    Ok(())
}
