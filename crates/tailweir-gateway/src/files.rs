//! Requests out of files: the `otlp_json_file` receiver.
//!
//! ```text
//! patterns -> files -> records -> (unpacked, JSON to protobuf) -> ReceiverIntake, again until there is room
//! ```
//!
//! Files are looked for at each poll, told apart by device and inode, and read one after the other, a bounded
//! step at a time, off the runtime's threads. A file is the queue: a record that finds no room is offered again.

mod followed;
mod patterns;

pub(crate) use patterns::Patterns;

use crate::admission::Admission;
use crate::ingress::{CallerSpan, Delivery, Intake, Transport};
use crate::intake::ReceiverIntake;
use crate::refusal::Refusal;
use bytes::Bytes;
use followed::{Followed, Found, Identity, ZSTD};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tailweir_config::{OtlpJsonFileReceiver, StartAt};
use tailweir_core::Signal;
use tailweir_otlp::json;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// Pause before a record that found no room is offered again.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// Bytes of records beyond which files wait until these are handed in.
const PENDING_BYTES_MAX: usize = 4 << 20;

/// A receiver that reads files.
pub(crate) struct FileReading {
    id: String,
    poll_interval: Duration,
    record_max: usize,
    followers: Arc<Mutex<Followers>>,
    intake: Arc<ReceiverIntake>,
    admission: Arc<Admission>,
    figures: Arc<FileFigures>,
    /// Held while it runs.
    running: Mutex<()>,
    stopping: CancellationToken,
}

/// What it counts.
#[derive(Debug, Default)]
pub(crate) struct FileFigures {
    /// Files that are read.
    pub(crate) files: AtomicU64,
    /// Records that could not be read, or were too large, and files that could not be opened.
    pub(crate) unreadable: AtomicU64,
}

/// The files that are read.
struct Followers {
    settings: OtlpJsonFileReceiver,
    patterns: Patterns,
    files: BTreeMap<Identity, Followed>,
    /// The file that was read last; others come first.
    last: Option<Identity>,
    is_first: bool,
    /// Files that could not be opened when they were last looked for; that is said once.
    unopened: BTreeSet<PathBuf>,
    /// Records that were read and not handed on yet, with where they stand.
    pending: VecDeque<(Arc<Path>, Vec<u8>)>,
}

impl FileReading {
    /// Reads nothing yet.
    pub(crate) fn new(
        id: String,
        settings: &OtlpJsonFileReceiver,
        patterns: Patterns,
        intake: Arc<ReceiverIntake>,
        admission: Arc<Admission>,
    ) -> Self {
        Self {
            id,
            poll_interval: settings.poll_interval,
            record_max: usize::try_from(settings.max_log_size.bytes()).unwrap_or(usize::MAX),
            followers: Arc::new(Mutex::new(Followers {
                settings: settings.clone(),
                patterns,
                files: BTreeMap::new(),
                last: None,
                is_first: true,
                unopened: BTreeSet::new(),
                pending: VecDeque::new(),
            })),
            intake,
            admission,
            figures: Arc::default(),
            running: Mutex::new(()),
            stopping: CancellationToken::new(),
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What it has counted.
    pub(crate) fn figures(&self) -> &FileFigures {
        &self.figures
    }

    /// Looks for files and reads them until it is stopped. Cancel safe, but for the record that is being handed in.
    pub(crate) async fn run(&self) {
        let _running = self.running.lock().await;
        while !self.stopping.is_cancelled() {
            let more = self.poll().await;
            while let Some((path, record)) = self.next_record().await {
                self.hand_in(&path, &record).await;
            }
            if !more {
                self.pause(self.poll_interval).await;
            }
        }
    }

    /// Reads no further, and waits until the record that is being handed in is. Returns whether that was in time.
    pub(crate) async fn stop(&self, grace: Duration) -> bool {
        self.stopping.cancel();
        let stopped = tokio::time::timeout(grace, self.running.lock()).await;
        stopped.is_ok()
    }

    async fn next_record(&self) -> Option<(Arc<Path>, Vec<u8>)> {
        if self.stopping.is_cancelled() {
            return None;
        }
        self.followers.lock().await.pending.pop_front()
    }

    async fn pause(&self, time: Duration) {
        // Ends early when it is stopped.
        let _ = tokio::time::timeout(time, self.stopping.cancelled()).await;
    }

    /// Reads one step of each file. Says whether there is more.
    async fn poll(&self) -> bool {
        let mut followers = Arc::clone(&self.followers).lock_owned().await;
        let (figures, max) = (Arc::clone(&self.figures), self.record_max);
        let read = tokio::task::spawn_blocking(move || followers.read(max, &figures));
        match read.await.map_err(JoinError::try_into_panic) {
            Ok(more) => more,
            // A panic there is one here: another run goes on with what is pending.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => false,
        }
    }

    async fn hand_in(&self, path: &Path, record: &[u8]) {
        let wanted = self.intake.wanted();
        let (signal, body) = match request(record, &wanted, self.record_max) {
            Ok(Some(request)) => request,
            // For a pipeline that there is not.
            Ok(None) => return,
            Err(reason) => {
                self.figures.unreadable.fetch_add(1, Relaxed);
                tracing::error!(receiver = %self.id, path = %path.display(), reason, "a record cannot be read");
                return;
            }
        };
        while let Err(refusal) = self.offer(signal, body.clone()).await {
            if !refusal.is_retryable() {
                self.figures.unreadable.fetch_add(1, Relaxed);
                tracing::error!(receiver = %self.id, path = %path.display(), reason = %refusal, "a record is refused");
                return;
            }
            if self.stopping.is_cancelled() {
                return;
            }
            self.pause(RETRY_EVERY).await;
        }
    }

    async fn offer(&self, signal: Signal, body: Bytes) -> Result<(), Refusal> {
        let permit = self.admission.take(body.len() as u64)?;
        let delivery = Delivery {
            transport: Transport::File,
            signal,
            body,
            permit,
            client: Arc::default(),
            caller: CallerSpan::default(),
        };
        self.intake.accept(delivery).await
    }
}

impl Followers {
    fn read(&mut self, max: usize, figures: &FileFigures) -> bool {
        let listed = self.look(figures);
        let (mut more, mut pending_bytes) = (false, 0);
        for identity in self.turn() {
            if pending_bytes > PENDING_BYTES_MAX {
                more = true;
                break;
            }
            self.last = Some(identity);
            let at_last = !listed.contains(&identity);
            let Some(file) = self.files.get_mut(&identity) else {
                continue;
            };
            let path: Arc<Path> = file.path.as_path().into();
            let found = file.read(max, at_last);
            let is_readable = found.is_ok();
            let found = found.unwrap_or_else(|error| {
                figures.unreadable.fetch_add(1, Relaxed);
                tracing::error!(path = %path.display(), %error, "a file cannot be read");
                Found::default()
            });
            figures.unreadable.fetch_add(found.too_large, Relaxed);
            for record in found.records {
                pending_bytes += record.len();
                self.pending.push_back((Arc::clone(&path), record));
            }
            more |= found.more;
            if !is_readable || (at_last && !found.more) {
                self.files.remove(&identity);
            }
        }
        figures.files.store(self.files.len() as u64, Relaxed);
        if self.settings.replay_file && !more {
            self.files.clear();
        }
        more
    }

    /// All files, those first that have waited the longest.
    fn turn(&self) -> Vec<Identity> {
        let (mut before, after): (Vec<_>, Vec<_>) = self
            .files
            .keys()
            .partition(|identity| self.last.is_some_and(|last| **identity <= last));
        let mut turn = after;
        turn.append(&mut before);
        turn
    }

    /// Opens what is new. Answers what is there.
    fn look(&mut self, figures: &FileFigures) -> Vec<Identity> {
        let limit = usize::try_from(self.settings.max_concurrent_files).unwrap_or(usize::MAX);
        let from_end =
            self.is_first && self.settings.start_at == StartAt::End && !self.settings.replay_file;
        let mut listed = Vec::new();
        let unopened = std::mem::take(&mut self.unopened);
        for path in self.patterns.find() {
            // A file may go while we look.
            let Ok(identity) = Followed::identity(&path) else {
                continue;
            };
            listed.push(identity);
            if self.files.contains_key(&identity) || self.files.len() >= limit {
                continue;
            }
            match Followed::open(&path, self.settings.compression, from_end) {
                Ok(file) => drop(self.files.insert(identity, file)),
                Err(error) => {
                    if !unopened.contains(&path) {
                        figures.unreadable.fetch_add(1, Relaxed);
                        tracing::error!(path = %path.display(), %error, "a file cannot be opened");
                    }
                    self.unopened.insert(path);
                }
            }
        }
        self.is_first = false;
        listed
    }
}

/// A record as a request: unpacked, as protobuf, with its signal. Nothing when nobody wants the signal.
fn request(
    record: &[u8],
    wanted: &[Signal],
    max: usize,
) -> Result<Option<(Signal, Bytes)>, String> {
    let unpacked;
    let content = if record.starts_with(&ZSTD) {
        unpacked = unpack(record, max)?;
        unpacked.as_slice()
    } else {
        record
    };
    if content.trim_ascii_start().starts_with(b"{") {
        let signal = signal_of(content).ok_or("it is no request of traces, metrics or logs")?;
        if !wanted.contains(&signal) {
            return Ok(None);
        }
        let mut body = Vec::new();
        json::to_wire(signal, content, &mut body).map_err(|error| error.to_string())?;
        return Ok(Some((signal, body.into())));
    }
    match wanted {
        [signal] => Ok(Some((*signal, content.to_vec().into()))),
        _ => Err(
            "protobuf does not say what it carries; let the receiver feed one signal".to_owned(),
        ),
    }
}

fn unpack(record: &[u8], max: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(record).map_err(|error| error.to_string())?;
    let read = decoder.take(max as u64 + 1).read_to_end(&mut unpacked);
    match read.map_err(|error| error.to_string())? {
        size if size > max => Err(format!("unpacked it is larger than {max} bytes")),
        _ => Ok(unpacked),
    }
}

/// What the first key of a request says.
fn signal_of(text: &[u8]) -> Option<Signal> {
    let mut quoted = text.split(|byte| *byte == b'"');
    match quoted.nth(1)? {
        b"resourceSpans" => Some(Signal::Traces),
        b"resourceMetrics" => Some(Signal::Metrics),
        b"resourceLogs" => Some(Signal::Logs),
        _ => None,
    }
}
