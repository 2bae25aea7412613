//! The file that tells what a layer is made of: one JSON object a line.
//!
//! The first line is `{"spec": …}`. The others place inputs: a `{"place": …}` line tells where the `file`, `tree`,
//! `empty` and `link` lines after it go; `symlink`, `dir` and `tar` lines stand for themselves.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::label::Label;
use crate::error::Error;
use crate::image_path::ImagePath;

/// What a layer is made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub(super) spec: Spec,
    pub(super) items: Vec<Item>,
}

/// What holds for the whole layer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) label: Label,
    pub(super) owner: String,
    pub(super) mode: String,
    pub(super) mtime: i64,
    pub(super) metadata: Vec<(String, Override)>,
    pub(super) create_parents: bool,
    #[serde(default)]
    pub(super) passwd: Option<PathBuf>,
    #[serde(default)]
    pub(super) group: Option<PathBuf>,
}

/// What differs where a glob matches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Override {
    #[serde(default)]
    pub(super) owner: Option<String>,
    #[serde(default)]
    pub(super) mode: Option<String>,
    #[serde(default)]
    pub(super) mtime: Option<i64>,
}

/// Something that is placed in the layer.
#[derive(Clone, Debug)]
pub(super) enum Item {
    File {
        path: ImagePath,
        disk: PathBuf,
        executable: bool,
        /// Where the executable is whose runfiles this file is among.
        runfiles_of: Option<ImagePath>,
        label: Label,
    },
    Tree {
        path: ImagePath,
        disk: PathBuf,
        label: Label,
    },
    Empty {
        path: ImagePath,
        label: Label,
    },
    Symlink {
        path: ImagePath,
        target: String,
        label: Label,
    },
    Directory {
        path: ImagePath,
        label: Label,
    },
    Tar {
        disk: PathBuf,
        label: Label,
    },
}

/// A line as it is written. Exactly one of the fields that name a kind is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    spec: Option<Spec>,
    place: Option<Place>,
    file: Option<PathBuf>,
    tree: Option<PathBuf>,
    empty: Option<String>,
    link: Option<String>,
    symlink: Option<String>,
    dir: Option<String>,
    tar: Option<PathBuf>,
    to: Option<String>,
    executable: Option<bool>,
    target: Option<String>,
    label: Option<Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    path: String,
    label: Label,
    executable: Option<String>,
}

struct Placement {
    path: ImagePath,
    label: Label,
    executable: Option<ImagePath>,
}

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is not what it should be; the error names the line.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        Self::read(path, BufReader::new(file))
    }

    /// The target of the layer.
    pub fn label(&self) -> &str {
        &self.spec.label
    }

    fn read(path: &Path, reader: impl BufRead) -> Result<Self, Error> {
        let invalid = |index: usize, reason: String| Error::InvalidRecipe {
            path: path.to_owned(),
            line: index + 1,
            reason,
        };
        let mut lines = reader.lines().enumerate();
        let mut next = || match lines.next() {
            None => Ok(None),
            Some((_, Err(source))) => Err(Error::io("read", path, source)),
            Some((index, Ok(text))) => serde_json::from_str::<Line>(&text)
                .map(|line| Some((index, line)))
                .map_err(|error| invalid(index, error.to_string())),
        };
        let missing = "the first line must be the `spec`";
        let Some((
            0,
            Line {
                spec: Some(spec), ..
            },
        )) = next()?
        else {
            return Err(invalid(0, missing.to_owned()));
        };
        let mut parser = Parser {
            label: spec.label.clone(),
            placement: None,
            items: Vec::new(),
        };
        while let Some((index, line)) = next()? {
            parser.take(line).map_err(|reason| invalid(index, reason))?;
        }
        Ok(Self {
            spec,
            items: parser.items,
        })
    }
}

struct Parser {
    /// The label of the layer itself.
    label: Label,
    placement: Option<Placement>,
    items: Vec<Item>,
}

impl Parser {
    fn take(&mut self, line: Line) -> Result<(), String> {
        let item = match line {
            Line {
                place: Some(place), ..
            } => {
                self.placement = Some(Placement {
                    path: path(&place.path)?,
                    label: place.label,
                    executable: place.executable.as_deref().map(path).transpose()?,
                });
                return Ok(());
            }
            Line {
                file: Some(disk),
                to,
                executable,
                ..
            } => {
                let (path, placement) = self.below(to.as_deref())?;
                Item::File {
                    path,
                    disk,
                    executable: executable.unwrap_or(false),
                    runfiles_of: placement.executable.clone(),
                    label: placement.label.clone(),
                }
            }
            Line {
                tree: Some(disk),
                to,
                ..
            } => {
                let (path, placement) = self.below(to.as_deref())?;
                let label = placement.label.clone();
                Item::Tree { path, disk, label }
            }
            Line {
                empty: Some(to), ..
            } => {
                let (path, placement) = self.below(Some(&to))?;
                let label = placement.label.clone();
                Item::Empty { path, label }
            }
            Line {
                link: Some(to),
                target,
                ..
            } => {
                let (path, placement) = self.below(Some(&to))?;
                Item::Symlink {
                    path,
                    target: checked_target(target)?,
                    label: placement.label.clone(),
                }
            }
            Line {
                symlink: Some(text),
                target,
                ..
            } => Item::Symlink {
                path: path(&text)?,
                target: checked_target(target)?,
                label: self.label.clone(),
            },
            Line {
                dir: Some(text), ..
            } => Item::Directory {
                path: path(&text)?,
                label: self.label.clone(),
            },
            Line {
                tar: Some(disk),
                label,
                ..
            } => Item::Tar {
                disk,
                label: label.unwrap_or_else(|| self.label.clone()),
            },
            _ => return Err("it is none of `place`, `file`, `tree`, `empty`, `link`, `symlink`, `dir` and `tar`".to_owned()),
        };
        self.items.push(item);
        Ok(())
    }

    fn below(&self, to: Option<&str>) -> Result<(ImagePath, &Placement), String> {
        let placement = self
            .placement
            .as_ref()
            .ok_or("no `place` line comes before it")?;
        let path = placement
            .path
            .join(to.unwrap_or_default())
            .map_err(|error| error.to_string())?;
        Ok((path, placement))
    }
}

fn path(text: &str) -> Result<ImagePath, String> {
    ImagePath::parse(text).map_err(|error| error.to_string())
}

fn checked_target(target: Option<String>) -> Result<String, String> {
    match target {
        Some(target) if !target.is_empty() && !target.contains('\0') => Ok(target),
        _ => Err("the link has no `target`".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"spec":{"label":"//a:layer","owner":"0:0","mode":"0644","mtime":0,"metadata":[["/x",{"mode":"0600"}]],"create_parents":true,"passwd":null,"group":null}}"#;

    fn read(lines: &[&str]) -> Result<Recipe, Error> {
        Recipe::read(Path::new("layer.jsonl"), lines.join("\n").as_bytes())
    }

    #[test]
    fn files_go_below_the_placement_before_them() {
        let recipe = read(&[
            SPEC,
            r#"{"place":{"path":"/app/bin","label":"//cmd:app"}}"#,
            r#"{"file":"out/app","to":"","executable":true}"#,
            r#"{"place":{"path":"/app/bin.runfiles","label":"//cmd:app","executable":"/app/bin"}}"#,
            r#"{"file":"out/app","to":"_main/cmd/app","executable":true}"#,
            r#"{"tar":"base.tar","label":"//b:tar"}"#,
        ])
        .unwrap();
        let paths: Vec<String> = recipe
            .items
            .iter()
            .map(|item| match item {
                Item::File {
                    path, runfiles_of, ..
                } => format!("{path} {runfiles_of:?}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(paths[0], "/app/bin None");
        assert_eq!(paths[1], "/app/bin.runfiles/_main/cmd/app Some(/app/bin)");
        assert!(paths[2].contains("//b:tar"));
    }

    #[test]
    fn malformed_lines_are_named() {
        let cases: [(&[&str], &str); 7] = [
            (&[], "malformed line 1"),
            (&[r#"{"dir":"/x"}"#], "malformed line 1"),
            (&[SPEC, r#"{"file":"x"}"#], "line 2: no `place` line"),
            (&[SPEC, r#"{"fil":"x"}"#], "line 2: unknown field `fil`"),
            (&[SPEC, r#"{"label":"x"}"#], "line 2: it is none of"),
            (&[SPEC, r#"{"dir":"/a/../b"}"#], "`/a/../b`"),
            (&[SPEC, r#"{"symlink":"/a"}"#], "has no `target`"),
        ];
        for (lines, expected) in cases {
            let error = read(lines).unwrap_err().to_string();
            assert!(error.contains("`layer.jsonl`"), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
