//! The metrics of a process in its cluster, published once a second.

use super::Membership;
use super::page::{SlotsPage, phase_word, tenures_of_all};
use std::sync::Arc;
use std::time::Duration;
use tailweir_gateway::{Metric, MetricKind, MetricReference};
use tailweir_placement::{Epoch, Phase};
use tokio_util::sync::CancellationToken;

const PERIOD: Duration = Duration::from_secs(1);

macro_rules! measures {
    ($($constant:ident = $name:literal, $unit:literal, [$($label:literal),*], $about:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Each of them, for the documents. All are gauges.
        pub(crate) const fn measure_reference() -> &'static [MetricReference] {
            &[$(MetricReference {
                name: $name,
                kind: MetricKind::Gauge,
                unit: $unit,
                labels: &[$($label),*],
                description: $about,
            },)*]
        }
    };
}

measures! {
    CONNECTED = "tailweir_cluster_connected", "1", [],
        "Whether a controller answers this process.";
    EPOCH = "tailweir_cluster_epoch", "1", [],
        "The routing table that this process works by.";
    INCARNATION = "tailweir_cluster_incarnation", "1", [],
        "The life that the controllers gave this sampler; 0 before.";
    MEMBERS = "tailweir_cluster_members", "{members}", ["phase"],
        "Samplers in the routing table.";
    UNSETTLED = "tailweir_cluster_slots_unsettled", "{slots}", [],
        "Slots that are not owned by one tenure with all its copies in step.";
    OUT_OF_STEP = "tailweir_cluster_tenures_out_of_step", "{tenures}", [],
        "Tenures of all samplers that have no copy in step, or wait for a member that does not answer.";
    CLOSING = "tailweir_cluster_tenures_closing", "{tenures}", [],
        "Tenures of all samplers that take no new traces and are not done.";
    LOST = "tailweir_cluster_tenures_lost", "{tenures}", [],
        "Tenures that were given up with what they held, since the cluster began; absent before the first routing table.";
    TENURES = "tailweir_cluster_tenures", "{tenures}", ["state"],
        "Tenures of this sampler: owned, closing, copied, catching_up.";
    POLICIES = "tailweir_cluster_policies_revision", "1", [],
        "Revision of the policies that the controllers gave; 0 before the first.";
    LEADER = "tailweir_cluster_leader", "1", [],
        "On a controller: the id of the leader, 0 when it hears none.";
    LEADS = "tailweir_cluster_leads", "1", [],
        "On a controller: whether it leads.";
    TERM = "tailweir_cluster_term", "1", [],
        "On a controller: the term of Raft, which counts elections.";
    APPLIED = "tailweir_cluster_log_applied", "{entries}", [],
        "On a controller: number of the last entry of the log that it carried out.";
    LOG_BYTES = "tailweir_cluster_log_bytes", "By", [],
        "On a controller: size of the log's file.";
}

/// Publishes for a process that waits for the controllers, and takes nothing before, until `stop`.
pub(crate) async fn publish_waiting(membership: Arc<Membership>, stop: CancellationToken) {
    gauge(Metric::Ready.reference().name, 0);
    publish(membership, stop).await;
}

/// Publishes until `stop`.
pub(crate) async fn publish(membership: Arc<Membership>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => publish_once(&membership),
            () = stop.cancelled() => return,
        }
    }
}

fn publish_once(membership: &Membership) {
    let client = &membership.client;
    let table = client.table().borrow().clone();
    let member = membership.incarnation();
    gauge(CONNECTED, u64::from(*client.connection().borrow()));
    gauge(EPOCH, table.epoch().0);
    gauge(INCARNATION, member.map_or(0, |member| member.0));
    for phase in [
        Phase::Joining,
        Phase::Active,
        Phase::Draining,
        Phase::Evacuating,
        Phase::Down,
        Phase::Removed,
    ] {
        let members = table.members().filter(|(_, member)| member.phase == phase);
        labelled(MEMBERS, "phase", phase_word(phase), members.count() as u64);
    }
    let slots = SlotsPage::of(&table, membership.settings.replication);
    gauge(UNSETTLED, slots.unsettled as u64);
    gauge(OUT_OF_STEP, slots.out_of_step as u64);
    gauge(CLOSING, slots.closing as u64);
    if table.epoch() > Epoch::default() {
        // A process that has just started would tell of none, and then of all at once.
        gauge(LOST, slots.lost);
    }
    let tenures = tenures_of_all(&table);
    let own = member.and_then(|member| tenures.get(&member).copied());
    let own = own.unwrap_or_default();
    for (state, count) in [
        ("owned", own.owned),
        ("closing", own.closing),
        ("copied", own.copied),
        ("catching_up", own.catching_up),
    ] {
        labelled(TENURES, "state", state, count as u64);
    }
    let policies = client.policies();
    let revision = policies.borrow().as_ref().map_or(0, |known| known.revision);
    gauge(POLICIES, revision);
    if let Some(controller) = &membership.controller {
        let status = controller.status();
        gauge(LEADER, status.leader);
        gauge(
            LEADS,
            u64::from(status.id > 0 && status.id == status.leader),
        );
        gauge(TERM, status.term);
        gauge(APPLIED, status.last_applied);
        gauge(LOG_BYTES, status.log_bytes);
    }
}

fn gauge(name: &'static str, value: u64) {
    metrics::gauge!(name).set(value as f64);
}

fn labelled(name: &'static str, label: &'static str, word: &'static str, value: u64) {
    metrics::gauge!(name, label => word).set(value as f64);
}
