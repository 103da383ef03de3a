//! The files that a process writes to: each is open once, whoever writes to it.

use super::writer::Writer;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use tailweir_config::{FileCompression, FileExporter, FileFormat};

/// Most paths that are remembered as begun. Beyond it a file that is opened goes on where it was.
const BEGUN_MAX: usize = 65_536;

/// The files that the `file` exporters of a process write to. A handle: clones share everything.
///
/// Several write to one file at a time: the exporters of several signals, and while a reload puts a new exporter in
/// the place of an old one, both. They share what is open and take turns, so that each record is whole, and none is
/// written over another. What the settings say beyond that is the business of each of them: how its records look, and
/// when its next record begins a new file.
///
/// Paths are remembered as long as this is: a file is emptied before the first record of a process, never by a
/// reload, which would take away what was counted as delivered.
#[derive(Clone, Default)]
pub struct WrittenFiles(Arc<Mutex<Known>>);

/// A file that is open, for all that write to it.
pub(super) type SharedWriter = Arc<Mutex<Writer>>;

/// How records look. Those of one file look alike: nobody could tell where one ends otherwise.
type Framing = (FileFormat, FileCompression);

#[derive(Default)]
struct Known {
    open: HashMap<PathBuf, Weak<Mutex<Writer>>>,
    begun: HashMap<PathBuf, Framing>,
}

impl WrittenFiles {
    /// Opens the file at a path, or shares it with those that have it open. What is there stays.
    pub(super) fn open(&self, path: &Path) -> io::Result<SharedWriter> {
        self.0.lock().open(&place(path))
    }

    /// As [`Self::open`], to write records as the settings want them. The first time in a process the file is emptied,
    /// unless the settings keep what is there. One whose records look different gives way to a new one; those that
    /// write to it go on with it, under its other name, until they end.
    pub(super) fn begin(&self, path: &Path, settings: &FileExporter) -> io::Result<SharedWriter> {
        let place = place(path);
        let framing = (settings.format, settings.compression);
        let mut known = self.0.lock();
        let writer = known.open(&place)?;
        match known.begun.get(&place).copied() {
            Some(before) if before != framing => {
                let is_aside = writer.lock().set_aside(settings.rotation.as_ref())?;
                known.begun.insert(place.clone(), framing);
                if is_aside {
                    known.open.remove(&place);
                    return known.open(&place);
                }
            }
            None if known.begun.len() < BEGUN_MAX => {
                // Files that rotate go on where they were; a file alone is started anew, unless told not to.
                if !settings.append && settings.rotation.is_none() {
                    writer.lock().empty()?;
                }
                known.begun.insert(place, framing);
            }
            Some(_) | None => {}
        }
        Ok(writer)
    }
}

impl Known {
    fn open(&mut self, place: &Path) -> io::Result<SharedWriter> {
        if let Some(writer) = self.open.get(place).and_then(Weak::upgrade) {
            return Ok(writer);
        }
        let writer = Arc::new(Mutex::new(Writer::open(place)?));
        // What nobody writes to any more is closed already.
        self.open.retain(|_, writer| writer.strong_count() > 0);
        let known = Arc::downgrade(&writer);
        self.open.insert(place.to_owned(), known);
        Ok(writer)
    }
}

/// One path for a file, however its folder is written.
fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        // It cannot be opened either, which says why.
        _ => path.to_owned(),
    }
}
