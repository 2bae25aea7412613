//! Images that must not build: what Bazel says about each of them.

use anyhow::{ensure, Result};

use super::report::Report;
use crate::bazel::Bazel;

/// A target of `e2e/cases` and what the message must contain.
struct Refusal {
    target: &'static str,
    parts: &'static [&'static str],
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        target: "//:changed_blob",
        parts: &[
            "//:changed_blob_layout",
            "expected `sha256:",
            "found `sha256:",
        ],
    },
    Refusal {
        target: "//:shortened_blob",
        parts: &[
            "//:shortened_blob_layout",
            "expected `sha256:",
            "found `sha256:",
        ],
    },
    Refusal {
        target: "//:missing_blob",
        parts: &["//:missing_blob_layout", "`sha256:", "is missing"],
    },
    Refusal {
        target: "//:index_is_a_list",
        parts: &["//:index_is_a_list_layout", "index.json"],
    },
    Refusal {
        target: "//:other_platform",
        parts: &["//:other_platform", "arm64", "amd64"],
    },
    Refusal {
        target: "//:conflict",
        parts: &["/srv/text.txt", "//:text", "//:conflicting_tar"],
    },
    // In an `oci_layer` the content of a tar counts, whatever its name; a layer that is a tar is delivered under its name.
    Refusal {
        target: "//:image_of_misnamed.tar.gz",
        parts: &["misnamed.tar.gz", "`gzip`", "rename"],
    },
    Refusal {
        target: "//derived:not_on_its_base",
        parts: &[
            "//derived:not_on_its_base",
            "is not made of its `old_base`, whose layer 0 is `sha256:",
        ],
    },
    Refusal {
        target: "//imported:refused_bomb",
        parts: &["bomb.tar/layer.tar", "zstd data becomes more than 10"],
    },
    Refusal {
        target: "//imported:refused_cut",
        parts: &["cut.tar", "cut off", "byte 3000"],
    },
    Refusal {
        target: "//imported:refused_escaping",
        parts: &[
            "escaping.tar/layer.tar",
            "`../.wh.etc`",
            "leads out of the image",
        ],
    },
    Refusal {
        target: "//imported:refused_no_archive_of_images",
        parts: &["good.tar", "`manifest.json`", "text.txt`"],
    },
    Refusal {
        target: "//imported:refused_one_of_several",
        parts: &["2 images", "`cases/several-two:latest`", "with `tag`"],
    },
    Refusal {
        target: "//imported:refused_tag",
        parts: &[
            "no image `cases/several-three:latest`",
            "`cases/several-two:latest`",
        ],
    },
    Refusal {
        target: "//imported:refused_order",
        parts: &["//imported:refused_order", "wants layer 0 to be `sha256:"],
    },
    Refusal {
        target: "//imported:refused_platform",
        parts: &["no image for linux/", "it has linux/riscv64; linux/s390x"],
    },
    Refusal {
        target: "//push:repository_is_no_repository",
        parts: &["`https://localhost:5000/Push`", "without `https://`"],
    },
    Refusal {
        target: "//push:repository_has_a_tag",
        parts: &["write `localhost:5000/push/app` alone", "`remote_tags`"],
    },
    Refusal {
        target: "//push:tag_is_too_long",
        parts: &["x` (129 characters) is not a tag"],
    },
    Refusal {
        target: "//push:tag_is_given_twice",
        parts: &["`v1` was given before"],
    },
    Refusal {
        target: "//push:tag_is_of_two_images",
        parts: &[
            "`localhost:5000/push/app:unstamped`",
            "`//push:app` and `//push:db`",
        ],
    },
    Refusal {
        target: "//push:placeholder_is_unknown",
        parts: &["`{{NO_SUCH_KEY}}`", "`BUILD_USER`"],
    },
    Refusal {
        target: "//push:index_of_one_platform",
        parts: &["`//push:app` and `//push:db`", "linux/amd64"],
    },
    Refusal {
        target: "//push:index_of_one_image",
        parts: &[
            "`//push:app_arm64 for //pulled:linux_s390x` and `//push:app_arm64 for @@platforms//host:host`",
            "linux/arm64",
        ],
    },
];

/// Tars of `e2e/cases` that must not become a layer, nor a part of one, and what the message must contain beside their name.
const BAD_TARS: &[(&str, &[&str])] = &[
    ("truncated.tar", &["cut off", "byte 9000"]),
    ("corrupt.tar", &["checksum"]),
    ("truncated.tar.gz", &["gzip"]),
    ("corrupt.tar.gz", &["gzip", "checksum"]),
    ("truncated.tar.zst", &["zstd"]),
    ("corrupt.tar.zst", &["zstd", "checksum"]),
    ("parent.tar", &["`../escaped`"]),
    ("absolute.tar", &["`/etc/escaped`"]),
];

/// Every refusal.
pub(crate) fn cases(report: &mut Report, bazel: &Bazel<'_>) {
    for Refusal { target, parts } in REFUSALS {
        report.case(format!("{target} is refused"), || {
            refused(bazel, target, parts)
        });
    }
    for (tar, parts) in BAD_TARS {
        for kind in ["image_of", "layer_of"] {
            let target = format!("//:{kind}_{tar}");
            let parts = [&[*tar], *parts].concat();
            report.case(format!("{target} is refused"), || {
                refused(bazel, &target, &parts)
            });
        }
    }
}

/// Everything that a target can be asked for fails, and says `parts` after `error: `.
fn refused(bazel: &Bazel<'_>, target: &str, parts: &[&str]) -> Result<()> {
    let said = bazel.fail_to_build(&[target])?;
    // Bazel's own lines name the target in any case: only the tool's count.
    let message: Vec<_> = said
        .lines()
        .skip_while(|line| !line.starts_with("error: "))
        .take_while(|line| line.starts_with("error: ") || line.starts_with("caused by: "))
        .collect();
    let message = message.join("\n");
    ensure!(
        !message.is_empty(),
        "no line begins with `error: `:\n{said}"
    );
    for part in parts {
        ensure!(
            message.contains(part),
            "`{part}` is not in the message:\n{message}"
        );
    }
    Ok(())
}
