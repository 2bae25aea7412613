//! Counting the cases that pass and fail.

use std::fmt::Display;
use std::time::Instant;

use anyhow::{bail, Result};

/// The cases so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Report {
    /// Runs a case and prints how it went, at once.
    pub(crate) fn case(&mut self, name: impl Display, case: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let result = case();
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name} ({seconds:.1} s)");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {name} ({seconds:.1} s)\n  {}", indented(&error));
            }
        }
    }

    /// The cases of one engine, whose names begin with it.
    pub(crate) fn of_engine(&mut self, engine: impl Display) -> EngineReport<'_> {
        EngineReport {
            report: self,
            engine: engine.to_string(),
        }
    }

    /// Notes cases that could not be tried, and why.
    pub(crate) fn skip(&mut self, name: impl Display, reason: impl Display) {
        self.skipped += 1;
        println!("skipped {name}: {reason}");
    }

    /// Prints the sum; an error if a case failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.failed > 0 {
            bail!("{} of the cases failed", self.failed);
        }
        Ok(())
    }
}

/// What [`Report::of_engine`] gives.
#[derive(Debug)]
pub(crate) struct EngineReport<'a> {
    report: &'a mut Report,
    engine: String,
}

impl EngineReport<'_> {
    /// [`Report::case`] for this engine.
    pub(crate) fn case(&mut self, name: impl Display, case: impl FnOnce() -> Result<()>) {
        self.report.case(format!("{}: {name}", self.engine), case);
    }

    /// [`Report::skip`] for this engine.
    pub(crate) fn skip(&mut self, name: impl Display, reason: impl Display) {
        self.report.skip(format!("{}: {name}", self.engine), reason);
    }
}

fn indented(error: &anyhow::Error) -> String {
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    causes.join("\ncaused by: ").replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_case_fails_the_run() {
        let mut report = Report::default();
        report.case("good", || Ok(()));
        report
            .of_engine("docker-28")
            .case("bad", || bail!("no luck"));
        report.skip("other", "not here");
        assert_eq!((report.passed, report.failed, report.skipped), (1, 1, 1));
        assert!(report.finish().is_err());
    }
}
