//! What an engine is known to have of an image's layers, where it takes any layer by itself.
//!
//! podman answers no question about layers: it tells the lowest one that it lacks, and only by refusing an image.
//! What is sent above that one is lost, unless all of it was sent.

use std::collections::HashSet;

use stevedore_image::description::LayerDescription;
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest;

/// The bytes that are sent on the mere suspicion that they are missing, after the first refusal. Another refusal costs
/// as much time.
const FREE: u64 = 1 << 20;

/// What those bytes may be of the ones that are missing for certain.
const SHARE: u64 = 16;

/// What an engine is known to have, and to lack.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    known: HashSet<Digest>,
    refusals: u32,
    lacking: u64,
}

impl Stock {
    /// Notes that the engine has these layers, by their `diff_id`s.
    pub(crate) fn add(&mut self, layers: impl IntoIterator<Item = Digest>) {
        self.known.extend(layers);
    }

    /// Whether the engine is known to have this layer.
    pub(crate) fn has(&self, layer: &Digest) -> bool {
        self.known.contains(layer)
    }

    /// Notes that the lowest one of `layers` that the engine lacks is the one at `first`, and gives the `diff_id`s of
    /// those that are to be sent now: that one, and those above it that are not known, as many as may be sent in vain.
    /// These grow by each refusal, so that an image of many layers needs few uploads.
    pub(crate) fn take_refusal(
        &mut self,
        layers: &[LayerDescription],
        first: usize,
    ) -> HashSet<Digest> {
        let lacking = &layers[first];
        self.add(layers[..first].iter().map(|layer| layer.diff_id));
        self.known.remove(&lacking.diff_id);
        self.lacking += size(lacking);
        let mut allowance = (FREE << self.refusals.min(20)).max(self.lacking / SHARE);
        self.refusals += 1;
        let mut parcel = HashSet::from([lacking.diff_id]);
        for layer in &layers[first + 1..] {
            if self.has(&layer.diff_id) || parcel.contains(&layer.diff_id) {
                continue;
            }
            let Some(left) = allowance.checked_sub(size(layer)) else {
                break;
            };
            allowance = left;
            parcel.insert(layer.diff_id);
        }
        parcel
    }
}

/// The bytes that are sent for a layer.
pub(crate) fn size(layer: &LayerDescription) -> u64 {
    load_manifest::blob(layer).size
}

#[cfg(test)]
mod tests {
    use stevedore_image::digest::Content;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn layers(sizes: &[u64]) -> Vec<LayerDescription> {
        let layer = |(index, size): (usize, &u64)| {
            LayerDescription::new(Content {
                digest: Digest::of(&index.to_ne_bytes()),
                size: *size,
            })
        };
        sizes.iter().enumerate().map(layer).collect()
    }

    fn parcel(stock: &mut Stock, layers: &[LayerDescription], first: usize) -> Vec<usize> {
        let parcel = stock.take_refusal(layers, first);
        let indices = 0..layers.len();
        indices
            .filter(|index| parcel.contains(&layers[*index].diff_id))
            .collect()
    }

    #[test]
    fn large_layers_are_sent_only_when_they_are_missing() {
        let layers = layers(&[5 * MIB, 1024 * MIB, 10, 2 * MIB, 3 * MIB]);
        let mut stock = Stock::default();
        assert_eq!(parcel(&mut stock, &layers, 0), [0]);
        assert_eq!(parcel(&mut stock, &layers, 1), [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_known_is_not_sent() {
        let layers = layers(&[10, 20, 30, 40]);
        let mut stock = Stock::default();
        stock.add([layers[1].diff_id, layers[3].diff_id]);
        assert_eq!(parcel(&mut stock, &layers, 0), [0, 2]);
        // It has been removed since.
        assert!(stock.has(&layers[1].diff_id));
        assert_eq!(parcel(&mut stock, &layers, 1), [1, 2]);
    }

    #[test]
    fn many_layers_need_few_uploads() {
        let layers = layers(&[MIB; 100]);
        let mut stock = Stock::default();
        let (mut first, mut uploads) = (0, 0);
        while first < layers.len() {
            let parcel = parcel(&mut stock, &layers, first);
            assert_eq!(parcel[0], first);
            first += parcel.len();
            uploads += 1;
        }
        assert!(uploads <= 7, "{uploads}");
    }

    #[test]
    fn a_layer_that_occurs_twice_is_sent_once() {
        let mut layers = layers(&[10, 20, 30]);
        layers[2] = layers[0].clone();
        assert_eq!(parcel(&mut Stock::default(), &layers, 0), [0, 1, 2]);
        assert_eq!(parcel(&mut Stock::default(), &layers, 1), [1]);
    }
}
