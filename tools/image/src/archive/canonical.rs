//! The one form in which archives are written: ustar, with a pax header only for what ustar cannot say.
//!
//! See <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>, "ustar Interchange Format" and
//! "pax Extended Header".

use tar::{EntryType, Header};

use super::{pax, Kind, Member, BLOCK};

const NAME: usize = 100;
const PREFIX: usize = 155;
/// The most that the 7 octal digits of an owner hold.
const MAX_ID: u64 = 0o7_777_777;
/// The most that the 11 octal digits of a size or a time hold: 8 GiB less one byte.
const MAX_LONG: u64 = 0o77_777_777_777;
const PAX_DIRECTORY: &[u8] = b"PaxHeaders.0/";

/// The bytes before a member's content: its header, with a pax header before it if one is needed. Their number is a
/// multiple of [`BLOCK`].
pub fn header(member: &Member) -> Vec<u8> {
    let mut fields = Header::new_ustar();
    let mut records = pax::Records::default();
    set_names(&mut fields, &mut records, member);
    fields.set_mode(member.mode & 0o7777);
    if member.uid > MAX_ID {
        records.push_number("uid", member.uid);
    }
    fields.set_uid(member.uid.min(MAX_ID));
    if member.gid > MAX_ID {
        records.push_number("gid", member.gid);
    }
    fields.set_gid(member.gid.min(MAX_ID));
    let size = member.kind.size();
    if size > MAX_LONG {
        records.push_number("size", size);
    }
    fields.set_size(size.min(MAX_LONG));
    match u64::try_from(member.mtime) {
        Ok(mtime) if mtime <= MAX_LONG => fields.set_mtime(mtime),
        _ => {
            records.push_number("mtime", member.mtime);
            fields.set_mtime(0);
        }
    }
    set_kind(&mut fields, &member.kind);
    for (name, value) in &member.xattrs {
        records.push(&[pax::XATTR.as_bytes(), name].concat(), value);
    }
    fields.set_cksum();
    let mut bytes = Vec::new();
    if !records.is_empty() {
        append_pax_header(&mut bytes, member, records.as_bytes());
    }
    bytes.extend_from_slice(fields.as_bytes());
    bytes
}

/// The zeros that fill a content of `size` bytes up to a whole block.
pub fn padding(size: u64) -> &'static [u8] {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let used = (size % BLOCK as u64) as usize;
    match used {
        0 => &[],
        _ => &ZEROS[used..],
    }
}

/// The two blocks of zeros that end an archive.
pub fn end_of_archive() -> &'static [u8] {
    static ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
    &ZEROS
}

fn append_pax_header(bytes: &mut Vec<u8>, member: &Member, records: &[u8]) {
    let mut fields = Header::new_ustar();
    let base = member
        .name
        .split(|byte| *byte == b'/')
        .rfind(|part| !part.is_empty())
        .unwrap_or_default();
    let name = [PAX_DIRECTORY, base].concat();
    set_field(&mut fields.as_old_mut().name, &ascii(&name));
    fields.set_mode(0o644);
    fields.set_uid(0);
    fields.set_gid(0);
    fields.set_mtime(0);
    fields.set_size(records.len() as u64);
    fields.set_entry_type(EntryType::XHeader);
    fields.set_cksum();
    bytes.extend_from_slice(fields.as_bytes());
    bytes.extend_from_slice(records);
    bytes.extend_from_slice(padding(records.len() as u64));
}

fn set_names(fields: &mut Header, records: &mut pax::Records, member: &Member) {
    match split(&member.name) {
        Some((prefix, name)) => {
            set_field(&mut fields.as_old_mut().name, name);
            if let Some(ustar) = fields.as_ustar_mut() {
                set_field(&mut ustar.prefix, prefix);
            }
        }
        None => {
            records.push(b"path", &member.name);
            set_field(&mut fields.as_old_mut().name, &ascii(&member.name));
        }
    }
    if let Kind::HardLink { target } | Kind::Symlink { target } = &member.kind {
        if target.len() > NAME || !target.is_ascii() {
            records.push(b"linkpath", target);
        }
        set_field(&mut fields.as_old_mut().linkname, &ascii(target));
    }
}

/// The prefix and the name of a path that ustar can hold: at the leftmost slash that leaves a name that fits.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= NAME {
        return Some((&[], path));
    }
    let first = path.len() - NAME - 1;
    let slash = first
        + path[first..path.len() - 1]
            .iter()
            .position(|byte| *byte == b'/')?;
    (1..=PREFIX)
        .contains(&slash)
        .then(|| (&path[..slash], &path[slash + 1..]))
}

fn set_kind(fields: &mut Header, kind: &Kind) {
    let mut set_device = |major: u32, minor: u32| {
        if let Some(ustar) = fields.as_ustar_mut() {
            ustar.set_device_major(major);
            ustar.set_device_minor(minor);
        }
    };
    let entry_type = match kind {
        Kind::File { .. } => EntryType::Regular,
        Kind::HardLink { .. } => EntryType::Link,
        Kind::Symlink { .. } => EntryType::Symlink,
        Kind::Directory => EntryType::Directory,
        Kind::Fifo => EntryType::Fifo,
        Kind::CharacterDevice { major, minor } => {
            set_device(*major, *minor);
            EntryType::Char
        }
        Kind::BlockDevice { major, minor } => {
            set_device(*major, *minor);
            EntryType::Block
        }
    };
    fields.set_entry_type(entry_type);
}

/// What a reader without pax gets to see of a name.
fn ascii(name: &[u8]) -> Vec<u8> {
    name.iter().copied().filter(u8::is_ascii).collect()
}

fn set_field(field: &mut [u8], value: &[u8]) {
    let count = value.len().min(field.len());
    field[..count].copy_from_slice(&value[..count]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn member(name: &str, kind: Kind) -> Member {
        Member {
            name: name.as_bytes().to_vec(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        }
    }

    /// Reads a header back with the `tar` crate, as an independent reader.
    fn read_back(bytes: &[u8]) -> (Vec<u8>, Option<Vec<u8>>, u64, u64, u64) {
        let mut archive = tar::Archive::new(bytes);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        (
            entry.path_bytes().to_vec(),
            entry.link_name_bytes().map(|name| name.to_vec()),
            entry.size(),
            entry.header().uid().unwrap(),
            entry.header().mtime().unwrap(),
        )
    }

    #[test]
    fn pax_is_used_only_where_ustar_does_not_do() {
        let file = |size| Kind::File { size };
        let fits = format!("{}/{}", "p".repeat(155), "n".repeat(100));
        let no_slash = "n".repeat(101);
        let long_prefix = format!("{}/n", "p".repeat(156));
        let cases = [
            ("plain", 0, 1),
            (fits.as_str(), 0, 1),
            (no_slash.as_str(), 0, 3),
            (long_prefix.as_str(), 0, 3),
            ("grüße", 0, 3),
            ("big", MAX_LONG, 1),
            ("bigger", MAX_LONG + 1, 3),
        ];
        for (name, size, blocks) in cases {
            let bytes = header(&member(name, file(size)));
            assert_eq!(bytes.len(), blocks * BLOCK, "{name} {size}");
            let (read, _, read_size, ..) = read_back(&bytes);
            assert_eq!(read, name.as_bytes());
            assert_eq!(read_size, size, "{name}");
        }
    }

    #[test]
    fn a_directory_name_is_never_split_at_its_last_slash() {
        let name = format!("{}/", "d".repeat(100));
        let (read, ..) = read_back(&header(&member(&name, Kind::Directory)));
        assert_eq!(read, name.as_bytes());
    }

    #[test]
    fn long_link_targets_and_big_owners_come_back() {
        let target = "t".repeat(300).into_bytes();
        let mut link = member(
            "link",
            Kind::Symlink {
                target: target.clone(),
            },
        );
        link.uid = 4_000_000_000;
        link.mtime = -5;
        let bytes = header(&link);
        let (_, read, ..) = read_back(&bytes);
        assert_eq!(read, Some(target));
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains("18 uid=4000000000\n") || text.contains("uid=4000000000\n"),
            "{text}"
        );
        assert!(text.contains("12 mtime=-5\n"), "{text}");
    }

    #[test]
    fn header_has_neither_names_of_owners_nor_a_second_magic() {
        let bytes = header(&member("x", Kind::Directory));
        assert_eq!(&bytes[257..265], b"ustar\x0000");
        assert!(bytes[265..329].iter().all(|byte| *byte == 0));
    }
}
