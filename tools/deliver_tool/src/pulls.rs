//! How layers that are in no file are fetched.

use std::env;
use std::rc::Rc;

use stevedore_delivery::{ContentCache, Fetched, LockPlaces, Observer, Pulls};
use stevedore_registry::{Options, Registries};
use stevedore_wire::Traffic;

use crate::cli::RegistryFlags;
use crate::registry_options;

/// What fetches layers, as flags and this machine say. What it sends is not sent to the destination, and not counted.
pub(crate) fn of(flags: &RegistryFlags, observer: Observer) -> Rc<Pulls> {
    let flags = flags.clone();
    let told = observer.clone();
    let connect = move |mut mirrors: Vec<_>, insecure| {
        let options = registry_options::of(&flags, &Traffic::default(), told.clone());
        mirrors.extend(options.mirrors.iter().cloned());
        Registries::new(Options {
            insecure: options.insecure || insecure,
            mirrors,
            ..options
        })
    };
    let variable = |name: &str| env::var_os(name);
    Rc::new(Pulls::new(
        ContentCache::of_machine(variable),
        LockPlaces::of_machine(variable),
        observer,
        Box::new(connect),
    ))
}

/// What was fetched, for the report; `None` if nothing was.
pub(crate) fn report(pulls: Option<&Rc<Pulls>>) -> Option<Fetched> {
    let fetched = pulls?.fetched();
    (fetched != Fetched::default()).then_some(fetched)
}
