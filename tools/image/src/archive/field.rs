//! The numbers in a header's fields.

use std::io;

use tar::Header;

/// The number of bytes that are stored behind the header.
pub(super) fn size(header: &Header) -> Result<u64, &'static str> {
    let field = &header.as_old().size;
    parsed(field, header.entry_size()).ok_or("its size is malformed")
}

pub(super) fn mode(header: &Header) -> Result<u32, &'static str> {
    let field = &header.as_old().mode;
    let mode = parsed(field, header.mode()).ok_or("its mode is malformed")?;
    Ok(mode & 0o7777)
}

pub(super) fn uid(header: &Header) -> Result<u64, &'static str> {
    parsed(&header.as_old().uid, header.uid()).ok_or("its owner is malformed")
}

pub(super) fn gid(header: &Header) -> Result<u64, &'static str> {
    parsed(&header.as_old().gid, header.gid()).ok_or("its group is malformed")
}

/// Seconds since the epoch. Times before it are in base 256, as two's complement.
pub(super) fn mtime(header: &Header) -> Result<i64, &'static str> {
    parsed(&header.as_old().mtime, header.mtime())
        .map(|mtime| mtime as i64)
        .ok_or("its time is malformed")
}

/// The major and minor number of a device. The V7 format has no devices, so they are 0 there.
pub(super) fn device(header: &Header) -> Result<(u32, u32), &'static str> {
    // Where ustar and GNU tar both have them.
    let [major, minor] = [329..337, 337..345].map(|range| &header.as_bytes()[range]);
    let major = parsed(major, header.device_major()).ok_or("its device number is malformed")?;
    let minor = parsed(minor, header.device_minor()).ok_or("its device number is malformed")?;
    Ok((major.unwrap_or(0), minor.unwrap_or(0)))
}

/// Checks the sum of the header's bytes, for which the field of the sum itself counts as spaces.
pub(super) fn checksum(header: &Header) -> Result<(), &'static str> {
    let bytes = header.as_bytes();
    let others = bytes[..148].iter().chain(&bytes[156..]);
    let sum: u32 = others.map(|byte| u32::from(*byte)).sum();
    match header.cksum() {
        Ok(expected) if expected == sum + 8 * u32::from(b' ') => Ok(()),
        _ => Err("its checksum is wrong"),
    }
}

/// A field's number. Some writers leave a field blank where they mean 0.
fn parsed<T: Default>(field: &[u8], number: io::Result<T>) -> Option<T> {
    let is_blank = || field.iter().all(|byte| matches!(byte, 0 | b' '));
    match number {
        Ok(number) => Some(number),
        Err(_) if is_blank() => Some(T::default()),
        Err(_) => None,
    }
}
