//! The rows of a benchmark: for a person, and as JSON.

use std::fmt;

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

impl Goal {
    fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtMost(limit) => measured <= limit,
            Self::AtLeast(limit) => measured >= limit,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(formatter, "≤ {limit}"),
            Self::AtLeast(limit) => write!(formatter, "≥ {limit}"),
        }
    }
}

impl Serialize for Goal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
struct Row {
    /// What it is about, where the table has several sections.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    row: String,
    goal: Option<Goal>,
    measured: Option<f64>,
    unit: String,
    holds: Option<bool>,
}

/// The figures of one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
    #[serde(skip)]
    section: Option<String>,
}

impl Table {
    /// Begins a section: the rows that follow are in it.
    pub(crate) fn section(&mut self, title: &str) {
        self.section = Some(title.to_owned());
    }

    /// The rows of one section.
    pub(crate) fn of_section(&self, title: &str) -> Self {
        let is_in = |row: &&Row| row.section.as_deref() == Some(title);
        Self {
            rows: self.rows.iter().filter(is_in).cloned().collect(),
            section: None,
        }
    }

    /// Adds a figure with a goal.
    pub(crate) fn goal(&mut self, row: &str, goal: Goal, measured: f64, unit: &str) {
        self.add(row, Some(goal), Some(measured), unit);
    }

    /// Adds a figure to compare with, such as a peer's.
    pub(crate) fn figure(&mut self, row: &str, measured: f64, unit: &str) {
        self.add(row, None, Some(measured), unit);
    }

    /// Adds a figure with a goal that cannot be measured on this machine.
    pub(crate) fn unmeasured(&mut self, row: &str, goal: Goal, reason: &str) {
        self.add(row, Some(goal), None, reason);
    }

    /// How many figures miss their goal.
    pub(crate) fn misses(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.holds == Some(false))
            .count()
    }

    /// Prints one JSON object.
    pub(crate) fn print_json(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("failed to write JSON")?;
        println!("{text}");
        Ok(())
    }

    fn add(&mut self, row: &str, goal: Option<Goal>, measured: Option<f64>, unit: &str) {
        let measured = measured.map(rounded);
        self.rows.push(Row {
            section: self.section.clone(),
            row: row.to_owned(),
            goal,
            measured,
            unit: unit.to_owned(),
            holds: goal.zip(measured).map(|(goal, value)| goal.holds(value)),
        });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |cell: fn(&Row) -> usize| self.rows.iter().map(cell).max().unwrap_or_default();
        let name = width(|row| row.row.chars().count());
        let unit = width(|row| row.unit.chars().count());
        let mut section = &None;
        for row in &self.rows {
            if row.section != *section {
                section = &row.section;
                writeln!(formatter, "\n{}", section.as_deref().unwrap_or_default())?;
            }
            let goal = row.goal.map(|goal| goal.to_string()).unwrap_or_default();
            let measured = row
                .measured
                .map_or("-".to_owned(), |value| value.to_string());
            let holds = match row.holds {
                Some(true) => "holds",
                Some(false) => "MISSES",
                None => "",
            };
            let line = format!(
                "{:<name$}  {measured:>12} {:<unit$}  {goal:>10}  {holds}",
                row.row, row.unit
            );
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits after the point are more than any of these figures deserves.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        table.goal("requests", Goal::AtMost(2.0), 1.0, "requests");
        table.goal("speed", Goal::AtLeast(0.8), 0.5, "ratio");
        table.figure("docker load", 12.345_678, "s");
        table.unmeasured("with SHA", Goal::AtLeast(0.8), "no such CPU");
        table
    }

    #[test]
    fn goals_hold_or_miss() {
        let table = table();
        let holds: Vec<_> = table.rows.iter().map(|row| row.holds).collect();
        assert_eq!(holds, [Some(true), Some(false), None, None]);
        assert_eq!(table.misses(), 1);
    }

    #[test]
    fn a_section_is_told_once_before_its_rows() -> Result<()> {
        let mut table = table();
        table.section("podman-5");
        table.figure("a", 1.0, "s");
        table.figure("b", 2.0, "s");
        let text = table.to_string();
        assert_eq!(text.matches("\npodman-5\na").count(), 1, "{text}");
        assert_eq!(table.of_section("podman-5").rows.len(), 2);
        assert_eq!(
            serde_json::to_value(&table)?["rows"][5]["section"],
            "podman-5"
        );
        Ok(())
    }

    #[test]
    fn rows_are_printed_and_serialised() -> Result<()> {
        let text = table().to_string();
        assert!(text.contains("12.346 s"), "{text}");
        assert!(text.contains("≥ 0.8  MISSES"), "{text}");
        let json = serde_json::to_value(table())?;
        assert_eq!(
            json["rows"][0],
            serde_json::json!({"row": "requests", "goal": "≤ 2", "measured": 1.0, "unit": "requests", "holds": true})
        );
        Ok(())
    }
}
