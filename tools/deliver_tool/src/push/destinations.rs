//! Where images go: as their target says, or as flags say.

use stevedore_delivery::{ParcelSpec, Runfiles};
use stevedore_image::destinations::{self, Destination};

use crate::cli::PushFlags;
use crate::exit_code::Usage;

/// The file with the destinations cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the destinations of the target cannot be used; build it again")]
pub(crate) struct DestinationsError(#[from] Box<stevedore_image::Error>);

/// The destinations of `parcel`.
pub(super) fn of(
    parcel: &ParcelSpec,
    runfiles: &Runfiles,
    flags: &PushFlags,
) -> anyhow::Result<Vec<Destination>> {
    let path = runfiles.find(&parcel.destinations)?;
    let mut all = destinations::load(&path).map_err(|error| DestinationsError(Box::new(error)))?;
    if flags.no_remote_tags {
        all.iter_mut()
            .for_each(|destination| destination.tags.clear());
    }
    let flag = match (&flags.repository, flags.tag.is_empty()) {
        (None, true) => return Ok(all),
        (None, false) => "--tag",
        (Some(_), _) => "--repository",
    };
    let [destination] = all.as_mut_slice() else {
        let repositories = all.iter().map(|one| format!("`{}`", one.repository));
        return Err(Usage::SeveralRepositories {
            flag,
            repositories: repositories.collect::<Vec<_>>().join(", "),
        }
        .into());
    };
    if let Some(repository) = &flags.repository {
        destination.repository = repository.clone();
    }
    for tag in &flags.tag {
        if !destination.tags.contains(tag) {
            destination.tags.push(tag.clone());
        }
    }
    Ok(all)
}
