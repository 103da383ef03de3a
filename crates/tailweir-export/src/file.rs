//! The `file` exporter: requests, one after the other, in a file.
//!
//! A thread of its own writes. What waits while it writes is written together; a request counts as
//! delivered once the operating system has it, and every `flush_interval` the disk is made to have it. A
//! write that fails half-way is taken back, so that the file holds whole records.

mod writer;

use crate::BuildError;
use crate::compression::Packing;
use crate::destination::{Accepted, Attempt, Destination, Failure};
use bytes::Bytes;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;
use tailweir_config::{FileCompression, FileExporter, FileFormat};
use tailweir_core::Signal;
use tailweir_otlp::json;
use tokio::sync::oneshot;
use writer::Writer;

/// Most records that wait for the thread; senders beyond are told to come again.
const WAITING_MAX: usize = 256;
/// Most records that are written at once.
const TOGETHER_MAX: usize = 64;
/// How often the disk is synchronised where the settings say never.
const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Where `file` writes to.
pub struct File {
    format: FileFormat,
    compression: FileCompression,
    orders: SyncSender<Order>,
}

/// What the thread is told to do.
enum Order {
    Write {
        record: Bytes,
        reply: Reply,
    },
    /// Make the disk have everything.
    Flush {
        reply: Reply,
    },
}

type Reply = oneshot::Sender<Result<(), String>>;

impl File {
    /// Opens the file and starts the thread, which ends with the last use of this.
    ///
    /// # Errors
    ///
    /// Where the file or its folder cannot be made.
    pub fn new(settings: &FileExporter) -> Result<Self, BuildError> {
        let path = Path::new(&settings.path);
        if settings.create_directory {
            create_directory(path, &settings.directory_permissions)?;
        }
        let writer = Writer::open(path, settings)
            .map_err(|error| BuildError::new("path", format!("{}: {error}", settings.path)))?;
        let (orders, received) = mpsc::sync_channel(WAITING_MAX);
        let interval = match settings.flush_interval {
            Duration::ZERO => FLUSH_INTERVAL_MAX,
            interval => interval,
        };
        std::thread::Builder::new()
            .name("file-exporter".to_owned())
            .spawn(move || work(writer, &received, interval))
            .map_err(|error| BuildError::new("path", format!("no thread to write it: {error}")))?;
        Ok(Self {
            format: settings.format,
            compression: settings.compression,
            orders,
        })
    }

    async fn order(&self, order: impl FnOnce(Reply) -> Order) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .try_send(order(reply))
            .map_err(|error| match error {
                TrySendError::Full(_) => Failure::transient("the disk does not keep up"),
                TrySendError::Disconnected(_) => ended(),
            })?;
        answer
            .await
            .map_err(|_| ended())?
            .map_err(Failure::transient)
    }
}

fn ended() -> Failure {
    Failure::permanent("the thread that writes the file has ended")
}

impl Destination for File {
    /// A record: a line of JSON, or length and message; packed ones always with their length.
    fn encode(&self, signal: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let error = |error: &dyn std::fmt::Display| Failure::permanent(error.to_string());
        let mut content = match self.format {
            FileFormat::Proto => body.to_vec(),
            FileFormat::Json => {
                let mut text = Vec::with_capacity(body.len() * 2);
                json::from_wire(signal, &body, &mut text).map_err(|cause| error(&cause))?;
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
                    .packed(&content, 0)
                    .map_err(|cause| error(&cause))?
                    .into();
            }
        }
        let length = u32::try_from(content.len()).map_err(|cause| error(&cause))?;
        Ok([&length.to_be_bytes(), &content[..]].concat().into())
    }

    fn send(&self, _: Signal, record: Bytes) -> Attempt<'_> {
        Box::pin(async move {
            self.order(|reply| Order::Write { record, reply }).await?;
            Ok(Accepted::default())
        })
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if let Err(error) = self.order(|reply| Order::Flush { reply }).await {
                tracing::error!(error = error.message, "the file is not on the disk");
            }
        })
    }
}

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
fn work(mut writer: Writer, orders: &Receiver<Order>, interval: Duration) {
    loop {
        match orders.recv_timeout(interval) {
            Ok(order) => obey(&mut writer, order, orders),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Err(error) = writer.sync_when_due(interval) {
            tracing::error!(%error, "the file cannot be brought to the disk");
        }
    }
    if let Err(error) = writer.sync() {
        tracing::error!(%error, "the file cannot be brought to the disk");
    }
}

/// Carries out an order, together with those that wait behind it.
fn obey(writer: &mut Writer, first: Order, orders: &Receiver<Order>) {
    let (mut records, mut replies, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
    for order in std::iter::once(first).chain(orders.try_iter().take(TOGETHER_MAX - 1)) {
        match order {
            Order::Write { record, reply } => {
                records.push(record);
                replies.push(reply);
            }
            Order::Flush { reply } => flushes.push(reply),
        }
    }
    if !records.is_empty() {
        answer(replies, &writer.write(&records));
    }
    if !flushes.is_empty() {
        answer(flushes, &writer.sync());
    }
}

fn answer(replies: Vec<Reply>, result: &std::io::Result<()>) {
    for reply in replies {
        let result = result.as_ref().map_err(ToString::to_string);
        // Whoever asked may have gone.
        let _ = reply.send(result.copied());
    }
}
