//! The headers that come before a member's own and tell what it cannot.

use super::{pax, sparse};

/// What came before a member's header and belongs to it.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) name: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<i64>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: sparse::Map,
}

impl Extensions {
    /// Takes a record of a pax header.
    pub(super) fn take_record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match key {
            b"path" => self.name = Some(value.to_vec()),
            b"linkpath" => self.target = Some(value.to_vec()),
            b"size" => self.size = Some(sparse::number(value)?),
            b"uid" => self.uid = Some(sparse::number(value)?),
            b"gid" => self.gid = Some(sparse::number(value)?),
            b"mtime" => self.mtime = Some(whole_seconds(value)?),
            _ if key.starts_with(b"GNU.sparse.") => self.sparse.take_record(key, value)?,
            // Access and change times, and owners' names, are not part of an image.
            _ => {
                if let Some(name) = key.strip_prefix(pax::XATTR.as_bytes()) {
                    self.xattrs.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

/// The seconds of a time such as `1700000000.5`, rounded down.
fn whole_seconds(value: &[u8]) -> Result<i64, &'static str> {
    let malformed = "the time of a pax record is malformed";
    let text = std::str::from_utf8(value).map_err(|_| malformed)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| malformed)?;
    let is_below = whole.starts_with('-') && fraction.bytes().any(|digit| digit != b'0');
    Ok(seconds - i64::from(is_below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down() {
        let cases = [
            ("12", 12),
            ("12.9", 12),
            ("-1.5", -2),
            ("-1.0", -1),
            ("-1", -1),
        ];
        for (text, expected) in cases {
            assert_eq!(whole_seconds(text.as_bytes()), Ok(expected), "{text}");
        }
        assert!(whole_seconds(b"soon").is_err());
    }
}
