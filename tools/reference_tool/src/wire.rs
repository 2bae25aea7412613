//! The wire format of protocol buffers, as far as reading a known message needs it.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

use std::str;

use anyhow::{bail, Context, Result};

/// A message: its fields by number, in the order in which they were written.
pub(crate) struct Message<'a> {
    fields: Vec<(u64, Value<'a>)>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Reads the fields of a message.
    ///
    /// # Errors
    /// The bytes end within a field, or a field is of a kind that no message here has.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Result<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let value = match key & 7 {
                0 => Value::Number(varint(&mut bytes)?),
                2 => Value::Bytes(delimited(&mut bytes)?),
                kind => bail!("field `{}` has the wire type `{kind}`", key >> 3),
            };
            fields.push((key >> 3, value));
        }
        Ok(Self { fields })
    }

    /// The number in a field; 0 if it is not there.
    pub(crate) fn number(&self, field: u64) -> u64 {
        let mut numbers = self.fields.iter().filter_map(|entry| match entry {
            (number, Value::Number(value)) if *number == field => Some(*value),
            _ => None,
        });
        // The last one counts.
        numbers.next_back().unwrap_or_default()
    }

    /// The text in a field; empty if it is not there.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub(crate) fn text(&self, field: u64) -> Result<String> {
        Ok(self.texts(field)?.pop().unwrap_or_default())
    }

    /// The texts in a repeated field.
    ///
    /// # Errors
    /// One is not UTF-8.
    pub(crate) fn texts(&self, field: u64) -> Result<Vec<String>> {
        self.bytes(field)
            .map(|bytes| Ok(str::from_utf8(bytes)?.to_owned()))
            .collect::<Result<_>>()
            .with_context(|| format!("field `{field}` is not text"))
    }

    /// The messages in a repeated field.
    ///
    /// # Errors
    /// One is not a message.
    pub(crate) fn messages(&self, field: u64) -> Result<Vec<Message<'a>>> {
        self.bytes(field).map(Message::parse).collect()
    }

    fn bytes(&self, field: u64) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.fields.iter().filter_map(move |entry| match entry {
            (number, Value::Bytes(bytes)) if *number == field => Some(*bytes),
            _ => None,
        })
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((first, rest)) = bytes.split_first() else {
            bail!("the bytes end within a number");
        };
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a number has more than 64 bits")
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?)?;
    let Some((field, rest)) = bytes.split_at_checked(length) else {
        bail!(
            "a field of {length} bytes has only {} left to it",
            bytes.len()
        );
    };
    *bytes = rest;
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_number() -> Result<()> {
        // 1: 300, 2: "ab", 2: "c", 3: {1: 1}
        let bytes = b"\x08\xac\x02\x12\x02ab\x12\x01c\x1a\x02\x08\x01";
        let message = Message::parse(bytes)?;
        assert_eq!(message.number(1), 300);
        assert_eq!(message.number(4), 0);
        assert_eq!(message.texts(2)?, ["ab", "c"]);
        assert_eq!(message.text(2)?, "c");
        assert_eq!(message.text(4)?, "");
        assert_eq!(message.messages(3)?[0].number(1), 1);
        Ok(())
    }

    #[test]
    fn what_is_not_a_message_is_an_error() {
        for (bytes, expected) in [
            (&b"\x08"[..], "the bytes end within a number"),
            (b"\x08\x80", "the bytes end within a number"),
            (b"\x12\x05ab", "a field of 5 bytes has only 2 left to it"),
            (b"\x0d", "field `1` has the wire type `5`"),
            (&[0x80; 11], "a number has more than 64 bits"),
        ] {
            let error = Message::parse(bytes).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected));
        }
    }
}
