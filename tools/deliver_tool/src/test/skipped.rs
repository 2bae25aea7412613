//! A test that is not run, and says so.

use stevedore_image_check::Case;

use crate::bazel_test;

/// Says why the test `label` is skipped: to a person, and to Bazel, which knows nothing but passed and failed.
pub(super) fn tell(label: &str, reason: &anyhow::Error) -> anyhow::Result<()> {
    let reason = format!("{reason:#}");
    eprintln!("skipped `{label}`: {reason}");
    bazel_test::write_xml(label, &[Case::skipped(label.to_owned(), reason)])?;
    bazel_test::acknowledge_shards()
}
