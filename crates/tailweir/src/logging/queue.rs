//! Log lines on their way to where they go. Whoever logs never waits: a pipe that nobody reads, or a full disk, must not stop the
//! gateway.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait at most. Those that find no room are dropped, and counted.
const LINES_MAX: usize = 8_192;
/// Lines that wait together are written together, up to about so many bytes.
const BATCH_BYTES: usize = 64 << 10;
/// What waits at the end is given so long.
const END_MAX: Duration = Duration::from_secs(2);

/// Lines that were dropped.
pub(crate) const LINES_DROPPED: &str = "tailweir_log_lines_dropped";

enum Entry {
    Line(String),
    /// Everything before it is written when this is answered.
    End(Sender<()>),
}

/// Takes lines.
#[derive(Debug)]
pub(super) struct LineQueue {
    sender: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// Ends the queue: dropped, it waits until what was logged before is written, or for a while.
#[derive(Debug)]
pub(crate) struct LinesEnd(SyncSender<Entry>);

impl LineQueue {
    /// A queue in front of `print`, which gets whole lines, some together, on a thread of its own.
    pub(super) fn start(print: impl FnMut(&str) + Send + 'static) -> io::Result<(Self, LinesEnd)> {
        let (sender, receiver) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let missing = Arc::clone(&dropped);
        thread::Builder::new()
            .name("tailweir-log".to_owned())
            .spawn(move || write_out(&receiver, &missing, print))?;
        let end = LinesEnd(sender.clone());
        Ok((Self { sender, dropped }, end))
    }

    /// Puts a line behind those that wait, or drops it.
    pub(super) fn push(&self, line: String) {
        if self.sender.try_send(Entry::Line(line)).is_err() {
            self.dropped.fetch_add(1, Relaxed);
            metrics::counter!(LINES_DROPPED).increment(1);
        }
    }
}

fn write_out(receiver: &Receiver<Entry>, dropped: &AtomicU64, mut print: impl FnMut(&str)) {
    let mut text = String::new();
    while let Ok(first) = receiver.recv() {
        let mut next = Some(first);
        let mut ends = Vec::new();
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => text.push_str(&line),
                Entry::End(end) => ends.push(end),
            }
            next = (text.len() < BATCH_BYTES)
                .then(|| receiver.try_recv().ok())
                .flatten();
        }
        print(&text);
        text.clear();
        for end in ends {
            // Whoever waited may have given up.
            let _ = end.send(());
        }
        let lines = dropped.swap(0, Relaxed);
        if lines > 0 {
            tracing::warn!(
                lines,
                "log lines were dropped: they came faster than they can be written"
            );
        }
    }
}

impl Drop for LinesEnd {
    fn drop(&mut self) {
        let (sender, written) = channel();
        // A queue that is full now has an output that is stuck.
        if self.0.try_send(Entry::End(sender)).is_ok() {
            let _ = written.recv_timeout(END_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, LineQueue};
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::mpsc::channel;

    /// Scenario: the output takes nothing for a while, and more lines come than may wait; then it goes on.
    /// Guarantees: nobody who logs waits; the lines that found room come in their order, and the others are counted; what was logged
    /// before the end is written at the end.
    #[test]
    fn an_output_that_is_stuck_stops_nobody() {
        let (entered, is_stuck) = channel();
        let (release, released) = channel::<()>();
        let (printed, texts) = channel();
        let print = move |text: &str| {
            // They fail once the test lets go of the other ends.
            let _ = (
                entered.send(()),
                released.recv(),
                printed.send(text.to_owned()),
            );
        };
        let (queue, end) = LineQueue::start(print).unwrap();
        queue.push("first\n".to_owned());
        is_stuck.recv().unwrap();
        let wanted: Vec<_> = (0..LINES_MAX).map(|number| format!("{number}\n")).collect();
        for line in wanted.iter().chain(&wanted[..10]) {
            queue.push(line.clone());
        }
        assert_eq!(queue.dropped.load(Relaxed), 10);
        drop(release);
        let wanted = format!("first\n{}", wanted.concat());
        let mut all = String::new();
        while all.len() < wanted.len() {
            all.push_str(&texts.recv().unwrap());
        }
        assert_eq!(all, wanted);
        queue.push("last\n".to_owned());
        drop(end);
        assert_eq!(texts.try_recv().unwrap(), "last\n");
    }
}
