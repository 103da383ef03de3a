//! The `prometheus` exporter in a cluster: each stream is shown by one member.
//!
//! Bounded by what the gateway admits of requests. What no writer takes in time is refused to the client, or given
//! back to the batch that holds it.

use super::delivery::{Delivery, Own, moved, not_taken, table_of, taken};
use super::owned::OwnedSlots;
use super::{Bundle, Writer, joined, slot_of, slot_of_target};
use crate::ledger::Charge;
use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::{Exchangeable, Load, REQUEST_TIME, Returned, Seat, Stage};
use crate::refusal::Refusal;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_export::{Amount, LossReason, Scraped};
use tailweir_placement::{Epoch, RoutingTable};
use tailweir_transform::ClientContext;
use tokio::time::Instant;

/// Brings streams to the members that show them, and shows this member's own.
pub(crate) struct Exposing {
    seat: Arc<Seat>,
    /// The exporter of this process.
    next: Exchangeable,
    page: Mutex<PageOfMember>,
}

/// The series of the page, and the slots whose streams it shows by the table of this epoch.
struct PageOfMember {
    scraped: Arc<Scraped>,
    owned: OwnedSlots,
    epoch: Epoch,
}

impl Exposing {
    /// In front of this exporter, whose series these are.
    pub(crate) fn new(seat: Arc<Seat>, next: Arc<dyn Stage>, scraped: Arc<Scraped>) -> Arc<Self> {
        let table = seat.membership.table();
        let owned = OwnedSlots::of(&table, seat.membership.incarnation);
        show_only(&scraped, owned.clone());
        let page = PageOfMember {
            scraped,
            owned,
            epoch: table.epoch(),
        };
        Arc::new(Self {
            seat,
            next: Exchangeable::new(next),
            page: Mutex::new(page),
        })
    }

    /// In front of another exporter from here on.
    pub(crate) fn change(&self, next: Arc<dyn Stage>, scraped: Arc<Scraped>) {
        let mut page = self.page.lock();
        show_only(&scraped, page.owned.clone());
        page.scraped = scraped;
        self.next.exchange(next);
    }

    /// Its place in the cluster.
    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Brings a load to the writers of its streams. Where one refuses, a load that is held comes back with what is left of
    /// it, if this is the only way of its pipeline; otherwise the rest is lost, and counted, so that it does not stop the others.
    pub(crate) async fn send(&self, mut load: Load, is_only: bool) -> Result<(), Box<Returned>> {
        // The writers take their parts into the books themselves; a client that goes away while we wait must not leave a second
        // entry behind.
        let ticket = (!load.is_held).then(|| load.charge.split_off(u64::MAX).give_back());
        let own = Home {
            exposing: self,
            client: Arc::clone(&load.client),
        };
        let mut delivery = Delivery::new(&self.seat, Bundle::all_of(&load.body, &slot_of));
        let outcome = delivery.run(&own, Instant::now() + REQUEST_TIME).await;
        let elsewhere = delivery.elsewhere();
        self.seat.ledger.taken(Signal::Metrics, elsewhere);
        self.seat.ledger.handed_over(Signal::Metrics, elsewhere);
        if let Some(ticket) = ticket {
            load.charge.merge(ticket.take_up());
        }
        let Err(refusal) = outcome else {
            load.charge.give_back();
            return Ok(());
        };
        if !load.is_held {
            return Err(load.returned(refusal));
        }
        let (rest, amount) = joined(&delivery.into_open());
        let open = load.charge.split_off(amount.items);
        std::mem::replace(&mut load.charge, open).give_back();
        load.body = rest;
        if is_only {
            return Err(load.returned(refusal));
        }
        tracing::warn!(exporter = %self.seat.name, reason = %refusal, "streams found no writer and are lost");
        load.charge.lose(LossReason::RetriesExhausted);
        Ok(())
    }

    /// Takes a request of this member's own streams into its page.
    async fn show(
        &self,
        (body, amount): (Bytes, Amount),
        client: &Arc<ClientContext>,
    ) -> Result<(), Refusal> {
        let charge = Charge::take(&self.seat.ledger, Signal::Metrics, amount);
        let load = Load {
            client: Arc::clone(client),
            // A refusal comes back here.
            is_held: false,
            ..Load::held(Signal::Metrics, body, charge)
        };
        let shown = self.next.current().take(load).await;
        shown.map_err(|returned| {
            returned.load.charge.give_back();
            returned.refusal
        })
    }

    /// Whether these are this member's, by a table that it may not have looked at before.
    fn owns(&self, bundles: &[Bundle], table: &Arc<RoutingTable>) -> bool {
        self.learn(table);
        let page = self.page.lock();
        bundles.iter().all(|bundle| page.owned.has(bundle.slot))
    }

    async fn take(&self, part: OutgoingPart) -> Result<(), Brought> {
        let bundles = Bundle::of_part(&part, &slot_of).map_err(Brought::Refused)?;
        let table = table_of(&self.seat.membership, &part).await?;
        if !self.owns(&bundles, &table) {
            return Err(moved());
        }
        let (_, amount) = joined(&bundles);
        let nobody = Arc::default();
        let shown = self.show((part.spans, amount), &nobody);
        shown.await.map_err(Brought::Refused)
    }
}

/// Shows the streams of these slots alone.
fn show_only(scraped: &Scraped, owned: OwnedSlots) {
    scraped.show_only(move |key| owned.has(slot_of_target(key)));
}

impl Writer for Exposing {
    fn take_part(&self, part: OutgoingPart) -> BoxFuture<'_, Brought> {
        Box::pin(async move { self.take(part).await.err().unwrap_or_else(taken) })
    }

    /// Streams of slots that are another's now are shown here no longer.
    fn learn(&self, table: &Arc<RoutingTable>) {
        let mut page = self.page.lock();
        if table.epoch() <= page.epoch {
            return;
        }
        page.epoch = table.epoch();
        let newest = OwnedSlots::of(table, self.seat.membership.incarnation);
        if page.owned != newest {
            page.owned = newest.clone();
            show_only(&page.scraped, newest);
        }
    }
}

/// This member's own page, for the streams of one load.
struct Home<'a> {
    exposing: &'a Exposing,
    client: Arc<ClientContext>,
}

impl Own for Home<'_> {
    async fn take(&self, bundles: &[Bundle]) -> Result<(), Refusal> {
        let exposing = self.exposing;
        if !exposing.owns(bundles, &exposing.seat.membership.table()) {
            return Err(not_taken("its slots moved a moment ago"));
        }
        exposing.show(joined(bundles), &self.client).await
    }
}
