//! Reads request bodies into memory that was charged for first.

use super::compression::{Compression, OFFLOAD, SizeLimit, decompress};
use super::upload::Upload;
use crate::admission::{Admission, Permit};
use crate::buffer::{BufferPool, PooledBuffer};
use crate::refusal::Refusal;
use bytes::Bytes;
use http_body::Body;
use std::sync::Arc;
use std::time::Duration;

/// What is charged before the first byte of a body, where it is longer. The rest is charged as it
/// comes, so that a client that announces much and sends little does not keep others out.
const STEP: u64 = 64 << 10;

/// What bodies are read with.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// The budget.
    pub(crate) admission: Arc<Admission>,
    /// Where buffers come from.
    pub(crate) buffers: Arc<BufferPool>,
    /// The receiver's limit.
    pub(crate) limit: SizeLimit,
}

/// Bytes in memory, and the charge for them.
#[derive(Debug)]
pub(crate) struct Charged {
    /// The bytes.
    pub(crate) body: Bytes,
    /// Dropped when the bytes are no longer needed.
    pub(crate) permit: Permit,
}

impl Reading {
    /// Reads a whole HTTP body, of `length` bytes where the client said so.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooLarge`], [`Refusal::Full`], or [`Refusal::Incomplete`] when the client stalls or
    /// goes away.
    pub(crate) async fn whole<B>(
        &self,
        body: &mut B,
        length: Option<u64>,
    ) -> Result<Charged, Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        if length.is_some_and(|length| length > self.limit.bytes as u64) {
            return Err(self.limit.passed());
        }
        let announced = length.unwrap_or(0);
        let mut permit = self.admission.take_first(announced.min(STEP), announced)?;
        let mut upload = Upload::new(body);
        let Some(first) = upload.next().await? else {
            return Ok(Charged {
                body: Bytes::new(),
                permit,
            });
        };
        if length == Some(first.len() as u64) {
            permit.grow_to(first.len() as u64)?;
            return Ok(Charged {
                body: first,
                permit,
            });
        }
        let mut buffer = self.buffers.take();
        let mut next = Some(first);
        while let Some(data) = next {
            let size = buffer.vec().len() + data.len();
            if size > self.limit.bytes {
                return Err(self.limit.passed());
            }
            permit.grow_to(size as u64)?;
            buffer.vec().extend_from_slice(&data);
            next = upload.next().await?;
        }
        Ok(Charged {
            body: buffer.freeze(),
            permit,
        })
    }

    /// Reads the one message of a unary gRPC request: a flag, four bytes of length, the message.
    /// Returns it and whether it is compressed.
    ///
    /// # Errors
    ///
    /// As [`Self::whole`], and [`Refusal::BadFraming`].
    pub(crate) async fn message<B>(&self, body: &mut B) -> Result<(Charged, bool), Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let mut upload = Upload::new(body);
        let (prefix, rest) = upload.prefix().await?;
        let [flag, length @ ..] = prefix;
        let length = u32::from_be_bytes(length) as usize;
        if flag > 1 {
            return Err(Refusal::BadFraming {
                detail: "the compression flag is neither 0 nor 1",
            });
        }
        if length > self.limit.bytes {
            return Err(self.limit.passed());
        }
        let announced = length as u64;
        let mut permit = self.admission.take_first(announced.min(STEP), announced)?;
        let message = if rest.len() == length {
            permit.grow_to(length as u64)?;
            rest
        } else {
            self.rest_of_message(&mut upload, rest, length, &mut permit)
                .await?
        };
        if upload.next().await?.is_some_and(|data| !data.is_empty()) {
            return Err(TRAILING);
        }
        let charged = Charged {
            body: message,
            permit,
        };
        Ok((charged, flag == 1))
    }

    async fn rest_of_message<B>(
        &self,
        upload: &mut Upload<'_, B>,
        first: Bytes,
        length: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let mut buffer = self.buffers.take();
        let mut next = first;
        loop {
            let size = buffer.vec().len() + next.len();
            if size > length {
                return Err(TRAILING);
            }
            permit.grow_to(size as u64)?;
            buffer.vec().extend_from_slice(&next);
            if buffer.vec().len() == length {
                return Ok(buffer.freeze());
            }
            next = upload.next().await?.ok_or(Refusal::BadFraming {
                detail: "the message is shorter than its length",
            })?;
        }
    }

    /// Decompresses a body that was read. Large ones are worked on off the runtime's threads.
    ///
    /// # Errors
    ///
    /// As [`decompress`].
    pub(crate) async fn decompressed(
        &self,
        compression: Compression,
        charged: Charged,
    ) -> Result<Charged, Refusal> {
        let (limit, buffer) = (self.limit, self.buffers.take());
        if charged.body.len() <= OFFLOAD {
            return expand(compression, charged, limit, buffer);
        }
        tokio::task::spawn_blocking(move || expand(compression, charged, limit, buffer))
            .await
            .unwrap_or(Err(Refusal::Interrupted {
                part: "the decompressor",
            }))
    }
}

const TRAILING: Refusal = Refusal::BadFraming {
    detail: "more than one message in a unary request",
};

fn expand(
    compression: Compression,
    mut charged: Charged,
    limit: SizeLimit,
    mut buffer: PooledBuffer,
) -> Result<Charged, Refusal> {
    decompress(
        compression,
        &charged.body,
        limit,
        &mut charged.permit,
        buffer.vec(),
    )?;
    charged.body = buffer.freeze();
    Ok(charged)
}

/// Reads on and throws away, so that the client comes to read the answer: at most 32 MiB, at most 5 s.
pub(crate) async fn discard<B>(body: &mut B)
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    const BYTES_MAX: usize = 32 << 20;
    const TIME_MAX: Duration = Duration::from_secs(5);
    let mut upload = Upload::new(body);
    let reading = async {
        let mut discarded = 0;
        while discarded < BYTES_MAX
            && let Ok(Some(data)) = upload.next().await
        {
            discarded += data.len();
        }
    };
    // Whoever takes longer does not get to read the answer.
    let _ = tokio::time::timeout(TIME_MAX, reading).await;
}
