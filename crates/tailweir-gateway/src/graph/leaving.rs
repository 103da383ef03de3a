//! Samplers that a change has taken out of service, and that stay for other members of a cluster.
//!
//! Members hear of a change one after the other. Whoever hears of it decides what it holds, and has that confirmed by the second
//! member, which may have heard of it before and have nothing to decide any more.

use crate::pipeline::{Sampler, TraceAware};
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Those of one change; none where the process is alone. Other members reach them until this is dropped.
#[derive(Default)]
pub(super) struct Leaving {
    samplers: Vec<Arc<Sampler>>,
    trace_aware: Vec<Arc<TraceAware>>,
}

impl Leaving {
    /// This one is out of service.
    pub(super) fn add(&mut self, sampler: &Arc<Sampler>) {
        if let Some(seat) = sampler.seat() {
            seat.membership.retire(&seat.name);
            self.samplers.push(Arc::clone(sampler));
        }
    }

    /// This one, of logs, is out of service.
    pub(super) fn add_trace_aware(&mut self, sampler: &Arc<TraceAware>) {
        if let Some(seat) = sampler.seat() {
            seat.membership.retire(&seat.name);
            self.trace_aware.push(Arc::clone(sampler));
        }
    }

    /// Whether the sampler stays.
    pub(super) fn has(&self, sampler: &Arc<Sampler>) -> bool {
        let mut samplers = self.samplers.iter();
        samplers.any(|leaving| Arc::ptr_eq(leaving, sampler))
    }

    /// They stay until the deadline, or until `end`; then they are gone, with what they hold.
    pub(super) async fn stay(self, deadline: Instant, end: &CancellationToken) {
        if self.samplers.is_empty() && self.trace_aware.is_empty() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            () = end.cancelled() => {}
        }
        for sampler in &self.samplers {
            for shard in sampler.shards() {
                shard.close().await;
            }
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        for sampler in &self.samplers {
            if let Some(seat) = sampler.seat() {
                seat.membership.forget(&seat.name, sampler);
            }
        }
        for sampler in &self.trace_aware {
            if let Some(seat) = sampler.seat() {
                seat.membership.forget_trace_aware(&seat.name, sampler);
            }
        }
    }
}
