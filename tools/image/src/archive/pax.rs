//! The records of pax extended headers: `LENGTH KEY=VALUE\n`.

/// Prefix of the keys that hold extended attributes, as libarchive, GNU tar and Go have it.
pub(super) const XATTR: &str = "SCHILY.xattr.";

/// Records that are written.
#[derive(Default)]
pub(super) struct Records(Vec<u8>);

impl Records {
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        // The length counts its own digits too.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        self.0.extend_from_slice(length.to_string().as_bytes());
        self.0.push(b' ');
        self.0.extend_from_slice(key);
        self.0.push(b'=');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    pub(super) fn push_number(&mut self, key: &str, number: impl ToString) {
        self.push(key.as_bytes(), number.to_string().as_bytes());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// Splits a pax header into its keys and values, or tells what is wrong with it.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Vec<Record<'_>>, &'static str> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or("a pax record has no length")?;
        let length: usize = std::str::from_utf8(&bytes[..space])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or("the length of a pax record is not a number")?;
        if length > bytes.len() || length < space + 3 || bytes[length - 1] != b'\n' {
            return Err("the length of a pax record is wrong");
        }
        let record = &bytes[space + 1..length - 1];
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or("a pax record has no `=`")?;
        records.push((&record[..equals], &record[equals + 1..]));
        bytes = &bytes[length..];
    }
    Ok(records)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_their_own_digits() {
        for size in [0, 1, 2, 3, 88, 89, 90, 91, 985, 986, 987, 9_990] {
            let mut records = Records::default();
            let value = vec![b'\n'; size];
            records.push(b"key", &value);
            records.push(b"other", b"=");
            let parsed = parse(records.as_bytes()).unwrap();
            assert_eq!(parsed, [(&b"key"[..], &value[..]), (b"other", b"=")]);
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        for bytes in [
            &b"x"[..],
            b"x y=z\n",
            b"99 a=b\n",
            b"6 a=b ",
            b"5 ab\n",
            b"2 \n",
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
