//! Panics of tasks: tokio keeps them to itself.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// The first of this thread, on which all of a simulation runs.
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on panics are seen.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            FIRST.with_borrow_mut(|first| {
                first.get_or_insert_with(|| info.to_string());
            });
            before(info);
        }));
    });
    take();
}

/// The first panic since this was asked last.
pub(super) fn take() -> Option<String> {
    FIRST.take()
}
