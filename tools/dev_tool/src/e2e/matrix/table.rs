//! The matrix: engine × case.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

/// How a case went that did not fail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// As it should.
    Holds,
    /// As it should, as far as a client can see to that.
    HoldsBut(&'static str),
    /// It cannot occur with this engine, because of this.
    NotApplicable(&'static str),
}

/// The marks around the matrix in the documentation.
const BEGIN: &str = "<!-- matrix: written by `dev/e2e --update` -->\n";
const END: &str = "<!-- end of the matrix -->\n";

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    engines: Vec<&'static str>,
    cases: Vec<&'static str>,
    /// By case, then by engine; `None` has failed.
    cells: Vec<Vec<Option<Verdict>>>,
}

impl Matrix {
    /// A matrix without engines yet.
    pub(crate) fn new(cases: impl IntoIterator<Item = &'static str>) -> Self {
        let cases: Vec<_> = cases.into_iter().collect();
        Self {
            engines: Vec::new(),
            cells: vec![Vec::new(); cases.len()],
            cases,
        }
    }

    /// Adds what one engine did, case by case.
    pub(crate) fn add(&mut self, engine: &'static str, verdicts: Vec<Option<Verdict>>) {
        self.engines.push(engine);
        for (cells, verdict) in self.cells.iter_mut().zip(verdicts) {
            cells.push(verdict);
        }
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("| | {} |\n", self.engines.join(" | "));
        text += &format!("|---{}|\n", "|---".repeat(self.engines.len()));
        let mut notes = Vec::new();
        for (case, cells) in self.cases.iter().zip(&self.cells) {
            text += &format!("| {case} |");
            for cell in cells {
                let shown = match cell {
                    Some(Verdict::Holds) => "ok".to_owned(),
                    Some(Verdict::HoldsBut(note)) => format!("ok ({})", number(&mut notes, note)),
                    Some(Verdict::NotApplicable(note)) => {
                        format!("– ({})", number(&mut notes, note))
                    }
                    None => "**FAILED**".to_owned(),
                };
                // Writing to a string does not fail.
                let _ = write!(text, " {shown} |");
            }
            text.push('\n');
        }
        for (index, note) in notes.iter().enumerate() {
            let _ = write!(text, "\n({}) {note}\n", index + 1);
        }
        text
    }

    /// Writes the matrix into the document, between its marks.
    pub(crate) fn update(&self, document: &Path) -> Result<()> {
        let text = read(document)?;
        let (before, _, after) = split(&text, document)?;
        fs::write(document, format!("{before}{}{after}", self.markdown()))
            .with_context(|| format!("failed to write `{}`", document.display()))
    }

    /// Fails if the document has another matrix.
    pub(crate) fn check(&self, document: &Path) -> Result<()> {
        let text = read(document)?;
        let (_, matrix, _) = split(&text, document)?;
        if matrix != self.markdown() {
            bail!(
                "`{}` has another matrix: run `dev/e2e --update`",
                document.display()
            );
        }
        Ok(())
    }
}

/// The number of a note below the table, which is added if it is new.
fn number(notes: &mut Vec<&'static str>, note: &'static str) -> usize {
    let known = notes.iter().position(|other| *other == note);
    let index = known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    index + 1
}

fn read(document: &Path) -> Result<String> {
    fs::read_to_string(document).with_context(|| format!("failed to read `{}`", document.display()))
}

/// What is before the matrix, with its mark, the matrix, and what is after it, with its mark.
fn split<'a>(text: &'a str, document: &Path) -> Result<(&'a str, &'a str, &'a str)> {
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        bail!("`{}` has no marks around a matrix", document.display());
    };
    let begin = begin + BEGIN.len();
    if end < begin {
        bail!(
            "the marks in `{}` are in the wrong order",
            document.display()
        );
    }
    Ok((&text[..begin], &text[begin..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        let mut matrix = Matrix::new(["loads", "breaks"]);
        matrix.add("one", vec![Some(Verdict::Holds), None]);
        let reason = Some(Verdict::NotApplicable("it cannot break"));
        let limit = Some(Verdict::HoldsBut("slowly"));
        matrix.add("other", vec![limit, reason]);
        matrix
    }

    #[test]
    fn reasons_are_notes_below_the_table() {
        assert_eq!(
            matrix().markdown(),
            "| | one | other |\n|---|---|---|\n| loads | ok | ok (1) |\n| breaks | **FAILED** | – (2) |\n\n(1) slowly\n\n(2) it cannot break\n"
        );
    }

    #[test]
    fn a_stale_document_is_told_and_mended() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let document = folder.path().join("engines.md");
        fs::write(&document, format!("before\n{BEGIN}old\n{END}after\n"))?;
        assert!(matrix().check(&document).is_err());
        matrix().update(&document)?;
        matrix().check(&document)?;
        let text = fs::read_to_string(&document)?;
        assert!(
            text.starts_with("before\n") && text.ends_with("after\n"),
            "{text}"
        );
        Ok(())
    }
}
