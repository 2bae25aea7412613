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
        if let Some(place) = line.place {
            self.placement = Some(Placement {
                path: path(&place.path)?,
                label: place.label,
                executable: place.executable.as_deref().map(path).transpose()?,
            });
            return Ok(());
        }
        let item = match self.placed(&line)? {
            Some(item) => item,
            None => self.unplaced(line)?,
        };
        self.items.push(item);
        Ok(())
    }

    /// What goes below the placement, if the line tells of such a thing.
    fn placed(&self, line: &Line) -> Result<Option<Item>, String> {
        let own = [&line.empty, &line.link].into_iter().flatten().next();
        if own.is_none() && line.file.is_none() && line.tree.is_none() {
            return Ok(None);
        }
        let (path, placement) = self.below(own.or(line.to.as_ref()))?;
        let label = placement.label.clone();
        Ok(Some(if let Some(disk) = &line.file {
            Item::File {
                path,
                disk: disk.clone(),
                executable: line.executable.unwrap_or(false),
                runfiles_of: placement.executable.clone(),
                label,
            }
        } else if let Some(disk) = &line.tree {
            let disk = disk.clone();
            Item::Tree { path, disk, label }
        } else if line.empty.is_some() {
            Item::Empty { path, label }
        } else {
            let target = checked_target(line.target.as_deref())?;
            Item::Symlink {
                path,
                target,
                label,
            }
        }))
    }

    /// What has a place of its own.
    fn unplaced(&self, line: Line) -> Result<Item, String> {
        let label = line.label.unwrap_or_else(|| self.label.clone());
        if let Some(text) = line.symlink {
            Ok(Item::Symlink {
                path: path(&text)?,
                target: checked_target(line.target.as_deref())?,
                label,
            })
        } else if let Some(text) = line.dir {
            let path = path(&text)?;
            Ok(Item::Directory { path, label })
        } else if let Some(disk) = line.tar {
            Ok(Item::Tar { disk, label })
        } else {
            let kinds = "`place`, `file`, `tree`, `empty`, `link`, `symlink`, `dir` and `tar`";
            Err(format!("it is none of {kinds}"))
        }
    }

    fn below(&self, to: Option<&String>) -> Result<(ImagePath, &Placement), String> {
        let placement = self
            .placement
            .as_ref()
            .ok_or("no `place` line comes before it")?;
        let path = placement
            .path
            .join(to.map_or("", String::as_str))
            .map_err(|error| error.to_string())?;
        Ok((path, placement))
    }
}

fn path(text: &str) -> Result<ImagePath, String> {
    ImagePath::parse(text).map_err(|error| error.to_string())
}

fn checked_target(target: Option<&str>) -> Result<String, String> {
    match target {
        Some(target) if !target.is_empty() && !target.contains('\0') => Ok(target.to_owned()),
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
