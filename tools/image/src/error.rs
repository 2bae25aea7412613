//! What can go wrong with an image.

use std::io;
use std::path::{Path, PathBuf};

use crate::compression::Compression;
use crate::digest::Digest;

/// Everything that this library refuses or fails at. A message names the file or target, what was found, what was
/// expected and what to do; causes are chained by [`std::error::Error::source`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the messages tell what the fields are; each variant has its own documentation"
)]
pub enum Error {
    /// An archive needs the size of each tar in it before the tar.
    #[error("the size of the layer `{diff_id}` is not known: its bytes have to be fetched first")]
    UnknownSize { diff_id: Digest },
    /// A file could not be opened, read, written or renamed.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A thread or an encoder could not be started.
    #[error("failed to start {what}")]
    Start {
        what: &'static str,
        source: io::Error,
    },
    /// A file has no JSON object.
    #[error("`{}` has {found}: expected a JSON object; make the file again", path.display())]
    NotAnObject { path: PathBuf, found: &'static str },
    /// A file is not JSON, or not of the shape that it must have.
    #[error("`{}` does not have the JSON that belongs there: make the file again", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// A value has no JSON form.
    #[error("failed to write JSON")]
    Serialize(#[source] serde_json::Error),

    /// A text is not a digest.
    #[error(
        "`{found}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal characters"
    )]
    InvalidDigest { found: String },
    /// A text is not an image reference.
    #[error(
        "`{found}` is not an image reference such as `registry.example/team/app:1.0`: {reason}"
    )]
    InvalidReference { found: String, reason: &'static str },
    /// A tag names an image by its digest, which cannot be given to an image.
    #[error("`{found}` has a digest and cannot be given to an image as a tag: write it without `@sha256:…`")]
    TagWithDigest { found: String },
    /// A text is not a repository.
    #[error("`{found}` is not a repository such as `registry.example/team/app`: {reason}")]
    InvalidRepository { found: String, reason: &'static str },
    /// A text is a repository with a tag.
    #[error(
        "`{found}` is a repository with a tag: write `{name}` alone; what is pushed gets `{tag}` by `remote_tags` or \
         `--tag`"
    )]
    RepositoryWithTag {
        found: String,
        name: String,
        tag: String,
    },
    /// A text is a repository with a digest.
    #[error("`{found}` has a digest: write the repository alone; the image has the digest that it was built with")]
    RepositoryWithDigest { found: String },
    /// A file does not name one repository.
    #[error("`{}` has {count} lines with a repository: expected one, such as `registry.example/team/app`", path.display())]
    NotOneRepository { path: PathBuf, count: usize },
    /// A text is not a tag.
    #[error("`{found}` ({length} characters) is not a tag such as `v1.2`: {reason}")]
    InvalidTag {
        found: String,
        length: usize,
        reason: &'static str,
    },
    /// An image gets the same tag, or the same reference, twice.
    #[error("`{second}` was given before, as `{first}`: leave one of them out")]
    GivenTwice { first: String, second: String },
    /// Two images are to be pushed to one tag.
    #[error(
        "`{reference}` is where two images are pushed to, `{first}` and `{second}`: give each a tag of its own \
         (placeholders all have the value `unstamped` in a build without `--stamp`)"
    )]
    SharedDestination {
        reference: String,
        first: String,
        second: String,
    },
    /// A text names no compression.
    #[error("`{found}` is not a compression: expected `gzip`, `zstd` or `none`")]
    UnknownCompression { found: String },

    /// A stream's compressed data does not decompress.
    #[error("its {compression} data is corrupt or cut off after {position} uncompressed bytes: make the file again")]
    CorruptCompression {
        compression: Compression,
        position: u64,
        source: io::Error,
    },
    /// Compressed data becomes much more than it could honestly be.
    #[error(
        "its {compression} data becomes more than {position} bytes, of {consumed}, which is more than gzip can make of them: \
         store it uncompressed, or with gzip, if that is meant"
    )]
    Inflates {
        compression: Compression,
        consumed: u64,
        position: u64,
    },
    /// A file's name tells another compression than its content.
    #[error(
        "`{}` has the suffix of a tar with compression `{expected}`, but its content has `{found}`: \
         rename it to end in `{}`", path.display(), found.suffix()
    )]
    WrongSuffix {
        path: PathBuf,
        expected: Compression,
        found: Compression,
    },
    /// A file's name is not one of a tar.
    #[error("`{}` is not named like a tar: expected the suffix .tar, .tar.gz, .tgz, .tar.zst or .tzst", path.display())]
    NotATar { path: PathBuf },

    /// An archive ends inside a member.
    #[error(
        "`{}` is cut off: it ends at byte {end}, inside the member `{member}` whose header is at byte {offset}; \
         make the file again", path.display()
    )]
    TruncatedMember {
        path: PathBuf,
        member: String,
        offset: u64,
        end: u64,
    },
    /// An archive ends without its end.
    #[error(
        "`{}` is cut off: it ends at byte {end} without the two blocks of zeros that end a tar; make the file again",
        path.display()
    )]
    TruncatedArchive { path: PathBuf, end: u64 },
    /// An archive goes on after its end.
    #[error(
        "`{}` goes on after the end of its tar: byte {offset} is not zero; make the file again, from one tar alone",
        path.display()
    )]
    TrailingGarbage { path: PathBuf, offset: u64 },
    /// A header of an archive makes no sense.
    #[error("`{}` is not a valid tar: {reason}, in the header at byte {offset}; make the file again", path.display())]
    MalformedArchive {
        path: PathBuf,
        offset: u64,
        reason: &'static str,
    },
    /// A member, or the target of a hard link, lies outside the image.
    #[error(
        "`{}` has a member `{member}` at byte {offset} {reason}: make the file again with names relative to the \
         image's root", path.display()
    )]
    UnsafeMember {
        path: PathBuf,
        member: String,
        offset: u64,
        reason: String,
    },
    /// A member of a layer cannot be applied to the layers below.
    #[error("`{}` has a member `{member}` that {reason}: make the layer again", path.display())]
    UnusableMember {
        path: PathBuf,
        member: String,
        reason: String,
    },
    /// A member is of a type that images do not have.
    #[error(
        "`{}` has a member `{member}` at byte {offset} of the type `{found}`, which images cannot have: make the file \
         again without it", path.display()
    )]
    UnsupportedMember {
        path: PathBuf,
        member: String,
        offset: u64,
        found: char,
    },

    /// A path in the image cannot be one.
    #[error("`{found}` cannot be a path in an image: {reason}")]
    InvalidPath { found: String, reason: &'static str },
    /// A mode cannot be one.
    #[error("`{found}` is not a mode: expected three or four octal digits such as `0644`")]
    InvalidMode { found: String },
    /// An owner cannot be one.
    #[error("`{found}` is not an owner: expected `USER`, `USER:GROUP` or numbers such as `0:0`")]
    InvalidOwner { found: String },
    /// A line of a recipe is not one.
    #[error("`{}` has a malformed line {line}: {reason}", path.display())]
    InvalidRecipe {
        path: PathBuf,
        line: usize,
        reason: String,
    },
    /// Two sources claim one path.
    #[error("`{path}` is both {first} and {second}: place one of them elsewhere, or leave it out")]
    Conflict {
        path: String,
        first: String,
        second: String,
    },
    /// Something lies below what is not a directory.
    #[error(
        "`{path}` ({below}) lies below `{parent}`, which is {above}: place one of them elsewhere"
    )]
    NotADirectory {
        path: String,
        below: String,
        parent: String,
        above: String,
    },
    /// A hard link does not lead to a file.
    #[error(
        "`{path}`, {source_of_it}, is a hard link to `{target}`, {reason}: make the tar again"
    )]
    BadHardLink {
        path: String,
        source_of_it: String,
        target: String,
        reason: &'static str,
    },
    /// A glob of `metadata` has no effect.
    #[error(
        "the glob `{glob}` in `metadata` of `{label}` matches nothing in the layer: correct it, or leave it out; \
         the layer has {sample}"
    )]
    UnmatchedGlob {
        label: String,
        glob: String,
        sample: String,
    },
    /// An owner's name is in no passwd or group file.
    #[error(
        "the {kind} `{name}` of `{label}` is not in {searched}: write its number, or add it to the {holder}'s `/etc/{file}`"
    )]
    UnknownOwner {
        label: String,
        kind: &'static str,
        name: String,
        holder: &'static str,
        file: &'static str,
        searched: String,
    },
    /// A link to something that is not there, where bytes are needed.
    #[error("`{}` of `{label}` is a symlink to nothing: build what it points to, or add it to `symlinks`", path.display())]
    DanglingSymlink { path: PathBuf, label: String },
    /// A directory contains itself by way of a symlink.
    #[error("`{}` of `{label}` contains itself: a symlink in it leads back to it", path.display())]
    CyclicDirectory { path: PathBuf, label: String },
    /// Something in a directory that images are not made of.
    #[error("`{}` of `{label}` is neither a file nor a directory: leave it out", path.display())]
    SpecialFile { path: PathBuf, label: String },
    /// A file changed between the moments when it was measured and read.
    #[error("`{}` had {expected} bytes and has {found} now: something writes to it during the build", path.display())]
    ChangedFile {
        path: PathBuf,
        expected: u64,
        found: u64,
    },

    /// A layout is of a version that is not known.
    #[error("`{}` is of the layout version `{found}`: expected `1.0.0`", path.display())]
    LayoutVersion { path: PathBuf, found: String },
    /// A layout or index does not have exactly one image, or exactly those that it should have.
    #[error("`{}` has {found}: {remedy}", path.display())]
    NotOneImage {
        path: PathBuf,
        found: String,
        remedy: &'static str,
    },
    /// Two images of an index are for the same platform.
    #[error("`{first}` and `{second}` are both for `{platform}`: an index has one image for each, leave one out")]
    SamePlatform {
        platform: String,
        first: String,
        second: String,
    },
    /// None of several images runs on a machine.
    #[error("none of the images is for `{wanted}`: there are those for `{}`", found.join("`, `"))]
    NoSuchPlatform { wanted: String, found: Vec<String> },
    /// A platform is given in another form than engines write it.
    #[error("`{text}` is not a platform: expected an operating system and an architecture, like `linux/arm64` or `linux/arm/v7`")]
    NotAPlatform { text: String },
    /// A file has a media type that is not expected there.
    #[error("`{}` refers to {what} of the media type `{found}`: expected {expected}", path.display())]
    WrongMediaType {
        path: PathBuf,
        what: &'static str,
        found: String,
        expected: &'static str,
    },
    /// A blob that a layout or an archive refers to is not there.
    #[error("the blob `{digest}` ({what}) is missing: expected it at `{}`; fetch or build the image again", path.display())]
    MissingBlob {
        digest: Digest,
        what: String,
        path: PathBuf,
    },
    /// A file that an archive or a layout needs is not in it.
    #[error("`{}` ({what}) is missing: make the archive or layout again", path.display())]
    MissingFile { path: PathBuf, what: String },
    /// A file that is read whole is too large for that.
    #[error("`{}` ({what}) has {size} bytes: expected {limit} at most", path.display())]
    TooLarge {
        path: PathBuf,
        what: String,
        size: u64,
        limit: u64,
    },
    /// A name is none of those that an archive or layout has.
    #[error("`{}` has no image `{tag}`: it has {known}", path.display())]
    NoSuchTag {
        path: PathBuf,
        tag: String,
        known: String,
    },
    /// No image of an archive or layout is for the platform that is wanted.
    #[error("`{}` has no image for {platform}: it has {known}", path.display())]
    NoImageForPlatform {
        path: PathBuf,
        platform: String,
        known: String,
    },
    /// An archive has no image in it.
    #[error(
        "`{}` is not an archive of images: expected `oci-layout` and `index.json`, or `manifest.json` as `docker save` \
         writes it, at its root; it has {sample}", path.display()
    )]
    NotAnImageArchive { path: PathBuf, sample: String },
    /// An archive has links where it should have files.
    #[error(
        "`{}` has `{name}` as a link to `{target}`, which is not in it: make it of files, for example with \
         `tar --dereference` (in Bazel's sandbox, files are links)", path.display()
    )]
    LinkToNothing {
        path: PathBuf,
        name: &'static str,
        target: String,
    },
    /// An archive is of a Docker that is too old.
    #[error(
        "`{}` has no `manifest.json`, as archives of Docker before 1.10 have none: load it into an engine and save it \
         again", path.display()
    )]
    OldArchive { path: PathBuf },
    /// An archive has too many members.
    #[error("`{}` has more than {count} members, too many for an archive of images: make it of one image", path.display())]
    TooManyMembers { path: PathBuf, count: usize },
    /// A manifest is of the first version.
    #[error(
        "`{}` is a manifest of Docker's schema 1, which says too little of an image: push or save the image with a \
         Docker of this decade", path.display()
    )]
    SchemaOne { path: PathBuf },
    /// A layer's bytes are elsewhere.
    #[error(
        "`{}` has a foreign layer (layer {index}, `{digest}`), whose bytes are not with the image: take an image that \
         has them", path.display()
    )]
    ForeignLayer {
        path: PathBuf,
        index: usize,
        digest: Digest,
    },
    /// A layer is encrypted.
    #[error(
        "`{}` has an encrypted layer (layer {index}, of the media type `{found}`): decrypt the image first",
        path.display()
    )]
    EncryptedLayer {
        path: PathBuf,
        index: usize,
        found: String,
    },
    /// A layer is of a kind that is not known.
    #[error(
        "`{}` has a layer of the media type `{found}` (layer {index}): expected a tar, plain or compressed with gzip or \
         zstd; is it an image at all?", path.display()
    )]
    UnknownLayer {
        path: PathBuf,
        index: usize,
        found: String,
    },
    /// A layer reaches outside the image.
    #[error(
        "`{}` (layer {index}) has a member `{member}` that {reason}: build the image again without it",
        path.display()
    )]
    OutsideRoot {
        path: PathBuf,
        index: usize,
        member: String,
        reason: &'static str,
    },
    /// Bytes are not those that were described.
    #[error(
        "`{}` ({what}) is not what it is described as: expected `{expected}` with {expected_size} bytes, found \
         `{found}` with {found_size} bytes; fetch or build it again", path.display()
    )]
    WrongContent {
        path: PathBuf,
        what: String,
        expected: Digest,
        expected_size: u64,
        found: Digest,
        found_size: u64,
    },
    /// A decompressed layer has another digest than the config tells.
    #[error(
        "`{}` (layer {index}) has the uncompressed digest `{found}`, but `rootfs.diff_ids` of the config has `{expected}`: build \
         the image again", path.display()
    )]
    WrongDiffId {
        path: PathBuf,
        index: usize,
        expected: Digest,
        found: Digest,
    },
    /// A layer is not the one that a config names.
    #[error(
        "`{}` wants layer {index} to be `{expected}`, and what was given is `{found}`: give the config's layers, the \
         bottom one first", path.display()
    )]
    OtherLayer {
        path: PathBuf,
        index: usize,
        expected: Digest,
        found: Digest,
    },
    /// Two files disagree about the number of layers.
    #[error("{first} has {first_count} layers and {second} has {second_count}: they are not of one image")]
    LayerCount {
        first: String,
        first_count: usize,
        second: String,
        second_count: usize,
    },
    /// The lower layers of an image are to come from a layout that was not given.
    #[error(
        "{missing} lower layers of the image come from a base, but no layout of the base was given"
    )]
    NoBaseLayout { missing: usize },
    /// An output is there already.
    #[error("`{}` exists and is not empty: remove it, or write elsewhere", path.display())]
    OutputExists { path: PathBuf },

    /// A config does not have the shape that the image specification demands.
    #[error("`{}` has {found} at `{field}`: expected {expected}", path.display())]
    WrongConfigField {
        path: PathBuf,
        field: &'static str,
        found: &'static str,
        expected: &'static str,
    },
    /// An image is for another platform than its base.
    #[error(
        "`{attribute}` of `{label}` is `{found}`, but its base has `{base}`: take a base for `{found}`, or leave \
         `{attribute}` out"
    )]
    PlatformConflict {
        label: String,
        attribute: &'static str,
        found: String,
        base: String,
    },
    /// An image is not made of the base that is to be replaced.
    #[error(
        "the `image` of `{label}` is not made of its `old_base`, whose layer {index} is `{expected}`: it has {found} \
         there; give the base that it is made of"
    )]
    NotOfBase {
        label: String,
        index: usize,
        expected: Digest,
        found: String,
    },
    /// An attribute of an image has a value that it cannot have.
    #[error("`{attribute}` of `{label}` has the value `{found}`: expected {expected}")]
    InvalidAttribute {
        label: String,
        attribute: &'static str,
        found: String,
        expected: String,
    },
    /// A line of a file is not an assignment.
    #[error("line {line} of `{}` has `{found}`: expected `KEY=VALUE`", path.display())]
    NotAnAssignment {
        path: PathBuf,
        line: usize,
        found: String,
    },
    /// A placeholder is not in the status files.
    #[error("the placeholder `{{{{{key}}}}}` in `{text}` is not in the workspace status: known are {known}")]
    UnknownPlaceholder {
        key: String,
        text: String,
        known: String,
    },
    /// A placeholder is not closed.
    #[error("`{text}` has `{{{{` without `}}}}`: write a placeholder as `{{{{KEY}}}}`")]
    OpenPlaceholder { text: String },
}

impl Error {
    /// An error of a file. If `source` carries an error of another file, as streams do that read one file and write
    /// another, it is that one.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let is_blamed = |inner: &(dyn std::error::Error + Send + Sync + 'static)| {
            matches!(inner.downcast_ref(), Some(Self::Io { .. }))
        };
        let path = path.to_owned();
        if !source.get_ref().is_some_and(is_blamed) {
            return Self::Io {
                action,
                path,
                source,
            };
        }
        let kind = source.kind();
        match source.into_inner().map(|inner| inner.downcast::<Self>()) {
            Some(Ok(blamed)) => *blamed,
            Some(Err(other)) => Self::Io {
                action,
                path,
                source: io::Error::new(kind, other),
            },
            None => Self::Io {
                action,
                path,
                source: kind.into(),
            },
        }
    }
}
