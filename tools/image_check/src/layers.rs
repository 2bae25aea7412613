//! What is expected of an image's layers as such.

use crate::difference::{difference, size};
use crate::expected::ExpectedLayers;

/// One thing that is expected of the layers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LayersCheck {
    Count(u64),
    MaxCount(u64),
    MaxSize(u64),
    MaxLayerSize(u64),
}

impl LayersCheck {
    /// Each expectation by itself.
    pub(crate) fn all(expected: ExpectedLayers) -> Vec<Self> {
        let all = [
            expected.count.map(Self::Count),
            expected.max_count.map(Self::MaxCount),
            expected.max_size.map(Self::MaxSize),
            expected.max_layer_size.map(Self::MaxLayerSize),
        ];
        all.into_iter().flatten().collect()
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Count(_) => "layer count",
            Self::MaxCount(_) => "max layer count",
            Self::MaxSize(_) => "max size",
            Self::MaxLayerSize(_) => "max layer size",
        }
        .to_owned()
    }

    /// Whether the layers' sizes matter.
    pub(crate) fn needs_sizes(self) -> bool {
        matches!(self, Self::MaxSize(_) | Self::MaxLayerSize(_))
    }

    /// What differs; `layers` are the sizes of the layers, uncompressed, from the bottom up.
    pub(crate) fn compare(self, layers: &[u64]) -> Vec<String> {
        let count = layers.len() as u64;
        let total: u64 = layers.iter().sum();
        match self {
            Self::Count(expected) if expected != count => {
                vec![difference("layers", expected, count)]
            }
            Self::MaxCount(most) if count > most => {
                vec![difference("layers", format!("{most} at most"), count)]
            }
            Self::MaxSize(most) if total > most => {
                let mut lines = vec![difference(
                    "size of all layers, uncompressed",
                    format!("{} at most", size(most)),
                    size(total),
                )];
                lines.extend(layers.iter().enumerate().map(|(index, bytes)| {
                    format!("layer {} of {count}: {}", index + 1, size(*bytes))
                }));
                lines
            }
            Self::MaxLayerSize(most) => {
                let large = layers.iter().enumerate();
                let large = large.filter(|(_, bytes)| **bytes > most);
                let told = large.map(|(index, bytes)| {
                    difference(
                        &format!("size of layer {} of {count}, uncompressed", index + 1),
                        format!("{} at most", size(most)),
                        size(*bytes),
                    )
                });
                told.collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_may_be_reached() {
        let layers = [10, 20];
        for (check, is_met) in [
            (LayersCheck::Count(2), true),
            (LayersCheck::Count(3), false),
            (LayersCheck::MaxCount(2), true),
            (LayersCheck::MaxCount(1), false),
            (LayersCheck::MaxSize(30), true),
            (LayersCheck::MaxSize(29), false),
            (LayersCheck::MaxLayerSize(20), true),
            (LayersCheck::MaxLayerSize(19), false),
        ] {
            assert_eq!(check.compare(&layers).is_empty(), is_met, "{check:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_told_by_layer() {
        let lines = LayersCheck::MaxSize(25).compare(&[10, 20]);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2], "layer 2 of 2: 20 bytes");
        let lines = LayersCheck::MaxLayerSize(15).compare(&[10, 20]);
        assert_eq!(
            lines,
            ["size of layer 2 of 2, uncompressed: expected 15 bytes at most, found 20 bytes"]
        );
    }
}
