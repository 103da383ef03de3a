//! How samplers come and go.

use crate::workbench::{Cluster, is_settled, table, within};
use std::sync::Arc;
use std::time::Duration;
use tailweir_control::{Client, ControlError, Departure};
use tailweir_placement::{MemberName, Phase, RoutingTable};

fn phase(table: &RoutingTable, name: &str) -> Option<Phase> {
    let mut members = table.members();
    let found = members.find(|(known, _)| known.as_str() == name);
    found.map(|(_, member)| member.phase)
}

fn leaving(table: &RoutingTable) -> usize {
    let members = table.members();
    members
        .filter(|(_, member)| matches!(member.phase, Phase::Draining | Phase::Evacuating))
        .count()
}

/// Scenario: three samplers register together.
/// Guarantees: they get their slots in one change, each slot with its copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samplers_that_come_together_get_slots_together() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b", "c"]).await;
    let settled = table(&samplers[0], |table| is_settled(table, 3)).await;
    // Three registrations and a rebalance.
    assert_eq!(settled.epoch().0, 4);
    cluster.stop_all().await;
}

/// Scenario: one of three samplers ends without a word.
/// Guarantees: once its lease ran out it is down, and others have taken over all that it had; when it comes back it is a
/// new incarnation and gets slots again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_that_is_silent_is_replaced() {
    let mut cluster = Cluster::new(1).await.with_lease(Duration::from_secs(1));
    cluster.start_all().await;
    let samplers = cluster.samplers(&["a", "b", "c"]).await;
    let lost = samplers[2].incarnation().borrow().unwrap();
    samplers[2].stop().await;
    let repaired = table(&samplers[0], |table| {
        let mut runs = table.rows().runs().iter();
        phase(table, "c") == Some(Phase::Down)
            && !table.names(lost)
            && runs.all(|run| run.tenures.current().second.replica().is_some())
    })
    .await;
    assert_eq!(repaired.tenures_lost(), 0);
    let again = cluster.sampler("c");
    table(&again, |table| is_settled(table, 3)).await;
    assert!(again.incarnation().borrow().unwrap() > lost);
    cluster.stop_all().await;
}

/// Scenario: two of four samplers stop at the same time; somebody watches.
/// Guarantees: no table has two that drain; each leaves when no row names it, and is gone; two are left with all slots.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samplers_leave_one_at_a_time() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b", "c", "d"]).await;
    let watcher = cluster.watcher(None);
    table(&watcher, |table| is_settled(table, 4)).await;
    let mut tables = watcher.table();
    let watching = tokio::spawn(async move {
        let mut most = 0;
        while tables.changed().await.is_ok() {
            most = most.max(leaving(&tables.borrow_and_update()));
        }
        most
    });
    for departing in [depart(&samplers[0]), depart(&samplers[1])] {
        let departure = within("leaving", departing).await.unwrap();
        assert_eq!(departure, Departure::Done);
    }
    let left = table(&samplers[2], |table| {
        is_settled(table, 2) && table.members().count() == 2
    })
    .await;
    assert_eq!((phase(&left, "a"), phase(&left, "b")), (None, None));
    watcher.stop().await;
    drop(watcher);
    assert_eq!(within("counting", watching).await.unwrap(), 1);
    cluster.stop_all().await;
}

/// Scenario: a sampler drains; before its slots are done with, it and another are taken for lost, and both are back.
/// Guarantees: it drains again and leaves, and does not wait until its time is over for what nobody does any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_that_was_lost_while_it_drained_drains_again() {
    let mut cluster = Cluster::new(1).await.with_lease(Duration::from_secs(1));
    cluster.start_all().await;
    let samplers = cluster.samplers(&["a", "b", "c"]).await;
    cluster.set_obedience(false);
    let departing = depart(&samplers[0]);
    let watcher = cluster.watcher(None);
    table(&watcher, |table| phase(table, "a") == Some(Phase::Draining)).await;
    for lost in [&samplers[1], &samplers[0]] {
        lost.leave().await.unwrap();
    }
    table(&watcher, |table| {
        ["a", "b"].map(|name| phase(table, name)) == [Some(Phase::Active); 2]
    })
    .await;
    cluster.set_obedience(true);
    let departure = within("leaving", departing).await.unwrap();
    assert_eq!(departure, Departure::Done);
    cluster.stop_all().await;
}

/// Scenario: a sampler has no time to drain at all.
/// Guarantees: it drains nevertheless, because it is evacuated only then, and leaves with all that it held copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_without_time_drains_before_it_is_evacuated() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b", "c"]).await;
    let departing = samplers[0].depart(Duration::ZERO);
    assert_eq!(within("leaving", departing).await, Departure::Done);
    let own = samplers[0].incarnation().borrow().unwrap();
    assert!(!samplers[0].table().borrow().names(own));
    cluster.stop_all().await;
}

/// Leaves as a process does that stops.
fn depart(sampler: &Arc<Client>) -> tokio::task::JoinHandle<Departure> {
    let sampler = Arc::clone(sampler);
    tokio::spawn(async move {
        let departure = sampler.depart(Duration::from_secs(60)).await;
        sampler.leave().await.unwrap();
        sampler.stop().await;
        departure
    })
}

/// Scenario: an operator removes a sampler that runs; another process registers under the name of a third.
/// Guarantees: both are told that they are no members any more, and stop once they know the table without them, by which they decide
/// nothing that is somebody else's; the others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_that_is_no_member_is_told() {
    let mut cluster = Cluster::new(1).await.with_lease(Duration::from_secs(1));
    cluster.start_all().await;
    let samplers = cluster.samplers(&["a", "b", "c"]).await;
    let removed = MemberName::new("b").unwrap();
    cluster.operator().remove(&removed).await.unwrap();
    within("telling the removed", samplers[1].dismissed()).await;
    let successor = cluster.sampler("c");
    within("telling the one before", samplers[2].dismissed()).await;
    for dismissed in &samplers[1..] {
        let departing = dismissed.depart(Duration::from_secs(600));
        let departure = within("leaving", departing).await;
        assert_eq!(departure, Departure::Dismissed);
        let own = dismissed.incarnation().borrow().unwrap();
        assert!(!dismissed.table().borrow().names(own));
    }
    table(&successor, |table| is_settled(table, 2)).await;
    cluster.stop_all().await;
}

/// Scenario: the last sampler stops; an operator, and the sampler itself, ask for what cannot be.
/// Guarantees: the last one waits for nobody; the requests are refused, with their reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_sampler_waits_for_nobody() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a"]).await;
    let departure = samplers[0].depart(Duration::from_secs(60)).await;
    assert_eq!(departure, Departure::Alone);
    let mut operator = cluster.operator();
    let refused = |result: Result<_, ControlError>| match result {
        Err(ControlError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let nobody = MemberName::new("nobody").unwrap();
    assert!(refused(operator.remove(&nobody).await).contains("nobody"));
    let last = samplers[0].incarnation().borrow().unwrap();
    let mut itself = cluster.operator_as("a");
    let reason = refused(itself.evacuate(last).await);
    assert!(reason.contains("drain it first"), "{reason}");
    cluster.stop_all().await;
}
