//! How a body comes in: without long pauses, and not too slowly.

use crate::refusal::Refusal;
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::Instant;

/// A client that sends nothing for this long in the middle of a body is cut off.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Bytes a second that have to come, on average, after a first [`IDLE_MAX`]. What has come is charged to the budget until all is
/// there: clients that never come to an end would keep all others out.
const RATE_MIN: u64 = 16 << 10;

/// The body of a request while it is read.
pub(super) struct Upload<'b, B> {
    body: &'b mut B,
    began: Instant,
    bytes: u64,
}

impl<'b, B> Upload<'b, B>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    /// Begins now.
    pub(super) fn new(body: &'b mut B) -> Self {
        Self {
            body,
            began: Instant::now(),
            bytes: 0,
        }
    }

    /// The next bytes of the body; nothing at its end. Trailers are passed over.
    ///
    /// # Errors
    ///
    /// [`Refusal::Incomplete`] when the client stalls, is too slow, or goes away.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = self.frame().await?;
            match frame.transpose() {
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.bytes += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
                Err(error) => {
                    return Err(Refusal::Incomplete {
                        detail: error.to_string(),
                    });
                }
            }
        }
    }

    /// The first five bytes, and what came with them.
    ///
    /// # Errors
    ///
    /// As [`Self::next`], and [`Refusal::BadFraming`].
    pub(super) async fn prefix(&mut self) -> Result<([u8; 5], Bytes), Refusal> {
        let mut prefix = [0; 5];
        let mut filled = 0;
        loop {
            let mut data = self.next().await?.ok_or(Refusal::BadFraming {
                detail: "there is no message",
            })?;
            let part = data.split_to(data.len().min(prefix.len() - filled));
            prefix[filled..filled + part.len()].copy_from_slice(&part);
            filled += part.len();
            if filled == prefix.len() {
                return Ok((prefix, data));
            }
        }
    }

    async fn frame(
        &mut self,
    ) -> Result<Option<Result<http_body::Frame<Bytes>, B::Error>>, Refusal> {
        let late = self.began + IDLE_MAX + Duration::from_secs(self.bytes / RATE_MIN);
        let stalled = Instant::now() + IDLE_MAX;
        let frame = tokio::time::timeout_at(late.min(stalled), self.body.frame()).await;
        frame.map_err(|_| Refusal::Incomplete {
            detail: if stalled <= late {
                format!("nothing came for {} s", IDLE_MAX.as_secs())
            } else {
                let seconds = self.began.elapsed().as_secs();
                format!("{} bytes in {seconds} s are too few", self.bytes)
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE_MAX, Upload};
    use crate::refusal::Refusal;
    use bytes::Bytes;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::convert::Infallible;
    use std::time::Duration;
    use tokio::time::Instant;

    /// Reads a body that comes in pieces of this size, so many, one each `interval`. Answers how much came, and after what time
    /// it was cut off.
    async fn read(size: usize, count: usize, interval: Duration) -> Result<usize, Duration> {
        let pieces = stream::unfold(0, |number| async move {
            tokio::time::sleep(interval).await;
            let piece = Bytes::from(vec![0; size]);
            (number < count).then_some((Ok::<_, Infallible>(Frame::data(piece)), number + 1))
        });
        let mut body = StreamBody::new(Box::pin(pieces));
        let began = Instant::now();
        let mut upload = Upload::new(&mut body);
        let mut read = 0;
        loop {
            match upload.next().await {
                Ok(Some(piece)) => read += piece.len(),
                Ok(None) => return Ok(read),
                Err(Refusal::Incomplete { .. }) => return Err(began.elapsed()),
                Err(refusal) => panic!("{refusal}"),
            }
        }
    }

    /// Scenario: a client sends four megabytes over four minutes; another a byte every now and then, without an end; one stops.
    /// Guarantees: the first is waited for, the others are cut off after the time for which anybody may be slow.
    #[tokio::test(start_paused = true)]
    async fn who_is_slow_is_waited_for_and_who_drips_is_not() {
        let second = Duration::from_secs(1);
        assert_eq!(read(16 << 10, 256, second).await, Ok(4 << 20));
        assert_eq!(read(1, 10_000, 7 * second).await, Err(IDLE_MAX));
        assert_eq!(read(1 << 20, 1, 100 * second).await, Err(IDLE_MAX));
    }
}
