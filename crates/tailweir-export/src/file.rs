//! The `file` exporter: requests, one after the other, in a file, or in several by an attribute of resources.
//!
//! A thread of its own writes. What waits while it writes is written together; a request counts as
//! delivered once the operating system has it, and every `flush_interval` the disk is made to have it. A
//! write that fails half-way is taken back, so that a file holds whole records.
//!
//! Several of them may write to one file, as an old and a new one do during a reload: see [`WrittenFiles`].

mod grouping;
mod open_files;
mod writer;
mod written_files;

pub use written_files::WrittenFiles;

use crate::BuildError;
use crate::compression::Packing;
use crate::destination::{Accepted, Attempt, Destination, Failure};
use bytes::Bytes;
use grouping::{Grouping, Share};
use open_files::{OpenFiles, Record};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;
use tailweir_config::{FileCompression, FileExporter, FileFormat};
use tailweir_core::{ClientContext, Signal};
use tailweir_otlp::json;
use tokio::sync::oneshot;

/// Most requests that wait for the thread; senders beyond are told to come again.
const WAITING_MAX: usize = 256;
/// Most requests that are written at once.
const TOGETHER_MAX: usize = 64;
/// How often the disk is synchronised where the settings say never.
const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Where `file` writes to.
pub struct File {
    framing: RecordFraming,
    target: Target,
    orders: SyncSender<Order>,
}

/// Which file a request belongs to.
enum Target {
    One(Arc<Path>),
    Several(Grouping),
}

/// How requests become records.
struct RecordFraming {
    format: FileFormat,
    compression: FileCompression,
    level: i64,
}

/// What the thread is told to do.
enum Order {
    /// Make a file ready before there is something to write.
    Begin {
        path: Arc<Path>,
    },
    Write {
        records: Vec<Record>,
        reply: Reply,
    },
    /// Make the disk have everything.
    Flush {
        reply: Reply,
    },
}

/// An answer for each record.
type Reply = oneshot::Sender<Vec<Result<(), String>>>;

impl File {
    /// Opens the file and starts the thread, which ends with the last use of this. What is in the file stays until
    /// [`Destination::begin`] or the first request, as this may never be put into force. `written` is the same for
    /// all that write in a process.
    ///
    /// # Errors
    ///
    /// Where the file or its folder cannot be made. With `group_by`, files are opened when they are needed.
    pub fn new(settings: &FileExporter, written: &WrittenFiles) -> Result<Self, BuildError> {
        let mut files = OpenFiles::new(settings, written.clone());
        let target = match settings.group_by.enabled {
            true => Target::Several(Grouping::of(settings)),
            false => {
                let path: Arc<Path> = Path::new(&settings.path).into();
                if settings.create_directory {
                    create_directory(&path, &settings.directory_permissions)?;
                }
                files.try_open(&path).map_err(|error| {
                    BuildError::new("path", format!("{}: {error}", settings.path))
                })?;
                Target::One(path)
            }
        };
        let (orders, received) = mpsc::sync_channel(WAITING_MAX);
        let interval = match settings.flush_interval {
            Duration::ZERO => FLUSH_INTERVAL_MAX,
            interval => interval,
        };
        std::thread::Builder::new()
            .name("file-exporter".to_owned())
            .spawn(move || work(files, &received, interval))
            .map_err(|error| BuildError::new("path", format!("no thread to write it: {error}")))?;
        Ok(Self {
            framing: RecordFraming {
                format: settings.format,
                compression: settings.compression,
                level: settings.compression_params.level,
            },
            target,
            orders,
        })
    }

    async fn order(
        &self,
        order: impl FnOnce(Reply) -> Order,
    ) -> Result<Vec<Result<(), String>>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .try_send(order(reply))
            .map_err(|error| match error {
                TrySendError::Full(_) => Failure::transient("the disk does not keep up"),
                TrySendError::Disconnected(_) => ended(),
            })?;
        answer.await.map_err(|_| ended())
    }

    /// Writes each share to its file. A share that cannot be written is rejected, the others stay.
    async fn write_shares(&self, signal: Signal, shares: Vec<Share>) -> Result<Accepted, Failure> {
        let mut accepted = Accepted::default();
        let (mut records, mut items) = (Vec::new(), Vec::new());
        for share in shares {
            match share.file {
                Ok(path) => {
                    let content = self.framing.record(signal, &share.body)?;
                    records.push(Record { path, content });
                    items.push(share.items);
                }
                Err(reason) => accepted.reject(share.items, reason),
            }
        }
        let answers = match records.is_empty() {
            true => Vec::new(),
            false => self.order(|reply| Order::Write { records, reply }).await?,
        };
        for (answer, items) in answers.into_iter().zip(items) {
            if let Err(error) = answer {
                accepted.reject(items, &error);
            }
        }
        Ok(accepted)
    }
}

impl Accepted {
    fn reject(&mut self, items: u64, reason: &str) {
        self.rejected_items += items;
        self.message = reason.to_owned();
    }
}

fn ended() -> Failure {
    Failure::permanent("the thread that writes the file has ended")
}

impl RecordFraming {
    /// A line of JSON, or length and message; packed ones always with their length.
    fn record(&self, signal: Signal, body: &Bytes) -> Result<Bytes, Failure> {
        let error = |error: &dyn std::fmt::Display| Failure::permanent(error.to_string());
        let mut content = match self.format {
            FileFormat::Proto => body.to_vec(),
            FileFormat::Json => {
                let mut text = Vec::with_capacity(body.len() * 2);
                json::from_wire(signal, body, &mut text).map_err(|cause| error(&cause))?;
                text
            }
        };
        match (self.compression, self.format) {
            (FileCompression::None, FileFormat::Json) => {
                content.push(b'\n');
                return Ok(content.into());
            }
            (FileCompression::None, FileFormat::Proto) => {}
            (FileCompression::Zstd, _) => {
                content = Packing::Zstd
                    .packed(&content, self.level)
                    .map_err(|cause| error(&cause))?
                    .into();
            }
        }
        let length = u32::try_from(content.len()).map_err(|cause| error(&cause))?;
        Ok([&length.to_be_bytes(), &content[..]].concat().into())
    }
}

impl Destination for File {
    fn begin(&self) {
        if let Target::One(path) = &self.target {
            let path = Arc::clone(path);
            // Where there is no room there is something to write, which makes the file ready too.
            let _ = self.orders.try_send(Order::Begin { path });
        }
    }

    fn encode(&self, signal: Signal, body: Bytes) -> Result<Bytes, Failure> {
        match &self.target {
            Target::One(_) => self.framing.record(signal, &body),
            // It is cut first.
            Target::Several(_) => Ok(body),
        }
    }

    fn send<'a>(&'a self, signal: Signal, content: Bytes, _: &'a ClientContext) -> Attempt<'a> {
        Box::pin(async move {
            let path = match &self.target {
                Target::One(path) => Arc::clone(path),
                Target::Several(grouping) => {
                    let shares = grouping.shares(signal, &content);
                    return self.write_shares(signal, shares).await;
                }
            };
            let records = vec![Record { path, content }];
            let answers = self.order(|reply| Order::Write { records, reply }).await?;
            let written: Result<(), String> = answers.into_iter().collect();
            written.map_err(Failure::transient)?;
            Ok(Accepted::default())
        })
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let answers = self.order(|reply| Order::Flush { reply }).await;
            let errors = answers.map(|answers| answers.into_iter().find_map(Result::err));
            let error = errors.map_err(|failure| failure.message);
            if let Err(error) | Ok(Some(error)) = error {
                tracing::error!(error, "the file is not on the disk");
            }
        })
    }
}

/// Makes the folder of a file, and those above.
fn create_directory(path: &Path, permissions: &str) -> Result<(), BuildError> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(u32::from_str_radix(permissions, 8).unwrap_or(0o755));
    }
    builder.create(parent).map_err(|error| {
        BuildError::new("create_directory", format!("{}: {error}", parent.display()))
    })
}

/// The thread: ends when nobody can send orders any more.
fn work(mut files: OpenFiles, orders: &Receiver<Order>, interval: Duration) {
    loop {
        match orders.recv_timeout(interval) {
            Ok(order) => obey(&mut files, order, orders),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Err(error) = files.sync_when_due(interval) {
            tracing::error!(%error, "the file cannot be brought to the disk");
        }
    }
    if let Err(error) = files.sync() {
        tracing::error!(%error, "the file cannot be brought to the disk");
    }
}

/// Carries out an order, together with those that wait behind it.
fn obey(files: &mut OpenFiles, first: Order, orders: &Receiver<Order>) {
    let (mut records, mut replies, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
    for order in std::iter::once(first).chain(orders.try_iter().take(TOGETHER_MAX - 1)) {
        match order {
            Order::Begin { path } => {
                if let Err(error) = files.begin(&path) {
                    let path = path.display();
                    tracing::error!(%error, %path, "the file cannot be begun, the first request will try again");
                }
            }
            Order::Write {
                records: more,
                reply,
            } => {
                replies.push((more.len(), reply));
                records.extend(more);
            }
            Order::Flush { reply } => flushes.push(reply),
        }
    }
    let mut answers = files.write(&records).into_iter();
    for (count, reply) in replies {
        // Whoever asked may have gone.
        let _ = reply.send(answers.by_ref().take(count).collect());
    }
    if !flushes.is_empty() {
        let synced = files.sync().map_err(|error| error.to_string());
        for reply in flushes {
            let _ = reply.send(vec![synced.clone()]);
        }
    }
}
