//! The tests.

mod bad;
mod layers;
mod mounts;
mod stopping;

use std::path::Path;

use stevedore_sandbox::LayerFile;

use crate::image::Layer;
use crate::outcome::Bench;
use crate::user::User;
use crate::Test;

/// All of them.
pub(crate) const ALL: &[&[(&str, Test)]] = &[
    &[(
        "what_a_command_writes_is_the_layer",
        what_a_command_writes_is_the_layer,
    )],
    layers::ALL,
    mounts::ALL,
    bad::ALL,
    stopping::ALL,
];

fn base(folder: &Path) -> Vec<LayerFile> {
    vec![Layer::base().write(folder, "base.tar")]
}

fn what_a_command_writes_is_the_layer(_: User) {
    let bench = Bench::new(
        base,
        &["echo said; echo text > /tmp/file", "echo complained >&2"],
    );
    for _ in 0..2 {
        let outcome = bench.run();
        let expected = ["tmp/ 755 0:0 a directory", "tmp/file 644 0:0 text"];
        assert_eq!(outcome.members(), expected);
        assert_eq!(outcome.code, Some(0));
        assert_eq!(outcome.output, "said\ncomplained\n");
        assert_eq!(bench.remains(), [""; 0]);
    }
}
