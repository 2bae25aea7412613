//! How registries are talked to, as flags and this machine say.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stevedore_delivery::{Event, Observer};
use stevedore_registry::credentials::{Sources, Surroundings};
use stevedore_registry::{Notice, Options};
use stevedore_wire::Traffic;

use crate::cli::RegistryFlags;

/// Where Docker and podman keep registries' certificates
/// (<https://docs.docker.com/engine/security/certificates/>, containers-certs.d(5)).
const CERTIFICATE_ROOTS: [&str; 2] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];
const CERTIFICATES_IN_HOME: [&str; 2] = [".config/containers/certs.d", ".docker/certs.d"];

/// The options that flags and this machine say; what is sent is counted by `traffic`.
pub(crate) fn of(flags: &RegistryFlags, traffic: &Traffic, observer: Observer) -> Options {
    let answer_patience = Duration::from_secs(flags.timeout.into());
    let credentials = Sources::new(flags.credential_helper.clone(), Surroundings::of_process());
    Options {
        credentials: credentials.with_helper_patience(answer_patience),
        insecure: flags.insecure,
        certificates: flags.certificates(),
        certificate_roots: certificate_roots(),
        mirrors: flags.mirror.clone(),
        patience: Duration::from_secs(flags.retry_time.into()),
        answer_patience,
        traffic: traffic.clone(),
        notify: Arc::new(move |notice| observer(event(notice))),
    }
}

fn certificate_roots() -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let in_home = home
        .iter()
        .flat_map(|home| CERTIFICATES_IN_HOME.map(|path| home.join(path)));
    CERTIFICATE_ROOTS
        .map(PathBuf::from)
        .into_iter()
        .chain(in_home)
        .collect()
}

fn event(notice: Notice) -> Event {
    match notice {
        Notice::Retrying { reason, after } => Event::Retrying { reason, after },
        Notice::Resuming { offset, size } => Event::FellBack {
            reason: format!("the upload goes on at byte {offset} of {size}"),
        },
        Notice::ResumingDownload { offset, size } => Event::FellBack {
            reason: format!("the download goes on at byte {offset} of {size}"),
        },
        Notice::FellBack { reason } => Event::FellBack { reason },
        Notice::Detail { text } => Event::Detail { text },
        other => Event::Detail {
            text: format!("{other:?}"),
        },
    }
}
