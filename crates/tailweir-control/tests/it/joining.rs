//! Who becomes a controller beside those that there are, and who does not.

use crate::workbench::{Cluster, until};
use tailweir_control::{ClusterInfo, ControllerInfo};
use tailweir_proto::control::{Controller, JoinRequest};
use tonic::{Code, Status};

/// The controllers that vote, once all of them have said their names: id, name and address.
fn voters(info: &ClusterInfo) -> Vec<(u64, &str, &str)> {
    let voting = info.controllers.iter().filter(|it| it.votes);
    let named = voting.filter(|it| !it.name.is_empty());
    named
        .map(|it| (it.id, it.name.as_str(), it.address.as_str()))
        .collect()
}

fn named<'a>(info: &'a ClusterInfo, name: &str) -> Option<&'a ControllerInfo> {
    info.controllers.iter().find(|it| it.name == name)
}

/// Scenario: a controller that no configuration names starts together with the three seeds, so that it asks for an id with one of the first
/// entries of the log.
/// Guarantees: its id is that of no seed; the three vote under theirs, each at its own address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_at_the_formation_has_no_id_of_a_seed() {
    let mut cluster = Cluster::new(3).await;
    let guest = cluster.add("guest").await;
    cluster.start(guest).await;
    cluster.start_all().await;
    let info = cluster
        .info(|info| voters(info).len() == 3 && named(info, "guest").is_some())
        .await;
    for (number, voter) in voters(&info).into_iter().enumerate() {
        let node = &cluster.nodes[number];
        let expected = (number as u64 + 1, node.name.as_str(), node.address.as_str());
        assert_eq!(voter, expected);
    }
    let known = named(&info, "guest").unwrap();
    assert!(known.id > 7, "{known:?}");
    assert_eq!(cluster.nodes[guest].controller().status().id, known.id);
    cluster.stop_all().await;
}

/// Asks whoever leads to take a controller in, until it is not only because nobody leads just now.
async fn join(cluster: &Cluster, wanted: &Controller) -> Status {
    until("an answer of the leader", async || {
        let mut caller = cluster.caller(cluster.leader().await);
        let request = JoinRequest {
            controller: Some(wanted.clone()),
        };
        let refusal = caller.join(request).await.err()?;
        (!refusal.message().contains("lead")).then_some(refusal)
    })
    .await
}

/// Scenario: one of three controllers is gone, and another is to take its place, which nobody reaches at its address.
/// Guarantees: it is asked to come again, and does not vote; the place of the one that is gone stays its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_reached_takes_nobodys_place() {
    let mut cluster = Cluster::formed(3).await;
    cluster.info(|info| voters(info).len() == 3).await;
    let gone = (cluster.leader().await + 1) % 3;
    cluster.nodes[gone].stop().await;
    let wanted = Controller {
        id: 1_000_099,
        name: cluster.nodes[gone].name.clone(),
        // Nobody listens there.
        address: "127.0.0.1:1".to_owned(),
        votes: true,
    };
    for _ in 0..3 {
        let refusal = join(&cluster, &wanted).await;
        assert_eq!(refusal.code(), Code::Unavailable, "{refusal}");
        assert!(refusal.message().contains("caught up"), "{refusal}");
    }
    let info = cluster.info(|info| info.controllers.len() == 4).await;
    let votes = |id| info.controllers.iter().any(|it| it.id == id && it.votes);
    assert!(!votes(wanted.id) && votes(gone as u64 + 1), "{info:?}");
    cluster.stop_all().await;
}

/// Scenario: somebody asks to be in under the id of a controller that votes, with another name and another address.
/// Guarantees: it is refused, and the messages for that controller still go to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_stays_with_who_has_it() {
    let mut cluster = Cluster::formed(3).await;
    let before = cluster.info(|info| voters(info).len() == 3).await;
    let wanted = Controller {
        id: 3,
        name: "stranger".to_owned(),
        address: "127.0.0.1:1".to_owned(),
        votes: true,
    };
    let refusal = join(&cluster, &wanted).await;
    assert_eq!(refusal.code(), Code::FailedPrecondition, "{refusal}");
    assert!(refusal.message().contains("the id 3"), "{refusal}");
    let after = cluster.info(|info| info.leader > 0).await;
    assert_eq!(after.controllers, before.controllers);
    cluster.stop_all().await;
}
