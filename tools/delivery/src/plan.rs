//! The plan: what is to be sent, from what the image is and what the destination has.

use std::collections::HashSet;
use std::ops::Range;

use stevedore_image::description::LayerDescription;
use stevedore_image::load_manifest;

/// What one upload carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// The layers, by their place in the image.
    pub layers: Range<usize>,
    /// Bytes of those layers' tars; a layer that is among them twice is sent, and counted, once.
    pub bytes: u64,
}

impl Shipment {
    /// Whether the layer at `index` is in it.
    pub fn includes(&self, index: usize) -> bool {
        self.layers.contains(&index)
    }

    /// A shipment without a layer: it asks the engine what is missing, or is all that it needs.
    pub fn probe(layers: &[LayerDescription]) -> Self {
        plan(layers, layers.len())
    }
}

/// Plans an upload for an engine that lacks the layer at `first_missing`.
///
/// An engine with graphdriver storage knows layers by their chain: a layer's parent must be there, so what is present
/// is always a prefix, and what is missing are all layers from the first missing one on.
pub fn plan(layers: &[LayerDescription], first_missing: usize) -> Shipment {
    let first = first_missing.min(layers.len());
    let mut seen = HashSet::new();
    let bytes = layers[first..]
        .iter()
        .filter(|layer| seen.insert(layer.diff_id))
        .map(|layer| load_manifest::tar(layer).size)
        .sum();
    Shipment {
        layers: first..layers.len(),
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use stevedore_image::digest::Content;

    use super::*;

    fn layers(tars: &[&str]) -> Vec<LayerDescription> {
        tars.iter()
            .map(|tar| LayerDescription::new(Content::of(tar.as_bytes())))
            .collect()
    }

    #[test]
    fn everything_from_the_first_missing_layer_on_is_sent() {
        let layers = layers(&["base", "lib", "application"]);
        for (first_missing, expected, bytes) in [
            (0, 0..3, 18),
            (1, 1..3, 14),
            (2, 2..3, 11),
            (3, 3..3, 0),
            (9, 3..3, 0),
        ] {
            let shipment = plan(&layers, first_missing);
            assert_eq!(shipment.layers, expected, "{first_missing}");
            assert_eq!(shipment.bytes, bytes, "{first_missing}");
        }
    }

    #[test]
    fn a_layer_that_occurs_twice_is_counted_once() {
        let layers = layers(&["same", "other", "same"]);
        assert_eq!(plan(&layers, 0).bytes, 9);
        assert_eq!(plan(&layers, 1).bytes, 9);
        assert_eq!(plan(&layers, 2).bytes, 4);
    }

    #[test]
    fn an_image_without_layers_needs_none() {
        assert_eq!(Shipment::probe(&[]), plan(&[], 0));
        assert!(!Shipment::probe(&layers(&["a"])).includes(0));
    }
}
