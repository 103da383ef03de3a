//! Reads the first bytes of a connection: is it HTTP/2, and does it speak at all?

use super::connection::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 client sends first.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes were looked at.
pub(super) struct Opening {
    /// Whether it began with the preface of HTTP/2.
    pub(super) is_http2: bool,
    /// The stream, from its first byte on.
    pub(super) stream: Rewound,
}

/// Reads until it is clear what the client speaks. The caller puts a time limit on it.
///
/// # Errors
///
/// Those of the stream, and `UnexpectedEof` when it ends before its first byte.
pub(super) async fn read_opening(mut stream: Box<dyn Stream>) -> io::Result<Opening> {
    let mut first = [0; PREFACE.len()];
    let mut filled = 0;
    while filled < first.len() && PREFACE.starts_with(&first[..filled]) {
        let read = stream.read(&mut first[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
    }
    Ok(Opening {
        is_http2: first == *PREFACE,
        stream: Rewound {
            first,
            next: 0,
            filled,
            stream,
        },
    })
}

/// A stream that gives the bytes that were looked at once more.
pub(super) struct Rewound {
    first: [u8; PREFACE.len()],
    next: usize,
    filled: usize,
    stream: Box<dyn Stream>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.next < self.filled {
            let length = buffer.remaining().min(self.filled - self.next);
            buffer.put_slice(&self.first[self.next..self.next + length]);
            self.next += length;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
