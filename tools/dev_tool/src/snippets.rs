//! The code in the documentation is the code of the examples: every fenced block under a
//! `<!-- snippet: path#region -->` marker is compared with that region of that file, or written anew from it.
//!
//! A region is what stands between the lines `# docs:begin REGION` and `# docs:end REGION`, or `// docs:begin REGION`
//! and `// docs:end REGION`; without `#REGION` it is the whole file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

const MARKER: &str = "<!-- snippet: ";

/// What starts a comment in the languages of the examples.
const COMMENTS: [&str; 2] = ["#", "//"];

/// Where the documentation is, in the workspace.
const FOLDERS: [&str; 3] = ["", "docs", "docs/testing"];

/// Compares (or, with `update`, rewrites) the snippets of every Markdown file in `FOLDERS`.
///
/// Returns how many snippets there are.
///
/// # Errors
/// A snippet that differs, a marker without a fenced block, a file or region that is not there.
pub(crate) fn run(workspace: &Path, update: bool) -> Result<usize> {
    let mut count = 0;
    for page in pages(workspace)? {
        let text = read(&page)?;
        let (fresh, snippets) = render(workspace, &page, &text)?;
        count += snippets;
        if fresh == text {
            continue;
        }
        if !update {
            bail!(
                "`{}` shows code that differs from its source; run `dev/docs --update`",
                page.display()
            );
        }
        fs::write(&page, fresh).with_context(|| format!("failed to write `{}`", page.display()))?;
    }
    Ok(count)
}

fn pages(workspace: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    for folder in FOLDERS.map(|folder| workspace.join(folder)) {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("failed to list `{}`", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// Gives the page with every snippet filled from its source, and the number of snippets.
fn render(workspace: &Path, page: &Path, text: &str) -> Result<(String, usize)> {
    let mut fresh = String::with_capacity(text.len());
    let mut count = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        fresh.push_str(line);
        fresh.push('\n');
        let Some(source) = line
            .strip_prefix(MARKER)
            .and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let opening = lines.next().filter(|line| line.starts_with("```"));
        let Some(opening) = opening else {
            bail!(
                "`{}`: the marker `{line}` has no fenced block below it",
                page.display()
            );
        };
        if !lines.by_ref().any(|line| line == "```") {
            bail!("`{}`: the block below `{line}` has no end", page.display());
        }
        fresh.push_str(&format!("{opening}\n{}```\n", region(workspace, source)?));
        count += 1;
    }
    Ok((fresh, count))
}

/// Reads `path` or `path#region`, without the docs markers.
fn region(workspace: &Path, source: &str) -> Result<String> {
    let (path, name) = match source.split_once('#') {
        Some((path, name)) => (path, Some(name)),
        None => (source, None),
    };
    let text = read(&workspace.join(path))?;
    let Some(name) = name else {
        return Ok(text);
    };
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !is_edge(line, "begin", name))
        .skip(1)
        .take_while(|line| !is_edge(line, "end", name))
        .collect();
    if lines.is_empty() {
        bail!(
            "`{path}` has no region `{name}` (lines `# docs:begin {name}` and `# docs:end {name}`)"
        );
    }
    Ok(lines.join("\n") + "\n")
}

/// Whether the line begins, or ends, the region.
fn is_edge(line: &str, edge: &str, name: &str) -> bool {
    COMMENTS
        .iter()
        .any(|comment| line.trim() == format!("{comment} docs:{edge} {name}"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn workspace(page: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("docs/testing")).expect("docs");
        fs::write(folder.path().join("README.md"), page).expect("README.md");
        fs::write(
            folder.path().join("BUILD.bazel"),
            "x = 0\n# docs:begin a\nx = 1\n# docs:end a\n",
        )
        .expect("BUILD.bazel");
        folder
    }

    #[test]
    fn a_stale_snippet_is_an_error_and_an_update_mends_it() {
        let folder = workspace("<!-- snippet: BUILD.bazel#a -->\n```starlark\nx = 2\n```\nend\n");
        assert!(run(folder.path(), false).is_err());
        assert_eq!(run(folder.path(), true).expect("update"), 1);
        assert_eq!(run(folder.path(), false).expect("fresh"), 1);
        let page = read(&folder.path().join("README.md")).expect("README.md");
        assert_eq!(
            page,
            "<!-- snippet: BUILD.bazel#a -->\n```starlark\nx = 1\n```\nend\n"
        );
    }

    #[test]
    fn a_region_may_stand_between_comments_of_two_slashes() {
        let folder = workspace("<!-- snippet: app.js#b -->\n```js\n```\n");
        fs::write(
            folder.path().join("app.js"),
            "x();\n  // docs:begin b\n  y();\n  // docs:end b\n",
        )
        .expect("app.js");
        assert_eq!(run(folder.path(), true).expect("update"), 1);
        let page = read(&folder.path().join("README.md")).expect("README.md");
        assert_eq!(page, "<!-- snippet: app.js#b -->\n```js\n  y();\n```\n");
    }

    #[test]
    fn a_region_that_is_not_there_is_an_error() {
        let folder = workspace("<!-- snippet: BUILD.bazel#b -->\n```\n```\n");
        let error = run(folder.path(), true).expect_err("no region b");
        assert!(error.to_string().contains("no region `b`"), "{error}");
    }
}
