//! The stream of a connection that has limits by what it does.

use super::activity::Activity;
use super::pings::{Frames, GOAWAY, PingPolicy, Pings};
use super::preface::{PREFACE, Rewound};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// A stream whose bytes are looked at as they pass.
pub(super) struct Watched {
    stream: Rewound,
    /// Told of bytes over HTTP/1.
    activity: Option<Arc<Activity>>,
    /// Checks pings over HTTP/2.
    guard: Option<Guard>,
}

/// Follows the frames of both directions.
struct Guard {
    pings: Pings,
    activity: Arc<Activity>,
    incoming: Frames,
    outgoing: Frames,
    /// How much of the last frame is out, once there were too many pings.
    farewell: Option<usize>,
}

impl Watched {
    /// A stream of HTTP/1.
    pub(super) fn http1(stream: Rewound, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity: Some(activity),
            guard: None,
        }
    }

    /// A stream of HTTP/2; clients may ping as `policy` says, or as they like.
    pub(super) fn http2(
        stream: Rewound,
        activity: &Arc<Activity>,
        policy: Option<PingPolicy>,
    ) -> Self {
        let guard = policy.map(|policy| Guard {
            pings: Pings::new(policy),
            activity: Arc::clone(activity),
            incoming: Frames::after(PREFACE.len()),
            outgoing: Frames::after(0),
            farewell: None,
        });
        Self {
            stream,
            activity: None,
            guard,
        }
    }
}

impl Guard {
    fn received(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.incoming.next(&mut bytes) {
            let is_busy = self.activity.is_busy();
            if frame.is_ping() && self.pings.came(Instant::now(), is_busy) {
                // In the middle of a frame nothing can be said any more.
                let said = !self.outgoing.is_between();
                self.farewell = Some(if said { GOAWAY.len() } else { 0 });
            }
        }
    }

    fn sent(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.outgoing.next(&mut bytes) {
            if frame.is_content() {
                self.pings.answered();
            }
        }
    }

    /// Says why, then fails, once there were too many pings; nothing before.
    fn poll_farewell(
        &mut self,
        stream: &mut Rewound,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(said) = &mut self.farewell else {
            return Poll::Ready(Ok(()));
        };
        while *said < GOAWAY.len() {
            *said += ready!(Pin::new(&mut *stream).poll_write(context, &GOAWAY[*said..]))?;
        }
        ready!(Pin::new(stream).poll_flush(context))?;
        Poll::Ready(Err(io::Error::other("the client pings too often")))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(guard) = &mut this.guard {
            ready!(guard.poll_farewell(&mut this.stream, context))?;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let bytes = &buffer.filled()[before..];
        if let Some(activity) = &this.activity
            && !bytes.is_empty()
        {
            activity.heard();
        }
        if let Some(guard) = &mut this.guard {
            guard.received(bytes);
            return guard.poll_farewell(&mut this.stream, context);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(guard) = &mut this.guard else {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        };
        ready!(guard.poll_farewell(&mut this.stream, context))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes))?;
        guard.sent(&bytes[..written]);
        Poll::Ready(Ok(written))
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
        let this = &mut *self;
        let Some(guard) = &mut this.guard else {
            return Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        };
        ready!(guard.poll_farewell(&mut this.stream, context))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, parts))?;
        let mut rest = written;
        for part in parts {
            let taken = rest.min(part.len());
            guard.sent(&part[..taken]);
            rest -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
