//! What a push has asked a registry for, blob by blob.

use std::collections::BTreeMap;

use crate::bench::table::{Goal, Table};
use crate::proxy::{Request, Traffic};

/// Requests of one push.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: usize,
    /// How often each blob was asked for.
    asked: BTreeMap<String, usize>,
    /// How often each blob was sent.
    sent: BTreeMap<String, usize>,
    mounts: usize,
    bytes: u64,
}

impl Counts {
    /// Those that a proxy has seen.
    pub(crate) fn of(traffic: &Traffic) -> Self {
        let mut counts = Self {
            requests: traffic.requests.len(),
            bytes: traffic.sent,
            ..Self::default()
        };
        for request in &traffic.requests {
            counts.add(request);
        }
        counts
    }

    fn add(&mut self, request: &Request) {
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (request.target.as_str(), ""),
        };
        if !path.contains("/blobs/") {
            return;
        }
        let mut count = |blob: &str, sent: bool| {
            let counted = match sent {
                true => &mut self.sent,
                false => &mut self.asked,
            };
            *counted.entry(blob.to_owned()).or_default() += 1;
        };
        if query.contains("mount=") {
            self.mounts += 1;
        } else if let ("HEAD", Some(blob)) = (request.method.as_str(), hex(path)) {
            count(blob, false);
        } else if let ("PUT" | "POST", Some(blob)) = (request.method.as_str(), digest(query)) {
            count(blob, true);
        }
    }

    /// Adds the rows. `blobs` is how many there are, and `repositories` where they are to be.
    pub(crate) fn tell(&self, title: &str, blobs: usize, repositories: usize, table: &mut Table) {
        table.figure(
            &format!("{title}: requests"),
            self.requests as f64,
            "requests",
        );
        table.figure(&format!("{title}: bytes sent"), self.bytes as f64, "bytes");
        let most = |counted: &BTreeMap<String, usize>| {
            counted.values().max().copied().unwrap_or_default() as f64
        };
        let row = format!("{title}: most often that one blob was asked for");
        table.goal(&row, Goal::AtMost(1.0), most(&self.asked), "times");
        let row = format!("{title}: most often that one blob was sent");
        table.goal(&row, Goal::AtMost(1.0), most(&self.sent), "times");
        let row = format!("{title}: blobs sent, of {blobs}");
        table.goal(
            &row,
            Goal::AtMost(blobs as f64),
            self.sent.len() as f64,
            "blobs",
        );
        if repositories > 1 {
            table.figure(&format!("{title}: mounts"), self.mounts as f64, "requests");
        }
    }
}

/// The digest's digits at the end of a path.
fn hex(path: &str) -> Option<&str> {
    path.rsplit(':').next().filter(|hex| is_hex(hex))
}

/// The digits of `digest=sha256:…` in a query, whose colon may be escaped.
fn digest(query: &str) -> Option<&str> {
    let value = query
        .split('&')
        .find_map(|field| field.strip_prefix("digest=sha256"))?;
    let hex = value.strip_prefix(':').or_else(|| value.get(3..))?;
    Some(hex).filter(|hex| is_hex(hex))
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_in_paths_and_queries() {
        let hex_digits = "0a".repeat(32);
        assert_eq!(
            hex(&format!("/v2/a/blobs/sha256:{hex_digits}")),
            Some(&*hex_digits)
        );
        assert_eq!(hex("/v2/a/blobs/uploads/"), None);
        for query in [
            format!("_state=x&digest=sha256:{hex_digits}"),
            format!("digest=sha256%3A{hex_digits}&x=y"),
        ] {
            assert_eq!(digest(&query), Some(&*hex_digits));
        }
    }
}
