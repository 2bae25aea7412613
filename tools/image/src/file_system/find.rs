//! What a path leads to, as the kernel would find it.

use std::fmt;

use super::tree::{parts, MAX_LINKS};
use super::{entry_of, printable, Entry, FileSystem};

/// What becomes of a symbolic link at the end of a path; those before it are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is what is found.
    Keep,
    /// What it leads to is found.
    Follow,
}

/// There is nothing at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// The path that is not there, or is no directory.
    at: String,
    what: Lack,
    /// The last symbolic link that was followed on the way.
    link: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Nothing,
    NoDirectory,
    Circle,
}

impl FileSystem {
    /// What is at `path`, which is taken from the root whether or not it begins with a slash.
    ///
    /// # Errors
    /// If there is nothing.
    pub fn find<'a>(&'a self, path: &'a str, links: Links) -> Result<Entry<'a>, NotFound> {
        let mut ahead = parts(path.as_bytes());
        ahead.reverse();
        let mut way: Vec<&[u8]> = Vec::new();
        let mut directories = vec![&self.tree.root];
        let mut link = None;
        let mut followed = 0;
        while let Some(part) = ahead.pop() {
            if part == b".." {
                if way.pop().is_some() {
                    directories.pop();
                }
                continue;
            }
            let here = directories[directories.len() - 1];
            way.push(part);
            let lack = |what| NotFound {
                at: text(&way),
                what,
                link: link.clone(),
            };
            if let Some(child) = here.directories.get(part) {
                directories.push(child);
                continue;
            }
            let Some(file) = here.files.get(part) else {
                return Err(lack(Lack::Nothing));
            };
            let target = self.tree.inodes[file.inode].symlink();
            match target.filter(|_| !ahead.is_empty() || links == Links::Follow) {
                Some(_) if followed == MAX_LINKS => return Err(lack(Lack::Circle)),
                Some(target) => {
                    followed += 1;
                    link = Some(text(&way));
                    way.pop();
                    if target.starts_with(b"/") {
                        way.clear();
                        directories.truncate(1);
                    }
                    ahead.extend(parts(target).into_iter().rev());
                }
                None if ahead.is_empty() => return Ok(self.file(file.inode)),
                None => return Err(lack(Lack::NoDirectory)),
            }
        }
        Ok(entry_of(directories[directories.len() - 1]))
    }
}

fn text(way: &[&[u8]]) -> String {
    format!("/{}", printable(&way.join(&b'/')))
}

/// The end of a sentence: "there is nothing at `/a`".
impl fmt::Display for NotFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match self.what {
            Lack::Nothing => write!(formatter, "there is nothing at `{at}`")?,
            Lack::NoDirectory => write!(formatter, "`{at}` is no directory")?,
            Lack::Circle => write!(formatter, "the symlink `{at}` leads in a circle")?,
        }
        match &self.link {
            Some(link) if self.what != Lack::Circle => {
                write!(formatter, ", to which the symlink `{link}` leads")
            }
            _ => Ok(()),
        }
    }
}
