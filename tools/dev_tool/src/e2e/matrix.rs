//! The same cases against every engine.

mod copied;
mod disturbances;
mod loads;
mod stand;
mod table;
mod uses;

use anyhow::{ensure, Result};

use super::report::Report;
use super::Options;
use crate::workspace::Workspace;
use stand::{build_program, Stand};
use table::{Matrix, Verdict};

/// The document with the matrix.
const DOCUMENT: &str = "docs/engines.md";

/// The engines, in the order of the columns.
const ENGINES: &[&str] = &[
    "docker-20",
    "docker-28",
    "docker-28-containerd",
    "podman-4",
    "podman-5",
    "podman-5-rootless",
    "containerd",
];

type Case = fn(&Stand<'_>) -> Result<Verdict>;

/// The cases, in an order in which each finds what it needs.
const CASES: &[(&str, Case)] = &[
    ("a first load", loads::first_load),
    ("unchanged: at most 4 requests, 2 KB", loads::unchanged),
    ("a further tag sends no layer", loads::further_tag),
    ("a changed config sends no layer", loads::changed_config),
    ("a changed top layer sends only that", loads::changed_layer),
    (
        "another image on the same base sends only its own layer",
        loads::shared_base,
    ),
    ("two images in one load share what is sent", loads::pair),
    ("the engine's own listing shows the name", uses::is_listed),
    ("a container runs", uses::runs),
    ("saved again, it is whole", uses::is_saved_whole),
    ("pushed to a registry, it is whole", uses::is_pushed_whole),
    ("8 loads at once upload once", disturbances::many_at_once),
    ("a slow engine", disturbances::slow),
    (
        "Ctrl-C amid an upload leaves nothing",
        disturbances::interrupted,
    ),
    (
        "SIGKILL amid an upload leaves nothing",
        disturbances::killed,
    ),
    ("the base is pruned amid a load", disturbances::pruned),
    ("the engine restarts amid a load", disturbances::restarted),
    (
        "a full disk fails the load and leaves nothing",
        disturbances::disk_full,
    ),
];

/// Runs the cases, prints the matrix, and compares the documentation with it (or writes it there).
pub(crate) fn run(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    let cases: Vec<_> = CASES
        .iter()
        .filter(|(name, _)| is_chosen(&options.cases, |part| name.contains(part)))
        .collect();
    let program = build_program(workspace)?;
    let mut matrix = Matrix::new(cases.iter().map(|(name, _)| *name));
    let is_wanted = |name: &&str| is_chosen(&options.engines, |chosen| *name == chosen);
    for engine in ENGINES.iter().copied().filter(is_wanted) {
        let mut verdicts = Vec::new();
        match Stand::start(workspace, engine, &program) {
            Ok(stand) => {
                for (name, case) in &cases {
                    verdicts.push(verdict(report, &format!("{engine}: {name}"), || {
                        case(&stand)
                    }));
                }
            }
            Err(error) => {
                report.case(format!("{engine} starts"), || Err(error));
                verdicts.resize(cases.len(), None);
            }
        }
        matrix.add(engine, verdicts);
    }
    println!("\n{}", matrix.markdown());
    let document = workspace.root().join(DOCUMENT);
    if options.update {
        ensure!(
            options.engines.is_empty() && options.cases.is_empty(),
            "`--update` wants the whole matrix: leave `--engine` and `--case` away"
        );
        matrix.update(&document)?;
    } else if options.engines.is_empty() && options.cases.is_empty() {
        report.case("the matrix in the documentation is this one", || {
            matrix.check(&document)
        });
    }
    Ok(())
}

/// Runs a case; `None` if it failed.
fn verdict(
    report: &mut Report,
    name: &str,
    case: impl FnOnce() -> Result<Verdict>,
) -> Option<Verdict> {
    let mut verdict = None;
    report.case(name, || {
        verdict = Some(case()?);
        Ok(())
    });
    verdict
}

/// Whether nothing is chosen, or this.
fn is_chosen(chosen: &[String], matches: impl Fn(&str) -> bool) -> bool {
    chosen.is_empty() || chosen.iter().any(|part| matches(part))
}
