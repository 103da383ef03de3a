//! What broke off while a leader changed the controllers, and who comes back from elsewhere.

use super::joining;
use super::{Controller, Running, Shared};
use crate::disk::Folder;
use crate::raft::Peer;
use crate::settings::{ControllerSettings, Pace};
use openraft::ChangeMembers;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_link::{Identity, Link, Roles, Security, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A controller, and what survives it.
struct Node {
    name: String,
    address: String,
    folder: TempDir,
    running: Option<(Controller, Server)>,
}

impl Node {
    async fn start(&mut self, seeds: &[String]) {
        let settings = ControllerSettings {
            cluster: "test".to_owned(),
            name: self.name.clone(),
            address: self.address.clone(),
            seeds: seeds.to_vec(),
            disk: Folder::at(self.folder.path()),
            copies: 2,
            lease: Duration::from_secs(30),
            pace: Pace {
                heartbeat: Duration::from_millis(100),
                election: Duration::from_millis(400)..Duration::from_millis(800),
                search: Duration::from_millis(50),
            },
        };
        let identity = Identity::new("test", Roles::ALL, &self.name).unwrap();
        let link = Link::new(identity, &Security::Insecure).unwrap();
        // Connections to the one before may still be closing.
        let server = until(async || link.listen(&self.address).await.ok()).await;
        self.running = Some((Controller::start(settings, link, &server), server));
    }

    async fn stop(&mut self) {
        let (controller, server) = self.running.take().unwrap();
        controller.stop().await;
        server.stop(Duration::ZERO).await;
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.running.as_ref()?.0.shared.running()
    }

    /// What the tasks of the one that runs share.
    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.running.as_ref().unwrap().0.shared)
    }
}

/// Looks again and again until `look` finds something.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), looking).await;
    found.expect("it comes about")
}

/// Three controllers, which have all said their names.
async fn formed() -> (Vec<Node>, Vec<String>) {
    let mut nodes = Vec::new();
    for number in 0..3 {
        // The listener goes, and its port is taken again at the start.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        nodes.push(Node {
            name: format!("controller-{number}"),
            address: listener.local_addr().unwrap().to_string(),
            folder: TempDir::new().unwrap(),
            running: None,
        });
    }
    let seeds: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    for node in &mut nodes {
        node.start(&seeds).await;
    }
    until(async || {
        let leader = leader(&nodes)?;
        let all = joining::controllers(&leader);
        (all.len() == 3 && all.iter().all(|it| !it.name.is_empty())).then_some(())
    })
    .await;
    (nodes, seeds)
}

fn leader(nodes: &[Node]) -> Option<Arc<Running>> {
    let mut running = nodes.iter().filter_map(Node::running);
    running.find(|running| running.leads())
}

/// The place of a seed among the others.
fn place(id: u64) -> usize {
    id as usize - 1
}

/// The ids of those who do not lead.
fn others(leader: &Running) -> [u64; 2] {
    match leader.id {
        1 => [2, 3],
        2 => [1, 3],
        _ => [1, 2],
    }
}

async fn stop_all(mut nodes: Vec<Node>) {
    for node in nodes.iter_mut().filter(|node| node.running.is_some()) {
        node.stop().await;
    }
}

/// Begins to take a controller out, and breaks off before the second step.
async fn begin_to_remove(leader: &Running, id: u64) {
    let removal = ChangeMembers::RemoveVoters(BTreeSet::from([id]));
    let removing = leader.raft.change_membership(removal, false);
    let mut metrics = leader.raft.metrics();
    tokio::select! {
        biased;
        begun = metrics.wait_for(joining::is_joint) => assert!(begun.is_ok()),
        _ = removing => panic!("it did not break off"),
    }
}

/// Scenario: one of three controllers is gone and is taken out, which breaks off between its two steps; the third ends and starts again.
/// Guarantees: whoever leads then sees to the second step: no decision needs the one that is gone, and nobody speaks of it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_broke_off_is_finished() {
    let (mut nodes, seeds) = formed().await;
    let first = until(async || leader(&nodes)).await;
    let [gone, other] = others(&first);
    nodes[place(gone)].stop().await;
    let shared = nodes[place(first.id)].shared();
    // Nobody else changes anything until the third has ended.
    let alone = shared.membership.lock().await;
    let before = *first.metrics().membership_config.log_id();
    begin_to_remove(&first, gone).await;
    until(async || {
        let metrics = nodes[place(other)].running()?.metrics();
        (*metrics.membership_config.log_id() > before).then_some(())
    })
    .await;
    nodes[place(other)].stop().await;
    drop(alone);
    nodes[place(other)].start(&seeds).await;
    let left = until(async || {
        let leader = leader(&nodes)?;
        let all = joining::controllers(&leader);
        (!joining::is_joint(&leader.metrics())).then_some(all)
    })
    .await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|it| it.id != gone && it.votes), "{left:?}");
    stop_all(nodes).await;
}

/// Scenario: one of three controllers is gone; who asks to take it out goes away at once, and nobody else changes anything meanwhile.
/// Guarantees: both steps are made all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_goes_on_when_nobody_waits_for_it() {
    let (mut nodes, _) = formed().await;
    let first = until(async || leader(&nodes)).await;
    let [gone, _] = others(&first);
    nodes[place(gone)].stop().await;
    let shared = nodes[place(first.id)].shared();
    let alone = shared.membership.lock().await;
    tokio::select! {
        biased;
        removed = joining::remove(&first, gone) => panic!("{removed:?} at once"),
        () = std::future::ready(()) => {}
    }
    until(async || {
        let mut left = joining::controllers(&first).into_iter();
        let is_out = left.all(|it| it.id != gone);
        (is_out && !joining::is_joint(&first.metrics())).then_some(())
    })
    .await;
    drop(alone);
    stop_all(nodes).await;
}

/// Scenario: a seed has said no name yet, and the others know it under an address that it has no more; it starts at another one.
/// Guarantees: its id says who it is: it votes under its name, where it is now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_without_a_name_may_come_from_elsewhere() {
    let (mut nodes, seeds) = formed().await;
    let first = until(async || leader(&nodes)).await;
    let [moved, _] = others(&first);
    nodes[place(moved)].stop().await;
    let before = Peer {
        name: String::new(),
        // Nobody listens there.
        address: "127.0.0.1:1".to_owned(),
    };
    let shared = nodes[place(first.id)].shared();
    let alone = shared.membership.lock().await;
    let unnamed = ChangeMembers::SetNodes(BTreeMap::from([(moved, before)]));
    first.raft.change_membership(unnamed, true).await.unwrap();
    drop(alone);
    nodes[place(moved)].start(&seeds).await;
    let (name, address) = {
        let node = &nodes[place(moved)];
        (node.name.clone(), node.address.clone())
    };
    until(async || {
        let leader = leader(&nodes)?;
        let all = joining::controllers(&leader);
        let found = all.into_iter().find(|it| it.id == moved)?;
        (found.votes && found.name == name && found.address == address).then_some(())
    })
    .await;
    stop_all(nodes).await;
}
