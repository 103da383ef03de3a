//! The files that are open: one, or as many as `group_by` allows.

use super::create_directory;
use super::writer::Writer;
use super::written_files::{SharedWriter, WrittenFiles};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::FileExporter;

/// What is to be written where.
pub(super) struct Record {
    pub(super) path: Arc<Path>,
    pub(super) content: Bytes,
}

pub(super) struct OpenFiles {
    settings: FileExporter,
    written: WrittenFiles,
    files: HashMap<Arc<Path>, OpenFile>,
    open_max: usize,
    /// Counts uses, to know which file was used last.
    uses: u64,
}

struct OpenFile {
    writer: SharedWriter,
    /// It is ready for records of these settings.
    is_begun: bool,
    last_use: u64,
}

impl OpenFiles {
    pub(super) fn new(settings: &FileExporter, written: WrittenFiles) -> Self {
        let open_max = usize::try_from(settings.group_by.max_open_files).unwrap_or(usize::MAX);
        Self {
            settings: settings.clone(),
            written,
            files: HashMap::new(),
            open_max: open_max.max(1),
            uses: 0,
        }
    }

    /// Writes records, those for one file together. Answers for each of them; those for one file are all
    /// written, or none is.
    pub(super) fn write(&mut self, records: &[Record]) -> Vec<Result<(), String>> {
        let mut answers = vec![Ok(()); records.len()];
        let mut by_path: HashMap<&Arc<Path>, Vec<usize>> = HashMap::new();
        for (number, record) in records.iter().enumerate() {
            by_path.entry(&record.path).or_default().push(number);
        }
        for (path, numbers) in by_path {
            let contents: Vec<_> = numbers.iter().map(|it| &records[*it].content[..]).collect();
            let written = self.begin(path).and_then(|writer| {
                let rotation = self.settings.rotation.as_ref();
                writer.lock().write(&contents, rotation)
            });
            let written = written.map_err(|error| format!("{}: {error}", path.display()));
            for number in numbers {
                answers[number].clone_from(&written);
            }
        }
        answers
    }

    /// Makes the file at a path ready for records of these settings, before the first of them: only then may what
    /// is there go.
    pub(super) fn begin(&mut self, path: &Arc<Path>) -> io::Result<SharedWriter> {
        let file = self.open(path)?;
        if file.is_begun {
            return Ok(Arc::clone(&file.writer));
        }
        let writer = self.written.begin(path, &self.settings)?;
        let begun = OpenFile {
            writer: Arc::clone(&writer),
            is_begun: true,
            last_use: self.uses,
        };
        self.files.insert(Arc::clone(path), begun);
        Ok(writer)
    }

    /// Opens the file at a path where it is not open; one that was not used for long is closed for it.
    fn open(&mut self, path: &Arc<Path>) -> io::Result<&mut OpenFile> {
        self.uses += 1;
        if !self.files.contains_key(path) {
            self.make_room();
            if self.settings.group_by.enabled {
                let made = create_directory(path, &self.settings.directory_permissions);
                made.map_err(|error| io::Error::other(error.message))?;
            }
            let file = OpenFile {
                writer: self.written.open(path)?,
                is_begun: false,
                last_use: 0,
            };
            self.files.insert(Arc::clone(path), file);
        }
        let file = self.files.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        file.last_use = self.uses;
        Ok(file)
    }

    /// Opens the file at a path, to find out whether that works. What is there stays.
    pub(super) fn try_open(&mut self, path: &Arc<Path>) -> io::Result<()> {
        self.open(path).map(drop)
    }

    fn make_room(&mut self) {
        if self.files.len() < self.open_max {
            return;
        }
        let oldest = self.files.iter().min_by_key(|(_, file)| file.last_use);
        let Some(path) = oldest.map(|(path, _)| Arc::clone(path)) else {
            return;
        };
        let closed = self.files.remove(&path);
        let synced = closed.map(|file| file.writer.lock().sync());
        if let Some(Err(error)) = synced {
            tracing::error!(%error, path = %path.display(), "the file cannot be brought to the disk");
        }
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.each(Writer::sync)
    }

    /// Brings to the disk what has waited for `interval`.
    pub(super) fn sync_when_due(&self, interval: Duration) -> io::Result<()> {
        self.each(|writer| writer.sync_when_due(interval))
    }

    /// Does the same with every file. The first error is told.
    fn each(&self, mut act: impl FnMut(&mut Writer) -> io::Result<()>) -> io::Result<()> {
        let mut told = Ok(());
        for file in self.files.values() {
            told = told.and(act(&mut file.writer.lock()));
        }
        told
    }
}
