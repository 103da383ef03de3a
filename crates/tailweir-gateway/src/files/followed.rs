//! A file that is read while others write it.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tailweir_config::PackedFiles;
use tailweir_otlp::{Framing, Piece};

/// Bytes that are read at once.
const STEP: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How a frame of Zstandard begins, a whole file or a record.
pub(super) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What tells a file from others, whatever it is called.
pub(super) type Identity = (u64, u64);

/// A file, and how far it was read.
pub(super) struct Followed {
    pub(super) path: PathBuf,
    file: File,
    reader: Box<dyn Read + Send>,
    is_packed: bool,
    /// Bytes that came out of the reader.
    position: u64,
    /// Those of them that no record was made of yet.
    buffer: Vec<u8>,
    framing: Option<Framing>,
    /// Bytes to come that belong to a record which is too large.
    passes_over: u64,
    /// Everything up to the end of the line does.
    passes_line: bool,
}

/// What one look at a file brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Records, whole.
    pub(super) records: Vec<Vec<u8>>,
    /// Records that were too large.
    pub(super) too_large: u64,
    /// There may be more.
    pub(super) more: bool,
}

impl Followed {
    /// Opens a file, to be read from its beginning or its end.
    pub(super) fn open(path: &Path, packed: PackedFiles, from_end: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let is_packed = is_packed(&mut file, packed)?;
        let mut followed = Self {
            reader: reader(&file, is_packed)?,
            file,
            path: path.to_owned(),
            is_packed: is_packed.is_some(),
            position: 0,
            buffer: Vec::new(),
            framing: None,
            passes_over: 0,
            passes_line: false,
        };
        if from_end {
            followed.position = if followed.is_packed {
                io::copy(&mut followed.reader, &mut io::sink())?
            } else {
                // The reader shares the place with the file.
                followed.file.seek(SeekFrom::End(0))?
            };
            followed.framing = None;
        }
        Ok(followed)
    }

    /// Device and inode of what is at a path.
    pub(super) fn identity(path: &Path) -> io::Result<Identity> {
        use std::os::unix::fs::MetadataExt;
        let data = std::fs::metadata(path)?;
        Ok((data.dev(), data.ino()))
    }

    /// Reads on, at most one step. `max` is the size of the largest record; `at_last`: nobody writes the file
    /// any more.
    pub(super) fn read(&mut self, max: usize, at_last: bool) -> io::Result<Found> {
        self.begin_anew_if_cut()?;
        let before = self.buffer.len();
        let mut step = (&mut self.reader).take(STEP as u64);
        let (read, is_whole) = match step.read_to_end(&mut self.buffer) {
            // The rest of a packed file was not written yet, or never will be.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                (self.buffer.len() - before, false)
            }
            other => (other?, self.is_packed),
        };
        self.position += read as u64;
        let mut found = Found {
            more: read == STEP,
            ..Found::default()
        };
        self.cut(max, &mut found);
        if !found.more && (at_last || is_whole || self.ends_like_json()) {
            self.cut_last(max, &mut found);
        }
        Ok(found)
    }

    /// A file that is shorter than what was read of it was begun anew.
    fn begin_anew_if_cut(&mut self) -> io::Result<()> {
        if self.is_packed || self.file.metadata()?.len() >= self.position {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.position = 0;
        self.buffer.clear();
        self.framing = None;
        self.passes_over = 0;
        self.passes_line = false;
        Ok(())
    }

    fn cut(&mut self, max: usize, found: &mut Found) {
        let mut at = 0;
        while at < self.buffer.len() {
            let rest = &self.buffer[at..];
            if self.passes_over > 0 {
                let passed = self.passes_over.min(rest.len() as u64);
                self.passes_over -= passed;
                at += passed as usize;
                continue;
            }
            if self.passes_line {
                let end = rest.iter().position(|byte| *byte == b'\n');
                at += end.map_or(rest.len(), |end| end + 1);
                self.passes_line = end.is_none();
                continue;
            }
            let framing = *self.framing.get_or_insert_with(|| Framing::of(rest[0]));
            match framing.next(rest, max) {
                Piece::Record(record, length) => {
                    if !record.is_empty() {
                        found.records.push(record.to_vec());
                    }
                    at += length;
                }
                Piece::TooLarge(length) => {
                    found.too_large += 1;
                    self.passes_over = length;
                }
                Piece::TooLong => {
                    found.too_large += 1;
                    self.passes_line = true;
                }
                Piece::Incomplete => break,
            }
        }
        self.buffer.drain(..at);
    }

    /// The last line may have no end.
    fn cut_last(&mut self, max: usize, found: &mut Found) {
        if self.framing == Some(Framing::Lines) && !self.buffer.is_empty() {
            self.buffer.push(b'\n');
            self.cut(max, found);
        }
    }

    fn ends_like_json(&self) -> bool {
        let text = self.buffer.trim_ascii();
        text.ends_with(b"}") && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
    }
}

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zstd,
}

/// How a file is packed as a whole.
fn is_packed(file: &mut File, packed: PackedFiles) -> io::Result<Option<Packing>> {
    let mut magic = [0; 4];
    let read = file.take(4).read(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(match packed {
        PackedFiles::None => None,
        PackedFiles::Gzip => Some(Packing::Gzip),
        PackedFiles::Zstd => Some(Packing::Zstd),
        PackedFiles::Auto if magic[..read].starts_with(&GZIP) => Some(Packing::Gzip),
        PackedFiles::Auto if magic[..read] == ZSTD => Some(Packing::Zstd),
        PackedFiles::Auto => None,
    })
}

fn reader(file: &File, packing: Option<Packing>) -> io::Result<Box<dyn Read + Send>> {
    let file = file.try_clone()?;
    Ok(match packing {
        None => Box::new(file),
        Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(file)),
        Some(Packing::Zstd) => Box::new(zstd::stream::read::Decoder::new(file)?),
    })
}

#[cfg(test)]
mod tests {
    use super::{Followed, Found};
    use std::io::Write;
    use tailweir_config::PackedFiles;

    fn texts(found: &Found) -> Vec<String> {
        let text = |record: &Vec<u8>| String::from_utf8(record.clone()).unwrap();
        found.records.iter().map(text).collect()
    }

    /// Scenario: a file grows by half lines, gets a last line without an end, a line that is too long, and is
    /// then begun anew.
    /// Guarantees: each line comes once, when it is whole; what is too long is passed over and counted.
    #[test]
    fn a_growing_file_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut followed = Followed::open(&path, PackedFiles::None, false).unwrap();
        let mut step = |text: &str, followed: &mut Followed| {
            file.write_all(text.as_bytes()).unwrap();
            let found = followed.read(20, false).unwrap();
            (texts(&found), found.too_large)
        };
        assert_eq!(
            step("{\"a\":1}\n{\"b\"", &mut followed),
            (vec!["{\"a\":1}".into()], 0)
        );
        assert_eq!(step(":2}", &mut followed), (vec!["{\"b\":2}".into()], 0));
        assert_eq!(step(&"x".repeat(30), &mut followed), (vec![], 1));
        assert_eq!(step("x\n\n{}\n", &mut followed), (vec!["{}".into()], 0));
        std::fs::write(&path, "{\"n\":1}\n").unwrap();
        let found = followed.read(20, false).unwrap();
        assert_eq!(texts(&found), ["{\"n\":1}"]);
    }

    /// Scenario: files packed with gzip and Zstandard, and one that is not, read from the beginning and the end.
    /// Guarantees: each is told by its first bytes; from the end there is nothing.
    ///
    /// Conforms: receiver `otlp_json_file` | traces, metrics, logs | `compression: gzip`, `auto` | same
    /// Conforms: receiver `otlp_json_file` | traces, metrics, logs | `compression: zstd` | only here: for files that
    /// something else packed as a whole
    #[test]
    fn packed_files_are_told_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let text = b"{\"a\":1}\n{\"b\":2}";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        let contents = [
            text.to_vec(),
            gzip.finish().unwrap(),
            zstd::encode_all(&text[..], 1).unwrap(),
        ];
        for (number, content) in contents.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, content).unwrap();
            let mut followed = Followed::open(&path, PackedFiles::Auto, false).unwrap();
            assert_eq!(
                texts(&followed.read(100, true).unwrap()),
                ["{\"a\":1}", "{\"b\":2}"]
            );
            let mut at_end = Followed::open(&path, PackedFiles::Auto, true).unwrap();
            assert!(at_end.read(100, true).unwrap().records.is_empty());
        }
    }
}
