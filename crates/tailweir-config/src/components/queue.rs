//! The queue in front of an exporter, and its retries.

use super::batch::refuse_twice;
use crate::ComponentId;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::time::Duration;

choice! {
    /// In what a queue or batch is measured.
    pub enum Sizer = Requests {
        /// In requests.
        Requests = "requests",
        /// In spans, data points or log records.
        Items = "items",
        /// In bytes of OTLP.
        Bytes = "bytes",
    }
}

settings! {
    /// The queue in front of an exporter.
    pub struct SendingQueue {
        /// Whether there is a queue. Without one, a request waits for its own export.
        enabled: bool = true,
        /// How many exports run at once.
        num_consumers: i64 = 10,
        /// Most that is queued, in `sizer`.
        queue_size: i64 = 1000,
        /// In what `queue_size` is measured.
        sizer: Sizer = Sizer::Requests,
        /// When the queue is full: true makes the sender wait, false refuses.
        block_on_overflow: bool = false,
        /// Answer the sender when the export is done, not when it is queued.
        wait_for_result: bool = false,
        /// Put requests together before they are exported. Absent: each goes by itself.
        batch: Option<QueueBatch> = None,
        /// The `file_storage` extension in whose directory the queue is kept, so that it survives the process. Absent: in
        /// memory.
        storage: Option<ComponentId> = None,
    }
    rules queue_rules;
}

impl SendingQueue {
    /// The extension that keeps it; nothing where it is in memory, or there is none.
    #[must_use]
    pub fn kept_by(&self) -> Option<&ComponentId> {
        self.storage.as_ref().filter(|_| self.enabled)
    }
}

fn queue_rules(queue: &mut SendingQueue, block: &mut Block<'_>, report: &mut Report) {
    if !queue.enabled {
        return;
    }
    block.require_positive("queue_size", queue.queue_size, report);
    block.require_positive("num_consumers", queue.num_consumers, report);
    if queue.wait_for_result && queue.storage.is_some() {
        let text = "`wait_for_result` and `storage` exclude each other";
        let fix = "remove `wait_for_result`: the sender is answered when the request is on disk";
        let place = block.at("wait_for_result");
        report.error_at(place, Cause::Contradiction, text, fix);
    }
    let Some(batch) = &mut queue.batch else {
        return;
    };
    if batch.sizer.is_none() && queue.sizer != Sizer::Requests {
        batch.sizer = Some(queue.sizer);
    }
    let same = batch.sizer.unwrap_or(Sizer::Items) == queue.sizer;
    let measured = batch.sizer != Some(Sizer::Requests);
    if measured && same && batch.min_size > queue.queue_size {
        let text = "`batch.min_size` is above `queue_size`: a batch could never fill";
        report.error_at(
            block.at("batch"),
            Cause::Contradiction,
            text,
            "raise `queue_size`",
        );
    }
}

settings! {
    /// How requests are put together before they are exported.
    pub struct QueueBatch {
        /// Longest time that something waits for its batch to fill.
        flush_timeout: Duration = Duration::from_millis(200),
        /// The size at which a batch is exported, in `sizer`.
        min_size: i64 = 8192,
        /// The size above which a batch is split, in `sizer`. 0: never.
        max_size: i64 = 0,
        /// In what the sizes are measured: `items` or `bytes`. Absent: that of the queue, or items.
        sizer: Option<Sizer> = None,
        /// Which clients' requests are put together. Not written: those of all, where nobody asks who they were.
        partition: QueuePartition = QueuePartition::default(),
    }
    present_when_empty true;
    rules queue_batch_rules;
}

settings! {
    /// What is put together and what is not.
    pub struct QueuePartition {
        /// Names of metadata whose values get batches of their own. Any case.
        metadata_keys: Vec<String> = Vec::new(),
    }
    rules partition_rules;
}

fn partition_rules(partition: &mut QueuePartition, block: &mut Block<'_>, report: &mut Report) {
    refuse_twice(&partition.metadata_keys, block, report);
}

fn queue_batch_rules(batch: &mut QueueBatch, block: &mut Block<'_>, report: &mut Report) {
    block.reject_negative("min_size", batch.min_size, report);
    block.reject_negative("max_size", batch.max_size, report);
    if batch.max_size > 0 && batch.max_size < batch.min_size {
        let text = format!(
            "`max_size` ({}) is below `min_size` ({})",
            batch.max_size, batch.min_size
        );
        report.error_at(
            block.at("max_size"),
            Cause::Contradiction,
            text,
            "raise `max_size`",
        );
    }
    if batch.flush_timeout.is_zero() {
        let text = "`flush_timeout` must be above zero";
        report.error_at(block.at("flush_timeout"), Cause::OutOfRange, text, "");
    }
    if batch.sizer == Some(Sizer::Requests) {
        let text = "a batch is measured in `items` or `bytes`";
        report.error_at(block.at("sizer"), Cause::NotAllowed, text, "");
    }
}

settings! {
    /// What happens when an export fails and may be tried again.
    pub struct RetryOnFailure {
        /// Whether it is tried again.
        enabled: bool = true,
        /// Time before the second attempt.
        initial_interval: Duration = Duration::from_secs(5),
        /// Share by which each time is drawn at random, 0 to 1.
        randomization_factor: f64 = 0.5,
        /// Factor by which the time grows after each attempt.
        multiplier: f64 = 1.5,
        /// Longest time between two attempts.
        max_interval: Duration = Duration::from_secs(30),
        /// Time after which it is given up. Zero: never.
        max_elapsed_time: Duration = Duration::from_secs(300),
    }
    rules retry_rules;
}

fn retry_rules(retry: &mut RetryOnFailure, block: &mut Block<'_>, report: &mut Report) {
    if !retry.enabled {
        return;
    }
    if !(0.0..=1.0).contains(&retry.randomization_factor) {
        let text = "`randomization_factor` must be from 0 to 1";
        report.error_at(
            block.at("randomization_factor"),
            Cause::OutOfRange,
            text,
            "",
        );
    }
    if retry.multiplier < 0.0 || retry.multiplier.is_nan() {
        let text = "`multiplier` must not be negative";
        report.error_at(block.at("multiplier"), Cause::OutOfRange, text, "");
    }
    if retry.max_elapsed_time.is_zero() {
        return;
    }
    let intervals = [
        ("initial_interval", retry.initial_interval),
        ("max_interval", retry.max_interval),
    ];
    let exceeding = intervals
        .iter()
        .find(|(_, interval)| retry.max_elapsed_time < *interval);
    if let Some((key, _)) = exceeding {
        let text = format!("`max_elapsed_time` is below `{key}`");
        let place = block.at("max_elapsed_time");
        report.error_at(place, Cause::Contradiction, text, "raise it");
    }
}
