//! Bases that cannot be pulled, or not used: what Bazel says of each, and that nothing else is affected.

use anyhow::{ensure, Result};

use super::stand::Stand;
use crate::e2e::report::Report;

/// Arguments of a build, and what the message must contain.
struct Refusal {
    name: &'static str,
    arguments: &'static [&'static str],
    parts: &'static [&'static str],
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        name: "a digest that is not there",
        arguments: &["//:on_wrong_digest"],
        parts: &[
            "404",
            "failed to fetch manifest `sha256:0123456789abcdef",
            "/team/debian",
        ],
    },
    Refusal {
        name: "something else than the digest stands for",
        arguments: &["//:on_liar"],
        parts: &["Checksum was", "failed to fetch manifest `sha256:"],
    },
    Refusal {
        name: "a platform that the index has not",
        arguments: &["//:on_no_such_platform"],
        parts: &[
            "its index has nothing for `linux/s390x`",
            "`linux/amd64`, `linux/arm64/v8`",
        ],
    },
    Refusal {
        name: "a target platform that the index has not",
        arguments: &["--platforms=//:linux_s390x", "//:image"],
        parts: &[
            "has no image for the target platform",
            "`linux/s390x`",
            "`linux/amd64`, `linux/arm64/v8`",
        ],
    },
    Refusal {
        name: "a registry that is down",
        arguments: &["//:on_down"],
        parts: &[
            "failed to fetch manifest `latest` of `127.0.0.1:1/team/debian`",
            "onnect",
        ],
    },
    Refusal {
        name: "an encrypted layer",
        arguments: &["--platforms=//:linux_amd64", "//:on_encrypted"],
        parts: &["layer 1 (`sha256:", "is encrypted"],
    },
    Refusal {
        name: "a manifest of schema 1",
        arguments: &["//:on_schema_1"],
        parts: &["is of Docker's schema 1"],
    },
    Refusal {
        name: "the bytes of a foreign layer",
        arguments: &["--output_groups=docker_archive", "//:on_foreign"],
        parts: &["error: ", "sha256:0123456789abcdef"],
    },
];

/// What builds although a part of it, or something beside it, cannot be used.
const BUILDS: &[(&str, &[&str])] = &[
    (
        "the good image beside an encrypted one",
        &["--platforms=//:linux_arm64", "//:on_encrypted"],
    ),
    (
        "the JSON of an image on a foreign layer",
        &["//:on_foreign"],
    ),
    (
        "what has nothing to do with bad bases",
        &["//:image", "//:without_base"],
    ),
];

/// Every refusal.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    for Refusal {
        name,
        arguments,
        parts,
    } in REFUSALS
    {
        report.case(format!("e2e/pull: {name} is refused"), || {
            refused(stand, arguments, parts)
        });
    }
    for (name, arguments) in BUILDS {
        report.case(format!("e2e/pull: {name} is built"), || {
            stand.build(arguments)
        });
    }
}

fn refused(stand: &Stand<'_>, arguments: &[&str], parts: &[&str]) -> Result<()> {
    let said = stand.fail(arguments)?;
    for part in parts {
        ensure!(
            said.contains(part),
            "`{part}` is not in what Bazel says:\n{said}"
        );
    }
    Ok(())
}
