//! The `batch` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

settings! {
    /// Puts telemetry together into larger requests.
    pub struct Batch {
        /// Longest time that something waits for its batch to fill. Zero: everything goes at once,
        /// split by `send_batch_max_size`.
        timeout: Duration = Duration::from_millis(200),
        /// The number of spans, data points or log records at which a batch is sent.
        send_batch_size: u32 = 8192,
        /// The number above which a batch is split. 0: never.
        send_batch_max_size: u32 = 0,
        /// Names of metadata whose values get batches of their own. Any case.
        metadata_keys: Vec<String> = Vec::new(),
        /// Most combinations of such values. 0: no limit.
        metadata_cardinality_limit: u32 = 1000,
    }
    rules batch_rules;
}

fn batch_rules(batch: &mut Batch, block: &mut Block<'_>, report: &mut Report) {
    if batch.send_batch_max_size > 0 && batch.send_batch_max_size < batch.send_batch_size {
        let text = format!(
            "`send_batch_max_size` ({}) is below `send_batch_size` ({})",
            batch.send_batch_max_size, batch.send_batch_size
        );
        let fix = "raise `send_batch_max_size`, or lower `send_batch_size` (8192 when not written)";
        report.error_at(
            block.at("send_batch_max_size"),
            Cause::Contradiction,
            text,
            fix,
        );
    }
    refuse_twice(&batch.metadata_keys, block, report);
}

/// Refuses `metadata_keys` in which a name is twice.
pub(super) fn refuse_twice(metadata_keys: &[String], block: &Block<'_>, report: &mut Report) {
    let lower: Vec<String> = metadata_keys.iter().map(|key| key.to_lowercase()).collect();
    for (index, place) in block.items("metadata_keys").enumerate() {
        if index < lower.len() && lower[..index].contains(&lower[index]) {
            let text = format!(
                "`{}` is twice in `metadata_keys` (in any case of letters)",
                lower[index]
            );
            report.error_at(place, Cause::Contradiction, text, "remove one");
        }
    }
}
