//! The files that are open: one, or as many as `group_by` allows.

use super::create_directory;
use super::writer::Writer;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::FileExporter;

/// Most paths that are remembered as begun. Beyond it a file that is opened goes on where it was.
const BEGUN_MAX: usize = 65_536;

/// What is to be written where.
pub(super) struct Record {
    pub(super) path: Arc<Path>,
    pub(super) content: Bytes,
}

pub(super) struct OpenFiles {
    settings: FileExporter,
    files: HashMap<Arc<Path>, OpenFile>,
    open_max: usize,
    /// Files that were opened before: a file that was closed to make room goes on where it was.
    begun: HashSet<Arc<Path>>,
    /// Counts uses, to know which file was used last.
    uses: u64,
}

struct OpenFile {
    writer: Writer,
    last_use: u64,
}

impl OpenFiles {
    pub(super) fn new(settings: &FileExporter) -> Self {
        let open_max = usize::try_from(settings.group_by.max_open_files).unwrap_or(usize::MAX);
        Self {
            settings: settings.clone(),
            files: HashMap::new(),
            open_max: open_max.max(1),
            begun: HashSet::new(),
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
            let written = self.open(path).and_then(|file| file.write(&contents));
            let written = written.map_err(|error| format!("{}: {error}", path.display()));
            for number in numbers {
                answers[number].clone_from(&written);
            }
        }
        answers
    }

    /// The file at a path, opened where it is not; one that was not used for long is closed for it.
    pub(super) fn open(&mut self, path: &Arc<Path>) -> io::Result<&mut Writer> {
        self.uses += 1;
        if !self.files.contains_key(path) {
            self.make_room();
            let goes_on = self.begun.contains(path) || self.begun.len() >= BEGUN_MAX;
            if self.settings.group_by.enabled {
                let made = create_directory(path, &self.settings.directory_permissions);
                made.map_err(|error| io::Error::other(error.message))?;
            }
            let writer = Writer::open(path, &self.settings, goes_on)?;
            if self.begun.len() < BEGUN_MAX {
                self.begun.insert(Arc::clone(path));
            }
            let file = OpenFile {
                writer,
                last_use: 0,
            };
            self.files.insert(Arc::clone(path), file);
        }
        let file = self.files.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        file.last_use = self.uses;
        Ok(&mut file.writer)
    }

    fn make_room(&mut self) {
        if self.files.len() < self.open_max {
            return;
        }
        let oldest = self.files.iter().min_by_key(|(_, file)| file.last_use);
        if let Some(path) = oldest.map(|(path, _)| Arc::clone(path))
            && let Some(mut file) = self.files.remove(&path)
            && let Err(error) = file.writer.sync()
        {
            tracing::error!(%error, path = %path.display(), "the file cannot be brought to the disk");
        }
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.each(Writer::sync)
    }

    /// Brings to the disk what has waited for `interval`.
    pub(super) fn sync_when_due(&mut self, interval: Duration) -> io::Result<()> {
        self.each(|writer| writer.sync_when_due(interval))
    }

    /// Does the same with every file. The first error is told.
    fn each(&mut self, mut act: impl FnMut(&mut Writer) -> io::Result<()>) -> io::Result<()> {
        let mut told = Ok(());
        for file in self.files.values_mut() {
            told = told.and(act(&mut file.writer));
        }
        told
    }
}
