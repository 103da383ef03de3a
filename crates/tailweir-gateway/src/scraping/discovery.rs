//! Where targets come from: the settings, and files that others write.

use crate::files::Patterns;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tailweir_config::{LooseText, ScrapeJob, TargetGroup, read_target_groups};
use tailweir_scrape::{Job, Target};
use tokio::time::Instant;

/// Longest file of targets, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// Most files of one job.
const FILES_MAX: usize = 1000;
/// The label that says from which file a target is.
const FILE_LABEL: &str = "__meta_filepath";

/// The targets of a job, as far as they are known.
pub(super) struct Discovery {
    fixed: Vec<TargetGroup>,
    watched: Vec<Watched>,
    /// What was made of all groups.
    known: Option<Known>,
}

/// Targets, and how many are none.
type Known = (Vec<Arc<Target>>, u64);

/// Files of one entry of `file_sd_configs`.
struct Watched {
    patterns: Patterns,
    refresh_interval: Duration,
    files: BTreeMap<PathBuf, TargetFile>,
}

/// A file that was read.
struct TargetFile {
    groups: Vec<TargetGroup>,
    stamp: Stamp,
    read_at: Instant,
    /// What is wrong with it. Then its targets are those of before.
    mistake: Option<String>,
}

/// What changes with a file.
type Stamp = Option<(SystemTime, u64)>;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) targets: Vec<Arc<Target>>,
    /// Targets that are none.
    pub(super) mistakes: u64,
    /// Files that cannot be read.
    pub(super) unreadable: u64,
}

impl Discovery {
    /// Has looked for nothing yet.
    ///
    /// # Errors
    ///
    /// The path that is none.
    pub(super) fn new(settings: &ScrapeJob) -> Result<Self, String> {
        let watched = settings.file_sd_configs.iter().map(|files| {
            let paths: Vec<_> = files
                .files
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect();
            Ok(Watched {
                patterns: Patterns::compile(&paths, &[])?,
                refresh_interval: files.refresh_interval.duration(),
                files: BTreeMap::new(),
            })
        });
        Ok(Self {
            fixed: settings.static_configs.clone(),
            watched: watched.collect::<Result<_, String>>()?,
            known: None,
        })
    }

    /// The targets that there are now. They are made anew when a file has changed.
    pub(super) fn look(&mut self, job: &Arc<Job>, most: u64) -> Found {
        let mut has_changed = false;
        for watched in &mut self.watched {
            has_changed |= watched.look();
        }
        let (targets, mistakes) = match self.known.take() {
            Some(known) if !has_changed => known,
            _ => self.make(job, most),
        };
        self.known = Some((targets.clone(), mistakes));
        let files = self
            .watched
            .iter()
            .flat_map(|watched| watched.files.values());
        Found {
            targets,
            mistakes,
            unreadable: files.filter(|file| file.mistake.is_some()).count() as u64,
        }
    }

    fn make(&self, job: &Arc<Job>, most: u64) -> Known {
        let mut groups = self.fixed.clone();
        let files = self
            .watched
            .iter()
            .flat_map(|watched| watched.files.values());
        groups.extend(files.flat_map(|file| file.groups.iter().cloned()));
        let (targets, mistakes) = job.targets(&groups, job.target_limit(most));
        if let Some(mistake) = mistakes.first() {
            let (job, count) = (job.settings().job_name.as_str(), mistakes.len());
            tracing::error!(job, count, first = %mistake, "targets cannot be scraped");
        }
        (targets, mistakes.len() as u64)
    }
}

impl Watched {
    /// Reads what is new or has changed, and forgets what is gone. Whether there was any of it.
    fn look(&mut self) -> bool {
        let mut before = std::mem::take(&mut self.files);
        let mut has_changed = false;
        for path in self.patterns.find().into_iter().take(FILES_MAX) {
            let file = match before.remove(&path) {
                Some(file) if !file.is_due(&path, self.refresh_interval) => file,
                known => {
                    has_changed = true;
                    TargetFile::read(&path, known)
                }
            };
            self.files.insert(path, file);
        }
        has_changed || !before.is_empty()
    }
}

impl TargetFile {
    fn is_due(&self, path: &Path, refresh_interval: Duration) -> bool {
        self.stamp != stamp(path) || self.read_at.elapsed() >= refresh_interval
    }

    fn read(path: &Path, before: Option<Self>) -> Self {
        let stamp = stamp(path);
        let (before, told) = match before {
            Some(file) => (file.groups, file.mistake),
            None => (Vec::new(), None),
        };
        let (groups, mistake) = match read_groups(path) {
            Ok(groups) => (groups, None),
            Err(mistake) => {
                if told.as_ref() != Some(&mistake) {
                    tracing::error!(path = %path.display(), mistake, "a file of targets cannot be read");
                }
                (before, Some(mistake))
            }
        };
        Self {
            groups,
            stamp,
            read_at: Instant::now(),
            mistake,
        }
    }
}

fn read_groups(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(FILE_MAX + 1).read_to_string(&mut text);
    if read.map_err(|error| error.to_string())? as u64 > FILE_MAX {
        return Err(format!("it is larger than {FILE_MAX} bytes"));
    }
    let name = path.display().to_string();
    let mut groups = read_target_groups(&name, &text)?;
    for group in &mut groups {
        let label = LooseText::new(name.as_str());
        group.labels.insert(FILE_LABEL.to_owned(), label);
    }
    Ok(groups)
}

fn stamp(path: &Path) -> Stamp {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}
