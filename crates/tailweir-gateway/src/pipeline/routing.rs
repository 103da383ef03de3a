//! The `routing` connector as the end of a pipeline.

use super::{Load, Returned, Stage, Taken, WaysTaken};
use crate::ledger::DropReason;
use crate::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_connect::{Portion, Routed, Routing};
use tailweir_export::LossReason;
use xxhash_rust::xxh3::xxh3_64;

/// Sends parts of loads to pipelines.
///
/// A load of which no target has taken a part comes back whole, and remembers which pipelines of the target that refused it have
/// theirs. Once one has, what the others refuse is lost and counted when the load was held, and refused to the client,
/// who sends all of it again, when it was not: as at any end of a pipeline with several ways.
pub(crate) struct Routes {
    routing: Arc<Routing>,
    /// By number of the target.
    targets: Vec<Arc<dyn Stage>>,
    /// What targets are called, by their numbers.
    names: Vec<String>,
    figures: Arc<RouteFigures>,
}

/// What a routing connector counts.
#[derive(Debug, Default)]
pub(crate) struct RouteFigures {
    /// Items that were brought.
    pub(crate) received: AtomicU64,
    /// Items that no route wanted.
    pub(crate) unrouted: AtomicU64,
    /// Items of requests that could not be routed.
    pub(crate) failed: AtomicU64,
}

impl Routes {
    /// These routes, with a stage for each of their targets.
    pub(crate) fn new(
        routing: Arc<Routing>,
        targets: Vec<Arc<dyn Stage>>,
        figures: Arc<RouteFigures>,
    ) -> Self {
        debug_assert_eq!(routing.targets().len(), targets.len());
        let names = routing.targets().iter().map(|pipelines| {
            let ids: Vec<String> = pipelines.iter().map(ToString::to_string).collect();
            ids.join(" ")
        });
        Self {
            names: names.collect(),
            routing,
            targets,
            figures,
        }
    }

    async fn route(&self, load: Load) -> Result<(), Box<Returned>> {
        let items = load.charge.amount().items;
        let routed = self.routing.route(load.signal, &load.body, &load.client);
        let routed = match routed {
            Ok(routed) => routed,
            Err(error) => return self.give_up(load, error.to_string()),
        };
        let unrouted = routed.unrouted;
        match routed.portions.as_slice() {
            // All of it goes one way, in its own buffer.
            [portion] if unrouted == 0 => self.targets[portion.target].take(load).await?,
            [] => load.charge.drop_as(DropReason::NotRouted),
            _ => self.send_parts(load, routed).await?,
        }
        self.figures.received.fetch_add(items, Relaxed);
        self.figures.unrouted.fetch_add(unrouted, Relaxed);
        Ok(())
    }

    /// Sends each portion to its target. An item that goes two ways is a copy.
    async fn send_parts(&self, mut load: Load, routed: Routed) -> Result<(), Box<Returned>> {
        let total = routed
            .portions
            .iter()
            .map(|portion| portion.items)
            .sum::<u64>();
        let whole = load.charge.amount().items;
        let repeated = load
            .charge
            .repeat((total + routed.unrouted).saturating_sub(whole));
        let mut is_untouched = true;
        for portion in routed.portions {
            let part = self.part(&mut load, &portion);
            let Err(returned) = self.targets[portion.target].take(part).await else {
                is_untouched = false;
                continue;
            };
            let Returned {
                load: part,
                refusal,
            } = *returned;
            if load.is_held && !is_untouched {
                part.charge.lose(LossReason::QueueFull);
                continue;
            }
            load.charge.merge(part.charge);
            if is_untouched {
                load.charge.undo_repeat(repeated);
            }
            if !part.ways_taken.is_empty() {
                let name = self.part_name(&portion);
                load.ways_taken.add_within(&name, part.ways_taken);
            }
            return Err(load.returned(refusal));
        }
        load.charge.drop_as(DropReason::NotRouted);
        Ok(())
    }

    /// Takes a part off, for its target.
    fn part(&self, load: &mut Load, portion: &Portion) -> Load {
        let mut ways_taken = WaysTaken::default();
        if !load.ways_taken.is_empty() {
            ways_taken = load.ways_taken.take_within(&self.part_name(portion));
        }
        Load {
            signal: load.signal,
            body: portion.body.clone(),
            charge: load.charge.split_off(portion.items),
            client: Arc::clone(&load.client),
            permit: None,
            is_held: load.is_held,
            scanned: None,
            ways_taken,
        }
    }

    /// By what name a load remembers who has taken this part of it. What is in the part belongs to it: after a reload other
    /// items may go to the same target.
    fn part_name(&self, portion: &Portion) -> String {
        let content = xxh3_64(&portion.body);
        format!("{} {content:016x}", self.names[portion.target])
    }

    fn give_up(&self, load: Load, detail: String) -> Result<(), Box<Returned>> {
        self.figures
            .failed
            .fetch_add(load.charge.amount().items, Relaxed);
        if load.is_held {
            tracing::error!(%detail, "held items could not be routed and are lost");
            load.charge.lose(LossReason::PermanentError);
            return Ok(());
        }
        Err(load.returned(Refusal::Impossible { detail }))
    }
}

impl Stage for Routes {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.route(load))
    }
}
