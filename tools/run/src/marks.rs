//! Names and labels of what a run makes in an engine, by which another run sees whether it was left behind.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stevedore_engine::ProcessMark;
use stevedore_image::digest::Digest;

/// The target for which it was made. Everything that a run removes has it.
pub(crate) const TARGET: &str = "rules-stevedore/run";
/// The process that made it.
const HOLDER: &str = "rules-stevedore/holder";
/// When it is of no use any more, in seconds since 1970.
const EXPIRES: &str = "rules-stevedore/expires";

/// How long something may live beyond the commands' own limit.
const GRACE: Duration = Duration::from_secs(15 * 60);

/// What one run calls things.
pub(crate) struct Marks {
    name: String,
    labels: BTreeMap<String, String>,
}

impl Marks {
    /// Those of a run for `target` whose commands take at most `timeout`.
    pub(crate) fn new(target: &str, timeout: Duration) -> Self {
        let now = since_1970();
        let process = ProcessMark::of_this_process().map(|process| process.to_string());
        let unique = format!("{target} {process:?} {} {now:?}", std::process::id());
        let unique = Digest::of(unique.as_bytes()).hex().to_string();
        let name = target.rsplit([':', '/']).next().unwrap_or_default();
        let is_fine = |letter: &char| letter.is_ascii_alphanumeric() || "_.-".contains(*letter);
        let name: String = name.chars().filter(is_fine).take(40).collect();
        let mut labels = BTreeMap::from([
            (TARGET.to_owned(), target.to_owned()),
            (
                EXPIRES.to_owned(),
                (now + timeout + GRACE).as_secs().to_string(),
            ),
        ]);
        labels.extend(process.map(|process| (HOLDER.to_owned(), process)));
        Self {
            name: format!("stevedore-run-{name}-{}", &unique[..12]),
            labels,
        }
    }

    /// The name of the container; those of other things begin with it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The labels of everything that goes when the run ends.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        self.labels.clone()
    }
}

/// Whether what has these labels was left behind by a run that does not live any more.
pub(crate) fn is_left_behind(labels: &BTreeMap<String, String>) -> bool {
    let holder = labels
        .get(HOLDER)
        .and_then(|holder| ProcessMark::parse(holder));
    let expires = labels
        .get(EXPIRES)
        .and_then(|expires| expires.parse().ok())
        .map(Duration::from_secs);
    holder.is_some_and(|holder| holder.is_dead())
        || expires.is_some_and(|expires| expires < since_1970())
}

fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_living_run_has_is_not_left_behind() {
        let marks = Marks::new("//app:deps", Duration::from_secs(1));
        assert!(!is_left_behind(&marks.labels()));
        assert!(!is_left_behind(&BTreeMap::new()));
    }

    #[test]
    fn what_a_dead_run_has_or_is_too_old_is_left_behind() {
        let mut labels = Marks::new("//app:deps", Duration::from_secs(1)).labels();
        let expired = (EXPIRES.to_owned(), "1700000000".to_owned());
        assert!(is_left_behind(&BTreeMap::from([expired])));
        let holder = labels.get_mut(HOLDER);
        // Nothing is known of processes on a system without /proc.
        if let Some(holder) = holder {
            let (process, _) = holder.rsplit_once('/').unwrap_or_default();
            *holder = format!("{process}/1");
            assert!(is_left_behind(&labels));
        }
    }

    #[test]
    fn names_are_different_and_tell_the_target() {
        let names = [0, 1].map(|_| Marks::new("//app:de ps", Duration::ZERO).name);
        assert_ne!(names[0], names[1]);
        assert!(names[0].starts_with("stevedore-run-deps-"), "{}", names[0]);
    }
}
