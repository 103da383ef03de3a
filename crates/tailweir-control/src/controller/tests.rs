//! What broke off while a leader changed the controllers.

use super::joining;
use super::{Controller, Running};
use crate::disk::Folder;
use crate::settings::{ControllerSettings, Pace};
use openraft::ChangeMembers;
use std::collections::BTreeSet;
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

/// Scenario: one of three controllers is gone and is taken out, and who leads ends between the two steps of it; the third starts again.
/// Guarantees: whoever starts sees to the second step: no decision needs the one that is gone, and nobody speaks of it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_broke_off_is_finished() {
    let (mut nodes, seeds) = formed().await;
    let first = until(async || leader(&nodes)).await;
    let others: Vec<u64> = (1..=3).filter(|id| *id != first.id).collect();
    let (gone, other) = (others[0], others[1]);
    // The ids of seeds are those of their places.
    let place = |id: u64| id as usize - 1;
    nodes[place(gone)].stop().await;
    let before = *first.metrics().membership_config.log_id();
    begin_to_remove(&first, gone).await;
    until(async || {
        let metrics = nodes[place(other)].running()?.metrics();
        (*metrics.membership_config.log_id() > before).then_some(())
    })
    .await;
    nodes[place(other)].stop().await;
    nodes[place(other)].start(&seeds).await;
    let left = until(async || {
        let leader = leader(&nodes)?;
        let all = joining::controllers(&leader);
        (!joining::is_joint(&leader.metrics())).then_some(all)
    })
    .await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|it| it.id != gone && it.votes), "{left:?}");
    for node in nodes.iter_mut().filter(|node| node.running.is_some()) {
        node.stop().await;
    }
}
