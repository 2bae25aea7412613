//! Leases: what keeps containerd's garbage collector away from an image that is not complete yet.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::message::{self, DeleteLeaseRequest, ListLeasesRequest, ListLeasesResponse, Nothing};
use super::{is, Containerd, Snapshots};
use crate::content::Content;
use crate::error::{Action, Error, GrpcCode};
use crate::grpc::Channel;
use crate::process::ProcessMark;

/// How long a lease lives whose holder was killed and is not found dead by another load.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// When the garbage collector may forget a lease, in RFC 3339.
const EXPIRY_LABEL: &str = "containerd.io/gc.expire";

/// The process that holds a lease.
const HOLDER_LABEL: &str = "rules-stevedore/holder";

/// A lease. Everything that is made through it stays until it ends, and so does all that this refers to.
pub struct Lease<'a> {
    engine: &'a Containerd,
    channel: Channel,
    id: String,
}

impl Containerd {
    /// Makes a lease that this process holds. One request.
    ///
    /// One that is dropped without [`Lease::end`] is ended by [`Containerd::clean_up`], or else within the hour.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached.
    pub async fn lease(&self) -> Result<Lease<'_>, Error> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let id = format!("stevedore-{}-{}", std::process::id(), now.as_nanos());
        let mut labels = BTreeMap::from([(EXPIRY_LABEL.to_owned(), rfc3339(now + LIFETIME))]);
        if let Some(holder) = ProcessMark::of_this_process() {
            labels.insert(HOLDER_LABEL.to_owned(), holder.to_string());
        }
        let question = message::Lease {
            id: id.clone(),
            labels,
        };
        // Before it is there: whoever stops waiting for the answer does not know whether it is.
        self.leases.borrow_mut().push(id.clone());
        let path = "/containerd.services.leases.v1.Leases/Create";
        let _: message::Nothing = self.channel.call(Action::Lease, path, question).await?;
        Ok(Lease {
            engine: self,
            channel: self.channel.with_lease(&id),
            id,
        })
    }

    /// Ends the leases of processes that were killed on this machine, so that what they left can be collected. One
    /// request, and one for each of them.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached.
    pub async fn end_leases_of_the_dead(&self) -> Result<(), Error> {
        let question = ListLeasesRequest {
            filters: vec![format!("labels.\"{HOLDER_LABEL}\"")],
        };
        let path = "/containerd.services.leases.v1.Leases/List";
        let answer: ListLeasesResponse = self.channel.call(Action::Lease, path, question).await?;
        for lease in answer.leases {
            let holder = lease.labels.get(HOLDER_LABEL);
            let holder = holder.and_then(|text| ProcessMark::parse(text));
            if holder.is_some_and(|holder| holder.is_dead()) {
                delete(&self.channel, &lease.id, false).await?;
            }
        }
        Ok(())
    }
}

impl Lease<'_> {
    /// The blobs; what is written, or found by writing, is leased.
    pub fn content(&self) -> Content {
        Content::new(self.channel.clone())
    }

    /// The file systems of `snapshotter`; what is made is leased.
    pub fn snapshots(&self, snapshotter: &str) -> Snapshots {
        Snapshots::new(self.channel.clone(), snapshotter)
    }

    /// Ends the lease. One request; with `sync`, the answer comes when the garbage was collected.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached.
    pub async fn end(self, sync: bool) -> Result<(), Error> {
        delete(&self.engine.channel, &self.id, sync).await?;
        self.engine.leases.borrow_mut().retain(|id| *id != self.id);
        Ok(())
    }
}

/// Ends the lease `id`. It is no error if there is none.
pub(super) async fn delete(channel: &Channel, id: &str, sync: bool) -> Result<(), Error> {
    let question = DeleteLeaseRequest {
        id: id.to_owned(),
        sync,
    };
    let path = "/containerd.services.leases.v1.Leases/Delete";
    let deleted: Result<Nothing, Error> = channel.call(Action::Lease, path, question).await;
    if is(&deleted, GrpcCode::NotFound) {
        return Ok(());
    }
    deleted.map(drop)
}

/// A time since 1970 as `2026-11-22T05:30:00Z`.
fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`, for days after 1970: eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_containerd_reads_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), expected);
        }
    }
}
