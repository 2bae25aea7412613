//! Telling whether a process of this machine is still there.

use std::fmt;
use std::fs;

/// A process of a machine with Linux, such that no later one has the same mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMark {
    /// The machine, since it was booted.
    boot: String,
    /// The namespace in which the process ID counts.
    namespace: String,
    id: u32,
    /// When it was started, in the kernel's own unit: process IDs are used again.
    started: String,
}

impl ProcessMark {
    /// This process; `None` where the system does not tell.
    pub fn of_this_process() -> Option<Self> {
        let id = std::process::id();
        Some(Self {
            boot: boot()?,
            namespace: namespace()?,
            id,
            started: start_of(id)?,
        })
    }

    /// Reads what [`fmt::Display`] writes; `None` if the text is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let mark = Self {
            boot: parts.next()?,
            namespace: parts.next()?,
            id: parts.next()?.parse().ok()?,
            started: parts.next()?,
        };
        parts.next().is_none().then_some(mark)
    }

    /// Whether it has certainly ended. Of a process of another machine, or in another namespace, nothing is known.
    pub fn is_dead(&self) -> bool {
        let is_of_here =
            Some(&self.boot) == boot().as_ref() && Some(&self.namespace) == namespace().as_ref();
        is_of_here && start_of(self.id).as_ref() != Some(&self.started)
    }
}

impl fmt::Display for ProcessMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot,
            namespace,
            id,
            started,
        } = self;
        write!(f, "{boot}/{namespace}/{id}/{started}")
    }
}

fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn namespace() -> Option<String> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// The field `starttime` of `/proc/ID/stat`; the command's name before it may hold anything, in parentheses.
fn start_of(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    // The state comes first, which is the third field of all; `starttime` is the twenty-second.
    fields.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        let mark = ProcessMark::of_this_process();
        let read = mark
            .as_ref()
            .and_then(|mark| ProcessMark::parse(&mark.to_string()));
        assert!(mark.is_some());
        assert_eq!(read, mark);
        assert!(mark.is_some_and(|mark| !mark.is_dead()));
    }

    #[test]
    fn only_a_process_of_here_is_known_to_be_dead() {
        let Some(mark) = ProcessMark::of_this_process() else {
            panic!("no /proc");
        };
        let earlier = ProcessMark {
            started: "1".to_owned(),
            ..mark.clone()
        };
        assert!(earlier.is_dead());
        let elsewhere = ProcessMark {
            namespace: "pid:[1]".to_owned(),
            ..earlier.clone()
        };
        assert!(!elsewhere.is_dead());
        let other_boot = ProcessMark {
            boot: "x".to_owned(),
            ..earlier
        };
        assert!(!other_boot.is_dead());
    }

    #[test]
    fn what_is_no_mark_is_not_read_as_one() {
        for text in ["", "a/b/c/d", "a/b/1", "a/b/1/2/3"] {
            assert_eq!(ProcessMark::parse(text), None, "{text}");
        }
    }
}
