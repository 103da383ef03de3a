//! Panics as log lines.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook};

/// From here on a panic is an error in the log, in the log's encoding and wherever the log goes, instead of text on standard
/// error. With `RUST_BACKTRACE=1` the line has the calls that led to it.
pub(super) fn log_them() {
    set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("without a message");
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("an unknown place");
    let calls = Backtrace::capture();
    if calls.status() == BacktraceStatus::Captured {
        tracing::error!(%calls, "a task panicked at {place}: {what}");
    } else {
        tracing::error!("a task panicked at {place}: {what}");
    }
}
