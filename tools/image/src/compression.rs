//! How a layer's tar is compressed, and the streams that compress and decompress it.

mod gzip;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::str::FromStr;

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::error::Error;

use gzip::GzipWriter;

/// The level that the `zstd` command takes too. At this level the encoder has no variant that depends on the
/// processor.
const ZSTD_LEVEL: i32 = 3;
/// The most that gzip can make of a byte. What makes more of it, as zstd can, and of which there is more than [`SMALL`],
/// is made to fill disks.
const MAX_INFLATION: u64 = 1_032;
/// What any stream may become: a gibibyte, but tests make smaller ones.
const SMALL: u64 = if cfg!(test) { 1 << 20 } else { 1 << 30 };
/// No larger than what readers ask for, so that plain data is not copied through the buffer.
const READ_BUFFER: usize = 64 << 10;

/// A compression that layers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// The tar as it is.
    None,
    /// gzip, RFC 1952; several members one after the other are read as one stream.
    Gzip,
    /// Zstandard, RFC 8878; several frames one after the other are read as one stream.
    Zstd,
}

impl Compression {
    /// The compression that a stream's first bytes tell; four are enough.
    pub fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame may come first, see RFC 8878, section 3.1.2.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The compression that a file name's suffix tells, or nothing if it is not the name of a tar.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let is = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        if is(&[".tar"]) {
            Some(Self::None)
        } else if is(&[".tar.gz", ".tgz"]) {
            Some(Self::Gzip)
        } else if is(&[".tar.zst", ".tzst"]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// The suffix of a tar that is compressed so: `.tar`, `.tar.gz` or `.tar.zst`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => ".tar",
            Self::Gzip => ".tar.gz",
            Self::Zstd => ".tar.zst",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Error::UnknownCompression {
                found: text.to_owned(),
            }),
        }
    }
}

/// Compresses what is written to it into `W`, to the same bytes on every machine.
pub struct Compressor<W: Write>(Kind<W>);

enum Kind<W: Write> {
    Plain(W),
    Gzip(GzipWriter<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// A compressor over `inner`.
    ///
    /// # Errors
    /// If the encoder cannot be set up, or `inner` does not take the header.
    pub fn new(compression: Compression, inner: W) -> io::Result<Self> {
        Ok(Self(match compression {
            Compression::None => Kind::Plain(inner),
            Compression::Gzip => Kind::Gzip(GzipWriter::new(inner)?),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(inner, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Kind::Zstd(encoder)
            }
        }))
    }

    /// Ends the stream and gives the inner writer back.
    ///
    /// # Errors
    /// If `inner` does not take the rest of the stream.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Kind::Plain(inner) => Ok(inner),
            Kind::Gzip(writer) => writer.finish(),
            Kind::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(inner) => inner.write(bytes),
            Kind::Gzip(writer) => writer.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Plain(inner) => inner.flush(),
            Kind::Gzip(writer) => writer.flush(),
            Kind::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// Reads a stream that is gzip, Zstandard or neither, which its first bytes tell, and gives the plain bytes.
///
/// An error about the compressed data itself has [`Error::CorruptCompression`] as its inner error, or
/// [`Error::Inflates`] if it becomes more than 1,032 times as much, and more than a gibibyte.
pub struct Decompressor<R: Read> {
    compression: Compression,
    stream: Stream<R>,
    position: u64,
}

enum Stream<R: Read> {
    Plain(BufReader<Counted<R>>),
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Counted<R>>>>),
}

/// A reader, and how many bytes it gave.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: Read> Decompressor<R> {
    /// Reads the first bytes of `inner` and sets the decoder up.
    ///
    /// # Errors
    /// If `inner` cannot be read, or the decoder cannot be set up.
    pub fn new(inner: R) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(READ_BUFFER, Counted { inner, count: 0 });
        let compression = Compression::sniff(reader.fill_buf()?);
        let stream = match compression {
            Compression::None => Stream::Plain(reader),
            Compression::Gzip => Stream::Gzip(Box::new(MultiGzDecoder::new(reader))),
            Compression::Zstd => Stream::Zstd(Box::new(zstd::Decoder::with_buffer(reader)?)),
        };
        Ok(Self {
            compression,
            stream,
            position: 0,
        })
    }

    /// What the first bytes told.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The inner reader, which has been read to its end once this reader has been.
    pub fn into_inner(self) -> R {
        match self.stream {
            Stream::Plain(reader) => reader.into_inner().inner,
            Stream::Gzip(decoder) => decoder.into_inner().into_inner().inner,
            Stream::Zstd(decoder) => decoder.finish().into_inner().inner,
        }
    }

    /// The compressed bytes that were read.
    fn consumed(&self) -> u64 {
        let reader = match &self.stream {
            Stream::Plain(reader) => reader,
            Stream::Gzip(decoder) => decoder.get_ref(),
            Stream::Zstd(decoder) => decoder.get_ref(),
        };
        reader.get_ref().count
    }

    /// Checks that the data does not become more than it could honestly be.
    fn check_inflation(&self) -> io::Result<()> {
        let consumed = self.consumed();
        match self.position <= SMALL.max(consumed.saturating_mul(MAX_INFLATION)) {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                Error::Inflates {
                    compression: self.compression,
                    consumed,
                    position: self.position,
                },
            )),
        }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.stream {
            Stream::Plain(reader) => return reader.read(buffer),
            Stream::Gzip(decoder) => decoder.read(buffer),
            Stream::Zstd(decoder) => decoder.read(buffer),
        };
        match result {
            Ok(count) => {
                self.position += count as u64;
                self.check_inflation().map(|()| count)
            }
            Err(source) if is_about_data(&source) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                Error::CorruptCompression {
                    compression: self.compression,
                    position: self.position,
                    source,
                },
            )),
            Err(source) => Err(source),
        }
    }
}

/// Whether an error is a decoder's, and not one of the file below it. zstd's errors have the kind `Other`.
fn is_about_data(error: &io::Error) -> bool {
    let is_of_file = error
        .get_ref()
        .is_some_and(|inner| matches!(inner.downcast_ref(), Some(Error::Io { .. })));
    error.raw_os_error().is_none() && error.kind() != io::ErrorKind::Interrupted && !is_of_file
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

    fn sample(size: usize) -> Vec<u8> {
        (0..size as u32)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> (20 + index % 7)) as u8)
            .collect()
    }

    fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
        compressor.write_all(bytes).unwrap();
        compressor.finish().unwrap()
    }

    fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Decompressor::new(bytes)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn every_compression_gives_back_what_went_in() {
        for compression in ALL {
            for size in [0, 1, 512, 70_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1] {
                let plain = sample(size);
                let compressed = compress(compression, &plain);
                assert!(
                    decompress(&compressed).unwrap() == plain,
                    "{compression} {size}"
                );
                if size > 0 {
                    assert_eq!(Compression::sniff(&compressed), compression);
                }
            }
        }
    }

    #[test]
    fn pieces_of_the_input_do_not_show_in_the_output() {
        let plain = sample(1_200_000);
        for compression in ALL {
            let whole = compress(compression, &plain);
            let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
            for piece in plain.chunks(333) {
                compressor.write_all(piece).unwrap();
            }
            assert!(compressor.finish().unwrap() == whole, "{compression}");
        }
    }

    #[test]
    fn members_one_after_the_other_are_one_stream() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let mut both = compress(compression, b"first ");
            both.extend(compress(compression, b"second"));
            assert_eq!(decompress(&both).unwrap(), b"first second");
        }
    }

    #[test]
    fn a_stream_cut_off_or_altered_is_an_error() {
        let plain = sample(100_000);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let good = compress(compression, &plain);
            let cut = &good[..good.len() - 9];
            let mut altered = good.clone();
            altered[good.len() / 2] ^= 0x55;
            let mut trailing = good.clone();
            trailing.extend(b"garbage");
            for bad in [cut, &altered, &trailing] {
                let error = decompress(bad).unwrap_err();
                assert!(
                    error.to_string().contains(&format!("{compression} data")),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn what_becomes_more_than_gzip_could_is_an_error() {
        let plain = vec![0; 3 << 20];
        let bomb = compress(Compression::Zstd, &plain);
        let error = decompress(&bomb).unwrap_err().to_string();
        assert!(error.contains("its zstd data becomes"), "{error}");
        assert!(decompress(&compress(Compression::Gzip, &plain)).unwrap() == plain);
    }

    #[test]
    fn file_names_tell_the_compression() {
        let cases = [
            ("a.tar", Some(Compression::None)),
            ("a.tar.gz", Some(Compression::Gzip)),
            ("a.tgz", Some(Compression::Gzip)),
            ("a.tar.zst", Some(Compression::Zstd)),
            ("a.tzst", Some(Compression::Zstd)),
            ("a.gz", None),
            ("tar", None),
        ];
        for (name, expected) in cases {
            assert_eq!(Compression::of_file_name(name), expected, "{name}");
        }
    }
}
