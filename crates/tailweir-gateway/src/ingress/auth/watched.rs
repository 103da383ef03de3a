//! Something read from a file, read again when the file changes.

use super::AuthError;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Parse<T> = Box<dyn Fn(&str) -> Result<T, AuthError> + Send + Sync>;

/// The newest good reading of a file. A change that cannot be read keeps the last one.
pub(crate) struct Watched<T> {
    file: Option<PathBuf>,
    parse: Parse<T>,
    current: ArcSwap<T>,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    version: Option<Version>,
}

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: SystemTime,
    length: u64,
}

impl<T> Watched<T> {
    /// Reads for the first time. Without a file, parses nothing but what `parse` already holds.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or what is in it is wrong.
    pub(super) fn new(
        file: Option<PathBuf>,
        parse: impl Fn(&str) -> Result<T, AuthError> + Send + Sync + 'static,
    ) -> Result<Self, AuthError> {
        let text = match &file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|source| AuthError::Unreadable {
                    path: path.clone(),
                    source,
                })?
            }
            None => String::new(),
        };
        let current = ArcSwap::from_pointee(parse(&text)?);
        let seen = Seen {
            at: Instant::now(),
            version: file.as_deref().and_then(version),
        };
        Ok(Self {
            file,
            parse: Box::new(parse),
            current,
            seen: Mutex::new(seen),
        })
    }

    /// What holds now.
    pub(super) fn current(&self) -> Arc<T> {
        if let Some(path) = &self.file
            && let Some(mut seen) = self.seen.try_lock()
            && seen.at.elapsed() >= LOOK_EVERY
        {
            seen.at = Instant::now();
            let now = version(path);
            if now.is_some() && now != seen.version {
                seen.version = now;
                self.read_again(path);
            }
        }
        self.current.load_full()
    }

    fn read_again(&self, path: &std::path::Path) {
        let read = std::fs::read_to_string(path);
        let parsed = read
            .map_err(|source| AuthError::Unreadable {
                path: path.to_owned(),
                source,
            })
            .and_then(|text| (self.parse)(&text));
        match parsed {
            Ok(parsed) => self.current.store(Arc::new(parsed)),
            Err(error) => {
                tracing::error!(%error, "credentials cannot be read again, the old ones hold");
            }
        }
    }
}

fn version(path: &std::path::Path) -> Option<Version> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Version {
        modified: metadata.modified().ok()?,
        length: metadata.len(),
    })
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
