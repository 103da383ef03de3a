//! The mark of the threads that send own telemetry.

use std::cell::Cell;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Nothing that happens on this thread is told from here on.
pub(crate) fn mark() {
    IS_QUIET.set(true);
}

/// Whether what happens here is not told.
pub(crate) fn is_here() -> bool {
    IS_QUIET.get()
}
