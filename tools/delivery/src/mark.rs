//! Marks: second names of images that were loaded for tests, by which they are found again and removed.
//!
//! A label in the config would make another image of it, and not every engine tells when an image was loaded. A name is what all
//! of them keep. That of a mark tells when the image was loaded and which of its names was set then:
//! `stevedore.test/1763830000/0123456789ab/docker.io/library/app:dev`. Nobody can pull it, since `.test` is reserved
//! (<https://www.rfc-editor.org/rfc/rfc2606#section-2>).
//!
//! As long as it is there, an image that another one has replaced under its name is not an unnamed leftover either.

use std::time::{Duration, SystemTime};

use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

/// The registry that marks pretend to be of.
const DOMAIN: &str = "stevedore.test";

/// How many hex digits of the image's ID are in a mark.
const ID_DIGITS: usize = 12;

/// After how long a test that uses an image makes a new mark.
pub(crate) const RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Younger than this, a mark is one that the load itself has just made.
pub(crate) const FRESH: Duration = Duration::from_secs(60);

/// Before the name for which a mark was made that is not the test's; no registry's host is called so.
const NOT_ITS: &str = "not-its";

/// A mark, read from an image's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    name: Reference,
    /// Since 1970.
    made: Duration,
    /// The name for which it was made, as [`plain`] or [`hashed`] write it, after [`NOT_ITS`] if it does not stand for it.
    stand_in: String,
}

impl Mark {
    /// The mark that says that at the time `made` the image with the config `image` got the name `reference`, which no other image
    /// had but of tests. There always is one, since a hash stands for a name that cannot be a part of another one.
    pub fn new(made: SystemTime, image: Digest, reference: &Reference) -> Option<Self> {
        Self::from_parts(made, image, [plain(reference), hashed(reference)])
    }

    /// The mark that says that at the time `made` the image came for a test, which took the name `reference` from an image that is
    /// not a test's: the name is its owner's, and stays when the mark goes.
    pub fn without_name(made: SystemTime, image: Digest, reference: &Reference) -> Option<Self> {
        let ways = [plain(reference), hashed(reference)];
        Self::from_parts(made, image, ways.map(|name| format!("{NOT_ITS}/{name}")))
    }

    /// The same mark, made at the time `made`.
    pub(crate) fn renewed(&self, made: SystemTime, image: Digest) -> Option<Self> {
        Self::from_parts(made, image, [self.stand_in.clone()])
    }

    /// The mark that tells the same of an image that has lost the name.
    pub(crate) fn retired(&self) -> Option<Self> {
        let mut parts = self.name.path().split('/');
        let (made, id) = (parts.next()?, parts.next()?);
        let stand_in = format!("{NOT_ITS}/{}", self.stand_in);
        Some(Self {
            name: format!("{DOMAIN}/{made}/{id}/{stand_in}").parse().ok()?,
            stand_in,
            ..*self
        })
    }

    /// One with the first of the stand-ins that can be a part of a name.
    fn from_parts(
        made: SystemTime,
        image: Digest,
        ways: impl IntoIterator<Item = String>,
    ) -> Option<Self> {
        let made = seconds(made);
        let id = &image.hex()[..ID_DIGITS];
        ways.into_iter().find_map(|stand_in| {
            let name = format!("{DOMAIN}/{}/{id}/{stand_in}", made.as_secs());
            Some(Self {
                name: name.parse().ok()?,
                made,
                stand_in,
            })
        })
    }

    /// Reads one; `None` if the name is not a mark.
    pub fn of(name: &Reference) -> Option<Self> {
        if name.domain() != DOMAIN || name.digest().is_some() {
            return None;
        }
        let (made, rest) = name.path().split_once('/')?;
        let (id, repository) = rest.split_once('/')?;
        let is_id = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let made = Duration::from_secs(made.parse().ok()?);
        is_id.then(|| Self {
            name: name.clone(),
            made,
            stand_in: format!("{repository}:{}", name.tag().unwrap_or_default()),
        })
    }

    /// The name that it is.
    pub fn name(&self) -> &Reference {
        &self.name
    }

    /// Whether the name goes with it.
    pub fn stands_for(&self, reference: &Reference) -> bool {
        self.stand_in == plain(reference) || self.stand_in == hashed(reference)
    }

    /// Whether it was made when its image got this name, be the name the test's or not.
    pub(crate) fn was_made_for(&self, reference: &Reference) -> bool {
        let name = self.stand_in.strip_prefix(NOT_ITS);
        let name = name.and_then(|name| name.strip_prefix('/'));
        let name = name.unwrap_or(&self.stand_in);
        name == plain(reference) || name == hashed(reference)
    }

    /// When it was made, since 1970.
    pub(crate) fn made(&self) -> Duration {
        self.made
    }

    /// The same for all marks of an image that stand for one name.
    pub(crate) fn stand_in(&self) -> &str {
        &self.stand_in
    }

    /// How old it is; nothing if it is from the future.
    pub fn age(&self, now: SystemTime) -> Duration {
        seconds(now).saturating_sub(self.made)
    }
}

/// The marks among `names`.
pub(crate) fn marks_in(names: &[Reference]) -> impl Iterator<Item = Mark> + '_ {
    names.iter().filter_map(Mark::of)
}

/// The marks among `names` that were made for `reference`, the latest first.
pub(crate) fn marks_for(reference: &Reference, names: &[Reference]) -> Vec<Mark> {
    let marks = marks_in(names).filter(|mark| mark.was_made_for(reference));
    let mut marks: Vec<Mark> = marks.collect();
    marks.sort_by_key(|mark| std::cmp::Reverse(mark.made));
    marks
}

/// The full name, as the end of another one: there is no place for a port's colon.
fn plain(reference: &Reference) -> String {
    format!(
        "{}/{}:{}",
        reference.domain().replace(':', "__"),
        reference.path(),
        reference.tag().unwrap_or_default()
    )
}

/// Stands for a name that cannot be the end of another one: too long, with capital letters in the host, or an IPv6 address.
fn hashed(reference: &Reference) -> String {
    let repository = Digest::of(reference.repository().normalized().as_bytes());
    let tag = reference.tag().unwrap_or_default();
    format!("sha256-{}:{tag}", repository.hex())
}

fn seconds(time: SystemTime) -> Duration {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    Duration::from_secs(since.unwrap_or_default().as_secs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_mark_tells_when_and_for_which_name_it_was_made() {
        let id = Digest::of(b"config");
        let digits = id.hex()[..12].to_owned();
        let long = format!("x.example/{}:v1", "a/".repeat(115) + "a");
        for (name, expected) in [
            ("app:dev", Some("docker.io/library/app:dev")),
            ("app", Some("docker.io/library/app:latest")),
            ("localhost:5000/a/b__c:1", Some("localhost__5000/a/b__c:1")),
            ("ghcr.io/x/y:z", Some("ghcr.io/x/y:z")),
            ("[::1]:5000/app:dev", None),
            ("Registry/app:dev", None),
            (long.as_str(), None),
        ] {
            let name: Reference = name.parse().unwrap();
            let mark = Mark::new(at(1_763_830_000), id, &name).unwrap();
            let text = mark.name().to_string();
            let start = format!("stevedore.test/1763830000/{digits}/");
            assert!(text.starts_with(&start), "{text}");
            match expected {
                Some(expected) => assert_eq!(text[start.len()..], *expected),
                None => assert!(text[start.len()..].starts_with("sha256-"), "{text}"),
            }
            let read = Mark::of(&text.parse().unwrap());
            assert_eq!(read.as_ref(), Some(&mark));
            assert!(mark.stands_for(&name), "{text}");
            assert!(!mark.stands_for(&"app:other".parse().unwrap()));
            assert!(!mark.stands_for(&"other:dev".parse().unwrap()));
        }
    }

    #[test]
    fn a_mark_without_a_name_tells_for_which_it_was_made() {
        for name in ["localhost:5000/app:dev", "[::1]:5000/app:dev"] {
            let name: Reference = name.parse().unwrap();
            let id = Digest::of(b"config");
            let mark = Mark::without_name(at(7), id, &name).unwrap();
            let read = Mark::of(mark.name()).unwrap();
            assert_eq!(read, mark);
            assert_eq!(read.age(at(9)), Duration::from_secs(2));
            assert!(read.was_made_for(&name) && !read.stands_for(&name));
            let named = Mark::new(at(7), id, &name).unwrap();
            assert_eq!(named.retired().unwrap(), mark);
            let renewed = read.renewed(at(9), id).unwrap();
            assert_eq!(renewed, Mark::without_name(at(9), id, &name).unwrap());
        }
    }

    #[test]
    fn other_names_are_no_marks() {
        for name in [
            "app:dev",
            "stevedore.test/app:dev",
            "stevedore.test/1/0123456789ab:dev",
            "stevedore.test/x/0123456789ab/app:dev",
            "stevedore.test/1/0123456789/app:dev",
            "stevedore.test/1/0123456789xy/app:dev",
            "stevedore.test/-1/0123456789ab/app:dev",
            "docker.io/stevedore.test/1/0123456789ab/app:dev",
        ] {
            let Ok(name) = name.parse() else { continue };
            assert_eq!(Mark::of(&name), None, "{name}");
        }
    }

    #[test]
    fn the_latest_mark_of_a_name_comes_first() {
        let name: Reference = "app:dev".parse().unwrap();
        let id = Digest::of(b"config");
        let other = Mark::new(at(9), id, &"other:dev".parse().unwrap()).unwrap();
        let marks = [1, 3, 2].map(|time| Mark::new(at(time), id, &name).unwrap());
        let names = [&marks[0], &marks[1], &other, &marks[2]].map(|mark| mark.name().clone());
        let found = marks_for(&name, &names);
        assert_eq!(found, [1, 2, 0].map(|place: usize| marks[place].clone()));
        assert_eq!(found[0].age(at(10)), Duration::from_secs(7));
        assert_eq!(found[0].age(at(1)), Duration::ZERO);
    }
}
