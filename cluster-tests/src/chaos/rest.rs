//! Waits until nobody holds anything: everything is decided and delivered, or lost.

use super::event::{Event, Milestone, Millis, Recovery};
use super::history::History;
use anyhow::Result;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);

/// Looks until `held` says that no spans are held any more, at most for `bound`; how long it took is in the history.
///
/// # Errors
/// Those of `held`. That a member does not answer is none: it says nothing.
pub(super) async fn rest(
    history: &History,
    bound: Duration,
    mut held: impl AsyncFnMut() -> Result<Option<i64>>,
) -> Result<()> {
    let start = history.now();
    let bound = bound.as_millis() as Millis;
    let took = loop {
        let took = history.now() - start;
        let spans = held().await?;
        if spans == Some(0) {
            break Some(took);
        }
        if took > bound {
            history.note(format!("held at last: {spans:?} spans"));
            break None;
        }
        tokio::time::sleep(POLL).await;
    };
    history.note(format!("at rest after {took:?} ms"));
    history.record(Event::Recovery(Recovery {
        milestone: Milestone::Decided,
        took,
        bound,
    }));
    Ok(())
}
