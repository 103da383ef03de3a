//! The open file, and when it gives way to a new one.

use crate::civil::Civil;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tailweir_config::{FileExporter, Rotation};

const MEGABYTE: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(86_400);
/// The size of files where the settings give none, in megabytes.
const MEGABYTES: u64 = 100;

pub(super) struct Writer {
    path: PathBuf,
    rotation: Option<Rotation>,
    file: File,
    size: u64,
    /// Since when there is something that the disk need not have.
    unsynced: Option<Instant>,
}

impl Writer {
    /// `goes_on`: what is there stays, whatever the settings say.
    pub(super) fn open(path: &Path, settings: &FileExporter, goes_on: bool) -> io::Result<Self> {
        // Files that rotate go on where they were; a file alone is started anew, unless told not to.
        let keeps = goes_on || settings.append || settings.rotation.is_some();
        let file = open(path, keeps)?;
        Ok(Self {
            path: path.to_owned(),
            rotation: settings.rotation.clone(),
            size: file.metadata()?.len(),
            file,
            unsynced: None,
        })
    }

    /// Writes records, all or none of them.
    pub(super) fn write(&mut self, records: &[&[u8]]) -> io::Result<()> {
        let whole = records.concat();
        self.rotate_before(whole.len() as u64)?;
        if let Err(error) = self.file.write_all(&whole) {
            self.take_back();
            return Err(error);
        }
        self.size += whole.len() as u64;
        self.unsynced.get_or_insert_with(monotonic_clock);
        Ok(())
    }

    /// Half a record would spoil those behind it.
    fn take_back(&mut self) {
        let cut = self.file.set_len(self.size);
        if let Err(error) = cut.and_then(|()| self.file.seek(SeekFrom::Start(self.size))) {
            let path = self.path.display();
            tracing::error!(%error, %path, "half a record stands at the end of the file");
        }
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced.take().is_some() {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Brings to the disk what has waited for `interval`.
    pub(super) fn sync_when_due(&mut self, interval: Duration) -> io::Result<()> {
        let now = monotonic_clock();
        match self.unsynced {
            Some(since) if now.duration_since(since) >= interval => self.sync(),
            _ => Ok(()),
        }
    }

    /// Starts a new file where `length` more bytes would make this one too large.
    fn rotate_before(&mut self, length: u64) -> io::Result<()> {
        let Some(rotation) = &self.rotation else {
            return Ok(());
        };
        let limit = match u64::try_from(rotation.max_megabytes) {
            Ok(0) | Err(_) => MEGABYTES,
            Ok(limit) => limit,
        };
        if self.size == 0 || self.size + length <= limit.saturating_mul(MEGABYTE) {
            return Ok(());
        }
        self.file.sync_data()?;
        let now = wall_clock();
        std::fs::rename(&self.path, self.backup_name(now))?;
        self.file = open(&self.path, false)?;
        self.size = 0;
        self.unsynced = None;
        if let Err(error) = self.remove_old(rotation, now) {
            tracing::error!(%error, path = %self.path.display(), "old files cannot be deleted");
        }
        Ok(())
    }

    /// `traces.json` becomes `traces-2020-02-11T20-26-12.000-size.json`; a number follows where that is
    /// taken.
    fn backup_name(&self, now: SystemTime) -> PathBuf {
        let nanos = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let time = match self.rotation.as_ref().is_some_and(|it| it.localtime) {
            true => local_file_name(now),
            false => Civil::of(u64::try_from(nanos).unwrap_or(u64::MAX)).file_name(),
        };
        let (stem, extension) = self.name_parts();
        let named = |suffix: String| {
            let mut name = stem.clone();
            name.push(format!("-{time}-size{suffix}"));
            name.push(&extension);
            self.path.with_file_name(name)
        };
        std::iter::once(String::new())
            .chain((1_u32..).map(|count| format!(".{count}")))
            .map(named)
            .find(|path| !path.exists())
            .unwrap_or_else(|| self.path.clone())
    }

    /// The name before its extension, and the extension with its dot.
    fn name_parts(&self) -> (OsString, OsString) {
        let stem = self.path.file_stem().unwrap_or_default().to_owned();
        let mut extension = OsString::new();
        if let Some(found) = self.path.extension() {
            extension.push(".");
            extension.push(found);
        }
        (stem, extension)
    }

    /// Deletes files beyond the number and the age that are kept.
    fn remove_old(&self, rotation: &Rotation, now: SystemTime) -> io::Result<()> {
        let kept = match usize::try_from(rotation.max_backups) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(kept) => kept,
        };
        let age_max = match u32::try_from(rotation.max_days) {
            Ok(0) | Err(_) => Duration::MAX,
            Ok(days) => DAY * days,
        };
        for (index, (path, modified)) in self.backups()?.into_iter().enumerate() {
            let age = now.duration_since(modified).unwrap_or_default();
            if index >= kept || age > age_max {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Files that this file became, the newest first: their names begin with its own and go on with a
    /// date.
    fn backups(&self) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        let (stem, extension) = self.name_parts();
        let prefix = format!("{}-", stem.to_string_lossy());
        let extension = extension.to_string_lossy();
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut backups = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let middle = name
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(&*extension));
            if middle.is_some_and(|middle| is_date(middle.as_bytes())) {
                backups.push((name, entry.path(), entry.metadata()?.modified()?));
            }
        }
        // Dates sort as text.
        backups.sort_by(|left, right| right.0.cmp(&left.0));
        Ok(backups
            .into_iter()
            .map(|(_, path, modified)| (path, modified))
            .collect())
    }
}

/// The time of day where this process runs, for names of files.
fn local_file_name(now: SystemTime) -> String {
    let now = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::MAX);
    let local = now.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%Y-%m-%dT%H-%M-%S.%3f").to_string()
}

/// Whether text begins like `2020-02-11T`.
fn is_date(text: &[u8]) -> bool {
    let pattern = b"0000-00-00T";
    text.len() > pattern.len()
        && text.iter().zip(pattern).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            wanted => byte == wanted,
        })
}

fn open(path: &Path, keeps: bool) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(!keeps)
        .open(path)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

#[expect(
    clippy::disallowed_methods,
    reason = "names and ages of files follow the wall clock"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread outside the runtime has no other clock"
)]
fn monotonic_clock() -> Instant {
    Instant::now()
}
