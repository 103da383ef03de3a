//! The open file, and when it gives way to a new one.

use crate::civil::Civil;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tailweir_config::Rotation;

const MEGABYTE: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(86_400);
/// The size of files where the settings give none, in megabytes.
const MEGABYTES: u64 = 100;

pub(super) struct Writer {
    path: PathBuf,
    file: File,
    /// The file has another name by now, and something else may stand at its path.
    is_set_aside: bool,
    /// Since when there is something that the disk need not have.
    unsynced: Option<Instant>,
}

impl Writer {
    /// What is there stays.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: open(path)?,
            is_set_aside: false,
            unsynced: None,
        })
    }

    /// Takes out what is there.
    pub(super) fn empty(&mut self) -> io::Result<()> {
        // Devices and pipes have no length, and take none.
        match self.length()? {
            0 => Ok(()),
            _ => self.file.set_len(0),
        }
    }

    /// Writes records, all or none of them, to a new file where `rotation` wants one for them.
    pub(super) fn write(
        &mut self,
        records: &[&[u8]],
        rotation: Option<&Rotation>,
    ) -> io::Result<()> {
        let whole = records.concat();
        if let Some(rotation) = rotation.filter(|_| !self.is_set_aside) {
            self.rotate_before(whole.len() as u64, rotation)?;
        }
        let length = self.length()?;
        if let Err(error) = self.file.write_all(&whole) {
            self.take_back(length);
            return Err(error);
        }
        self.unsynced.get_or_insert_with(monotonic_clock);
        Ok(())
    }

    /// Asked each time: somebody else may have cut the file.
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Half a record would spoil those behind it.
    fn take_back(&mut self, length: u64) {
        if let Err(error) = self.file.set_len(length) {
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
    fn rotate_before(&mut self, length: u64, rotation: &Rotation) -> io::Result<()> {
        let limit = match u64::try_from(rotation.max_megabytes) {
            Ok(0) | Err(_) => MEGABYTES,
            Ok(limit) => limit,
        };
        let size = self.length()?;
        if size == 0 || size + length <= limit.saturating_mul(MEGABYTE) {
            return Ok(());
        }
        self.file.sync_data()?;
        let now = wall_clock();
        self.rename(now, rotation.localtime)?;
        // Where this fails the full file is still the one that is open, and the next write tries again.
        self.file = open(&self.path)?;
        self.unsynced = None;
        if let Err(error) = self.remove_old(rotation, now) {
            tracing::error!(%error, path = %self.path.display(), "old files cannot be deleted");
        }
        Ok(())
    }

    /// Gives the file the name of an old one, to make room for one whose records look different; what is written to
    /// this one still ends up in it. Answers whether there is room.
    pub(super) fn set_aside(&mut self, rotation: Option<&Rotation>) -> io::Result<bool> {
        // Devices, pipes and links are not ours to rename.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| !found.is_file()) {
            return Ok(false);
        }
        self.rename(wall_clock(), rotation.is_some_and(|it| it.localtime))?;
        self.is_set_aside = true;
        let path = self.path.display();
        tracing::info!(%path, "records look different from now on, those so far are in a file beside");
        Ok(true)
    }

    /// Gives the file the name of an old one.
    fn rename(&self, now: SystemTime, localtime: bool) -> io::Result<()> {
        match std::fs::rename(&self.path, self.backup_name(now, localtime)) {
            // Somebody took it away; or it has its name, and then no new one could be opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    /// `traces.json` becomes `traces-2020-02-11T20-26-12.000-size.json`; a number follows where that is
    /// taken.
    fn backup_name(&self, now: SystemTime, localtime: bool) -> PathBuf {
        let nanos = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let time = match localtime {
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

/// Whatever is written goes to the end, wherever that is by then: behind what others wrote, and not behind a hole where
/// somebody cut the file.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
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
