//! Tests that need an image: many at once on an empty engine, again when it is there, and after a change of 10 MB.

use std::process::Command;

use anyhow::{ensure, Context, Result};
use nix::sys::statvfs::statvfs;

use super::products::Products;
use super::subject::{self, TOP};
use super::table::{Goal, Table};
use super::target::{seconds, Target};
use super::ALLOWANCE;
use crate::bazel::{Bazel, TEST_FLAGS};
use crate::clock::median;
use crate::command::run;
use crate::edited_file::EditedFile;
use crate::workspace::Workspace;

/// How many tests there are.
const TESTS: usize = 16;

/// How often a file of the upper layer is changed.
const ROUNDS: usize = 3;

/// The tests that want no image, those that are given it, and those that bring it themselves.
const PLAIN: &str = "//tests:plain";
const GIVEN: &str = "//tests:given";
const LOADING: &str = "//tests:loading";

/// A test that does nothing, and the same with an image.
const QUICK: &str = "//tests:quick";
const QUICK_GIVEN: &str = "//tests:quick_given";

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_test")
load(":script_test.bzl", "script_test")

# What a test does takes its time, too.
WORK = "sleep 0.5"

filegroup(
    name = "archive",
    srcs = ["//:load_image"],
    output_group = "docker_archive",
)

script_test(
    name = "quick",
    commands = ["exit 0"],
    tags = ["manual"],
)

oci_test(
    name = "quick_given",
    images = {"APP_IMAGE": "//:load_image"},
    tags = ["manual"],
    test = ":quick",
)

[
    script_test(
        name = "plain_" + number,
        commands = [WORK],
    )
    for number in NUMBERS
]

[
    oci_test(
        name = "given_" + number,
        images = {"APP_IMAGE": "//:load_image"},
        test = ":plain_" + number,
    )
    for number in NUMBERS
]

[
    script_test(
        name = "loading_" + number,
        commands = [
            "docker load --quiet --input $(rootpath :archive)",
            WORK,
        ],
        data = [":archive"],
    )
    for number in NUMBERS
]

[
    test_suite(
        name = kind,
        tests = [kind + "_" + number for number in NUMBERS],
    )
    for kind in ["plain", "given", "loading"]
]
"#;

/// The rule of tests that are shell commands, which `e2e/testing` has, too.
const SCRIPT_TEST: &str = "e2e/testing/cases/script_test.bzl";

/// The engine, and the workspace with the tests.
pub(crate) struct TestBench<'a> {
    bazel: &'a Bazel<'a>,
    products: &'a Products,
    target: Target,
    runs: usize,
}

impl<'a> TestBench<'a> {
    /// Starts an engine with an empty store, and builds the tests.
    pub(crate) fn start(
        workspace: &Workspace,
        bazel: &'a Bazel<'a>,
        products: &'a Products,
        engine: &str,
        runs: usize,
    ) -> Result<Self> {
        let folder = bazel.folder().join("tests");
        std::fs::create_dir_all(&folder)?;
        let numbers: Vec<String> = (1..=TESTS).map(|number| format!("\"{number}\"")).collect();
        let build = BUILD.replace("NUMBERS", &format!("[{}]", numbers.join(", ")));
        subject::write_file(&folder.join("BUILD.bazel"), &build)?;
        let rule = workspace.root().join(SCRIPT_TEST);
        let rule = std::fs::read_to_string(&rule)
            .with_context(|| format!("failed to read `{}`", rule.display()))?;
        subject::write_file(&folder.join("script_test.bzl"), &rule)?;
        bazel.build(&["//tests/..."])?;
        Ok(Self {
            bazel,
            products,
            target: Target::start(workspace, engine)?,
            runs,
        })
    }

    /// All rows.
    pub(crate) fn measure(&self, table: &mut Table) -> Result<()> {
        eprintln!("measuring: tests on an empty engine");
        self.cold(table)?;
        eprintln!("measuring: a test whose image is there");
        self.warm(table)?;
        eprintln!("measuring: rounds of a change and the tests");
        self.rounds(table)
    }

    fn cold(&self, table: &mut Table) -> Result<()> {
        let (mut load, mut plain, mut given) = (vec![], vec![], vec![]);
        for _ in 0..self.runs.div_ceil(3) {
            self.target.wipe()?;
            let mut loader = self.target.loader(&self.products.load_image);
            load.push(self.target.timed(&mut loader)?);
            plain.push(self.timed(PLAIN)?);
            self.target.wipe()?;
            given.push(self.timed(GIVEN)?);
        }
        self.target.wipe()?;
        let at_once = self.archives_at_once()?;
        // Minutes: once is enough to see how far it is from the others.
        let loading = seconds(|| run(&mut self.tests(LOADING, &self.target.host(), at_once)))?;
        let (load, plain, given) = (median(&load), median(&plain), median(&given));
        self.target.wipe()?;
        self.target.traffic()?;
        run(&mut self.tests(GIVEN, &self.target.watched_host(), TESTS))?;
        let traffic = self.target.traffic()?;
        let uploads = traffic.uploads().filter(|upload| upload.body() > ALLOWANCE);
        table.goal(
            "16 tests, empty engine: uploads",
            Goal::AtMost(1.0),
            uploads.count() as f64,
            "uploads",
        );
        table.figure("16 tests, empty engine: one load", load, "s");
        table.figure(
            "16 tests, empty engine: the tests without images",
            plain,
            "s",
        );
        table.figure("16 tests, empty engine: time", given, "s");
        table.goal(
            "16 tests, empty engine: time against one load and the tests",
            Goal::AtMost(1.2),
            given / (load + plain),
            "times",
        );
        table.figure(
            &format!("16 tests, empty engine: docker load in each, {at_once} at a time"),
            loading,
            "s",
        );
        table.figure(
            "16 tests, empty engine: docker load in each against it",
            loading / given,
            "times",
        );
        Ok(())
    }

    /// The image is there, from the rows before.
    fn warm(&self, table: &mut Table) -> Result<()> {
        let quick = self.bazel.executable(QUICK)?;
        let given = self.bazel.executable(QUICK_GIVEN)?;
        let (mut own, mut with_image) = (vec![], vec![]);
        for _ in 0..self.runs {
            own.push(self.target.timed(&mut Command::new(&quick))?);
            let mut command = Command::new(&given);
            command.env("DOCKER_HOST", self.target.host());
            with_image.push(self.target.timed(&mut command)?);
        }
        let (own, with_image) = (median(&own), median(&with_image));
        table.figure("image is there: a test without it", own * 1e3, "ms");
        table.goal(
            "image is there: what oci_test adds",
            Goal::AtMost(50.0),
            (with_image - own) * 1e3,
            "ms",
        );
        let (mut own, mut with_image) = (vec![], vec![]);
        for _ in 0..self.runs {
            own.push(self.timed(QUICK)?);
            with_image.push(self.timed(QUICK_GIVEN)?);
        }
        table.figure(
            "image is there: what oci_test adds to bazel test",
            (median(&with_image) - median(&own)) * 1e3,
            "ms",
        );
        let mut all = vec![];
        for _ in 0..self.runs.div_ceil(3) {
            all.push(self.timed(GIVEN)?);
        }
        table.figure("image is there: 16 tests", median(&all), "s");
        Ok(())
    }

    fn rounds(&self, table: &mut Table) -> Result<()> {
        let file = self.bazel.folder().join("top/000/0");
        let edited = EditedFile::append(&file, "round")?;
        let (mut times, mut sent) = (vec![], vec![]);
        for round in 0..ROUNDS {
            edited.set_appended(&format!("round {round}"))?;
            self.target.traffic()?;
            let host = self.target.watched_host();
            times.push(seconds(|| run(&mut self.tests(GIVEN, &host, TESTS)))?);
            let traffic = self.target.traffic()?;
            ensure!(
                traffic.sent > TOP,
                "round {round}: only {} bytes were sent for a layer of {TOP}",
                traffic.sent
            );
            sent.push(traffic.sent as f64 - TOP as f64);
        }
        let most = sent.iter().copied().fold(f64::MIN, f64::max);
        table.goal(
            "a change, then 16 tests: bytes sent beyond the layer's 10 MB, at most",
            Goal::AtMost(ALLOWANCE as f64),
            most,
            "bytes",
        );
        table.figure(
            "a change, then 16 tests: build and tests",
            median(&times),
            "s",
        );
        Ok(())
    }

    fn timed(&self, tests: &str) -> Result<f64> {
        let host = self.target.host();
        self.target.timed(&mut self.tests(tests, &host, TESTS))
    }

    /// How many tests may call `docker load` at once: Docker unpacks each archive into a folder of its own first, and the
    /// disk must not be full.
    fn archives_at_once(&self) -> Result<usize> {
        let archive = self.products.archive.metadata()?.len();
        let disk = statvfs(self.bazel.output_base())?;
        let free = disk.blocks_available() * disk.fragment_size();
        let fit = usize::try_from(free / 2 / archive)?;
        Ok(fit.clamp(1, TESTS))
    }

    /// `bazel test`, so many at once, whatever their results were before.
    fn tests(&self, tests: &str, host: &str, at_once: usize) -> Command {
        let host = format!("--test_env=DOCKER_HOST={host}");
        let jobs = [
            format!("--jobs={TESTS}"),
            format!("--local_test_jobs={at_once}"),
        ];
        let flags = [tests, &host, &jobs[0], &jobs[1]];
        self.bazel
            .command("test", &[&TEST_FLAGS[..], &flags].concat())
    }
}
