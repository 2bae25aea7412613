//! Looks at the names in a tar while its bytes pass.

use tar::{EntryType, Header};

use super::{field, pax, BLOCK};

/// Long names and pax headers are kept in memory, so they are bounded.
const MAX_EXTENSION: u64 = 1 << 20;
/// What marks a file that hides one of a lower layer. See
/// <https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts>.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// A name that leads out of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    /// The member, as far as it is text.
    pub(crate) member: String,
    /// What is wrong with it.
    pub(crate) reason: &'static str,
}

/// Takes the bytes of a layer's tar piece by piece, and notes the first name that leads out of the image.
///
/// This is not [`super::Reader`]: an image that somebody else made may have what this project would not write, such as
/// absolute names, which engines take for relative ones. What is not a tar is not looked at further; the engine that
/// gets it will refuse it.
#[derive(Default)]
pub(crate) struct NameCheck {
    /// Bytes to go over.
    skip: u64,
    state: State,
    /// Of a header, or of what comes before one.
    block: Vec<u8>,
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    outside: Option<Outside>,
}

/// What the next bytes are.
#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Header,
    /// The content, with its padding, of a header that belongs to the member after it.
    Extension { kind: EntryType, size: usize },
    /// More of the map of a sparse file, and then its content.
    SparseMap { size: u64 },
    /// Nothing that matters.
    Ended,
}

impl State {
    /// The bytes that are looked at together.
    fn length(self) -> usize {
        match self {
            Self::Extension { size, .. } => size.next_multiple_of(BLOCK),
            _ => BLOCK,
        }
    }
}

impl NameCheck {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !matches!(self.state, State::Ended) {
            if self.skip > 0 {
                let count = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
                self.skip -= count as u64;
                bytes = &bytes[count..];
                continue;
            }
            let wanted = self.state.length() - self.block.len();
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.block.extend_from_slice(taken);
            bytes = rest;
            if self.block.len() == self.state.length() {
                let block = std::mem::take(&mut self.block);
                // What makes no sense ends the tar.
                self.state = self.next(&block).unwrap_or(State::Ended);
                self.block = block;
                self.block.clear();
            }
        }
    }

    /// The name that was found.
    pub(crate) fn finish(self) -> Option<Outside> {
        self.outside
    }

    fn next(&mut self, block: &[u8]) -> Option<State> {
        match self.state {
            State::Header => self.header(block),
            State::Extension { kind, size } => self.extension(kind, &block[..size]),
            State::SparseMap { size } => Some(match block[504] {
                0 => self.content(size),
                _ => State::SparseMap { size },
            }),
            State::Ended => None,
        }
    }

    fn header(&mut self, block: &[u8]) -> Option<State> {
        let header = Header::from_byte_slice(block);
        field::checksum(header).ok()?;
        let stored = field::size(header).ok()?;
        let kind = header.entry_type();
        match kind {
            EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                if stored == 0 {
                    return Some(State::Header);
                }
                let size = usize::try_from(stored).ok()?;
                return (stored <= MAX_EXTENSION).then_some(State::Extension { kind, size });
            }
            EntryType::XGlobalHeader => return Some(self.content(stored)),
            _ => {}
        }
        self.member_name(header);
        let size = self.size.take().unwrap_or(stored);
        let has_content = !matches!(
            kind,
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Directory
                | EntryType::Char
                | EntryType::Block
                | EntryType::Fifo
        );
        Some(match (has_content, kind, block[482]) {
            (false, ..) => State::Header,
            (true, EntryType::GNUSparse, 1..) => State::SparseMap { size },
            (true, ..) => self.content(size),
        })
    }

    /// Looks at a member's name, and where it leads if it is a hard link.
    fn member_name(&mut self, header: &Header) {
        let name = self
            .name
            .take()
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let target = self.target.take();
        if header.entry_type() == EntryType::Link {
            let of_header = || header.link_name_bytes().map(|name| name.into_owned());
            self.check_link(&name, &target.or_else(of_header).unwrap_or_default());
        }
        self.check(&name);
    }

    /// Goes over content and its padding.
    fn content(&mut self, size: u64) -> State {
        match size.checked_next_multiple_of(BLOCK as u64) {
            Some(size) => {
                self.skip = size;
                State::Header
            }
            None => State::Ended,
        }
    }

    fn extension(&mut self, kind: EntryType, bytes: &[u8]) -> Option<State> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match kind {
            EntryType::GNULongName => self.name = Some(text.to_vec()),
            EntryType::GNULongLink => self.target = Some(text.to_vec()),
            _ => {
                for (key, value) in pax::parse(bytes).ok()? {
                    match key {
                        b"path" | b"GNU.sparse.name" => self.name = Some(value.to_vec()),
                        b"linkpath" => self.target = Some(value.to_vec()),
                        b"size" => self.size = std::str::from_utf8(value).ok()?.parse().ok(),
                        _ => {}
                    }
                }
            }
        }
        Some(State::Header)
    }

    fn check(&mut self, name: &[u8]) {
        if leads_outside(name) {
            self.note(name, "leads out of the image");
            return;
        }
        let (directory, base) = split(name);
        if base == OPAQUE {
            return;
        }
        if let Some(hidden) = base.strip_prefix(WHITEOUT) {
            // The image's root, or what is above it, would be removed.
            let path = [directory, b"/", hidden].concat();
            if depth(&path).is_none_or(|depth| depth == 0) || matches!(hidden, b"" | b"." | b"..") {
                self.note(
                    name,
                    "is a whiteout of a directory that it is in, or of what is above",
                );
            }
        }
    }

    fn check_link(&mut self, name: &[u8], target: &[u8]) {
        if leads_outside(target) {
            self.note(name, "is a hard link that leads out of the image");
        }
    }

    fn note(&mut self, name: &[u8], reason: &'static str) {
        self.outside.get_or_insert_with(|| Outside {
            member: String::from_utf8_lossy(name).into_owned(),
            reason,
        });
    }
}

/// Whether a path climbs above where it begins. An absolute one cannot: `/..` is `/`.
fn leads_outside(name: &[u8]) -> bool {
    !name.starts_with(b"/") && depth(name).is_none()
}

/// How deep a path leads, or nothing if it climbs above where it begins.
fn depth(name: &[u8]) -> Option<usize> {
    let mut depth: usize = 0;
    for part in name.split(|byte| *byte == b'/') {
        depth = match part {
            b"" | b"." => depth,
            b".." => depth.checked_sub(1)?,
            _ => depth + 1,
        };
    }
    Some(depth)
}

fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (b"", name),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn member(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
        let mut header = Header::new_gnu();
        let field = &mut header.as_old_mut().name;
        let short = &name.as_bytes()[..name.len().min(field.len())];
        field[..short.len()].copy_from_slice(short);
        header.set_size(content.len() as u64);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    fn extension(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    fn found(tar: &[u8], piece: usize) -> Option<String> {
        let mut check = NameCheck::default();
        tar.chunks(piece).for_each(|bytes| check.update(bytes));
        check.finish().map(|outside| outside.member)
    }

    #[test]
    fn names_that_lead_out_are_found_whatever_comes_before() {
        let cases = [
            ("../x", true),
            ("a/../../x", true),
            ("../.wh.x", true),
            ("a/.wh...", true),
            (".wh..", true),
            (".wh.", true),
            ("a/.wh..", true),
            ("a/../x", false),
            ("/../x", false),
            ("./", false),
            ("a/.wh.x", false),
            (".wh..wh..opq", false),
            (".wh..wh.plnk", false),
            ("..x", false),
        ];
        for (name, is_outside) in cases {
            let mut builder = tar::Builder::new(Vec::new());
            member(&mut builder, "before", &[1; 1000]);
            member(&mut builder, name, b"");
            member(&mut builder, "../after", b"");
            let tar = builder.into_inner().unwrap();
            let expected = if is_outside { name } else { "../after" };
            for piece in [1, 511, 513, 100_000] {
                assert_eq!(found(&tar, piece).as_deref(), Some(expected));
            }
        }
    }

    #[test]
    fn long_names_and_links_are_looked_at() {
        let outside = "a/../../x".to_owned();
        let mut pax = pax::Records::default();
        pax.push(b"path", outside.as_bytes());
        for (kind, content) in [
            (EntryType::GNULongName, outside.as_bytes()),
            (EntryType::XHeader, pax.as_bytes()),
        ] {
            let mut builder = tar::Builder::new(Vec::new());
            extension(&mut builder, kind, content);
            member(&mut builder, "innocent", b"");
            let tar = builder.into_inner().unwrap();
            assert_eq!(found(&tar, 512), Some(outside.clone()));
        }
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Link);
        header.set_path("link").unwrap();
        header.set_link_name("../../etc/passwd").unwrap();
        header.set_cksum();
        builder.append(&header, &b""[..]).unwrap();
        assert_eq!(
            found(&builder.into_inner().unwrap(), 77).as_deref(),
            Some("link")
        );
    }

    #[test]
    fn what_is_no_tar_is_let_pass() {
        for bytes in [&b""[..], b"one", &[0; 1024], &[7; 4096]] {
            assert_eq!(found(bytes, 100), None);
        }
    }
}
