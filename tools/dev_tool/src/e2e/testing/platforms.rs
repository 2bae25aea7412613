//! Images and tests for a machine that is not this one.

use anyhow::ensure;

use super::stand::Stand;
use crate::e2e::report::Report;
use crate::root_file_system::own_architecture;

/// Those that every engine must pass: an image is for the machine of the engine, the test for another, such as a Mac.
pub(super) fn engine_cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    let image = format!("the image is for linux/{}", own_architecture());
    for (target, system) in [
        ("//platforms:it", "Linux"),
        ("//platforms:it_on_macos", "macOS"),
    ] {
        report.case(format!("a test for {system}, its image for Linux"), || {
            let tested = stand.test(target, &[])?;
            let test = format!("the test is for {system}");
            tested.expect("PASSED", &[&test, &image])
        });
    }
}

/// The test and its image are for it, what loads the image is not.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("a test of another platform, on this one", || {
        let tested = stand.test("//cases:architecture", &[])?;
        tested.expect("PASSED", &["the image is for amd64"])
    });
    report.case("an image for another platform is refused", || {
        let tested = stand.test("//cases:architecture_on_s390x", &[])?;
        tested.expect(
            "FAILED",
            &["error: ", "s390x", "amd64", "`emulation = True`"],
        )?;
        ensure!(
            !tested.logs[0].contains("the image is for"),
            "the test was started:\n{}",
            tested.logs[0]
        );
        Ok(())
    });
    report.case("and loaded where the target says so", || {
        let tested = stand.test("//cases:emulated_on_s390x", &[])?;
        tested.expect("PASSED", &["the image is for s390x"])
    });
    report.case("a load as data of a test of another platform", || {
        let tested = stand.test("//cases:load_in_data_test_on_s390x", &[])?;
        tested.expect("PASSED", &["testing/platform:latest is for s390x"])
    });
}
