//! How controllers form a cluster, and stay one.

use crate::workbench::{Cluster, is_settled, table, until, within};
use std::fs;
use tailweir_control::{ClusterInfo, ControllerError, Folder};
use tokio::net::TcpListener;

/// Three voters that all have said their names.
fn is_whole(info: &ClusterInfo) -> bool {
    let is_known = |name: String| {
        let mut all = info.controllers.iter();
        all.any(|controller| controller.name == name && controller.votes)
    };
    info.leader > 0
        && info.controllers.len() == 3
        && (0..3).all(|number| is_known(format!("controller-{number}")))
}

/// Scenario: three controllers with empty directories start.
/// Guarantees: they form one cluster, with the ids of their places, and one of them leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_empty_seeds_form_one_cluster() {
    let mut cluster = Cluster::formed(3).await;
    let info = cluster.info(is_whole).await;
    let ids: Vec<u64> = info.controllers.iter().map(|it| it.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    let leader = cluster.leader().await;
    let status = cluster.nodes[leader].controller().status();
    assert_eq!(status.leader, leader as u64 + 1);
    cluster.stop_all().await;
}

/// Scenario: two of three seeds start; what stands at the third's address takes connections and says nothing.
/// Guarantees: however often they look, they form no cluster; with the third they do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cluster_forms_while_a_seed_is_silent() {
    let mut cluster = Cluster::new(3).await;
    let silent = TcpListener::bind(&cluster.nodes[2].address).await.unwrap();
    cluster.start(0).await;
    cluster.start(1).await;
    for _ in 0..20 {
        drop(within("a look", silent.accept()).await.unwrap());
    }
    for node in &cluster.nodes[..2] {
        assert_eq!(node.controller().status().id, 0);
        assert!(!node.folder.path().join("identity").exists());
    }
    drop(silent);
    cluster.start_all().await;
    cluster.info(is_whole).await;
    cluster.stop_all().await;
}

/// Scenario: a controller starts while the process before it still uses its directory, as where a pod is deleted by force; then that
/// one ends.
/// Guarantees: it takes no part in the cluster until then, however often one looks, and does not stand in the way of who asks about
/// the others; and then it takes part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_of_one_process_at_a_time() {
    let mut cluster = Cluster::formed(3).await;
    cluster.nodes[0].stop().await;
    let disk = Folder::at(cluster.nodes[0].folder.path());
    let before = disk.claim().unwrap().expect("it was left");
    assert!(disk.claim().unwrap().is_none());
    assert_ne!(cluster.leader().await, 0);
    cluster.start(0).await;
    let mut looks = 0;
    until("looking again and again", async || {
        assert_eq!(cluster.nodes[0].controller().status().id, 0);
        looks += 1;
        (looks == 25).then_some(())
    })
    .await;
    cluster.info(|info| info.leader > 1).await;
    assert_eq!(cluster.nodes[0].controller().status().id, 0);
    drop(before);
    within(
        "a part in the cluster",
        cluster.nodes[0].controller().ready(),
    )
    .await;
    assert_eq!(cluster.nodes[0].controller().status().id, 1);
    cluster.stop_all().await;
}

/// Scenario: the leader of three ends while a sampler holds slots, and comes back.
/// Guarantees: another leads, the sampler keeps its incarnation, a second one is taken in; the one that was away catches
/// up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_leads_when_the_leader_is_gone() {
    let mut cluster = Cluster::formed(3).await;
    let samplers = cluster.samplers(&["sampler-0"]).await;
    // The table may show a sampler before it has heard its own life.
    let mut life = samplers[0].incarnation();
    let incarnation = *within("a life", life.wait_for(Option::is_some))
        .await
        .unwrap();
    let first = cluster.leader().await;
    cluster.nodes[first].stop().await;
    let second = cluster.leader().await;
    assert_ne!(first, second);
    let other = cluster.sampler("sampler-1");
    let newest = table(&other, |table| is_settled(table, 2)).await;
    assert_eq!(*samplers[0].incarnation().borrow(), incarnation);
    table(&samplers[0], |table| table.epoch() >= newest.epoch()).await;
    cluster.start_all().await;
    let applied = cluster.nodes[second].controller().status().last_applied;
    until("catching up", async || {
        let status = cluster.nodes[first].controller().status();
        (status.last_applied >= applied).then_some(())
    })
    .await;
    cluster.stop_all().await;
}

/// Scenario: the two that follow the leader end, and come back.
/// Guarantees: left alone, it names no leader, neither of itself nor to whoever asks; then one leads again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_a_majority_names_no_leader() {
    let mut cluster = Cluster::formed(3).await;
    cluster.info(is_whole).await;
    let alone = cluster.leader().await;
    for number in (0..3).filter(|number| *number != alone) {
        cluster.nodes[number].stop().await;
    }
    until("knowing that nobody follows", async || {
        let status = cluster.nodes[alone].controller().status();
        (status.leader == 0).then_some(())
    })
    .await;
    let info = cluster.info(|info| info.leader == 0).await;
    assert_eq!(info.controllers.len(), 3);
    cluster.start_all().await;
    cluster.leader().await;
    cluster.stop_all().await;
}

/// Scenario: the disk of a controller that follows hangs when it is to store something, and later that of the leader.
/// Guarantees: the others agree on what is asked of them. The one that hangs knows that what it knows may be old: it neither leads nor
/// names a leader, and says so at once to whoever asks; once its disk goes on, it takes part again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_whose_disk_hangs_does_not_count() {
    let mut cluster = Cluster::formed(3).await;
    cluster.info(is_whole).await;
    let mut operator = cluster.operator();
    for away in [1, 0] {
        let hung = (cluster.leader().await + away) % 3;
        let node = &cluster.nodes[hung];
        let hanging = node.disk.hang();
        until("the others agreeing", async || {
            operator.apply_policies("policies").await.ok()
        })
        .await;
        until("knowing that it is held up", async || {
            (node.controller().status().leader == 0).then_some(())
        })
        .await;
        assert!(!node.controller().has_failed());
        drop(hanging);
    }
    cluster.leader().await;
    cluster.stop_all().await;
}

/// Scenario: all controllers end and start again, with their directories.
/// Guarantees: they are who they were, and agree on what they agreed on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_survives_the_end_of_all_controllers() {
    let mut cluster = Cluster::formed(3).await;
    let samplers = cluster.samplers(&["sampler-0", "sampler-1"]).await;
    let before = cluster.info(is_whole).await;
    let agreed = table(&samplers[0], |table| is_settled(table, 2)).await;
    cluster.stop_all().await;
    cluster.start_all().await;
    let after = cluster.info(is_whole).await;
    assert_eq!(after.controllers, before.controllers);
    let watcher = cluster.watcher(None);
    let found = table(&watcher, |table| table.epoch() >= agreed.epoch()).await;
    assert_eq!(found, agreed);
    cluster.stop_all().await;
}

/// Scenario: a controller loses its directory and starts again under its name.
/// Guarantees: it joins under a new id and votes; the old id is gone; there are three, and with it another one can go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_controller_joins_as_a_new_one() {
    let mut cluster = Cluster::formed(3).await;
    cluster.info(is_whole).await;
    let lost = (cluster.leader().await + 1) % 3;
    cluster.nodes[lost].stop().await;
    cluster.nodes[lost].wipe();
    cluster.start(lost).await;
    let old = lost as u64 + 1;
    let is_replaced = |info: &ClusterInfo| {
        let mut all = info.controllers.iter();
        is_whole(info) && all.all(|controller| controller.id != old)
    };
    let info = cluster.info(is_replaced).await;
    let name = &cluster.nodes[lost].name;
    let new = info.controllers.iter().find(|it| it.name == *name).unwrap();
    assert!(new.id > 3, "{info:?}");
    assert_eq!(cluster.nodes[lost].controller().status().id, new.id);
    let leader = cluster.leader().await;
    let other = (0..3).find(|number| ![leader, lost].contains(number));
    cluster.nodes[other.unwrap()].stop().await;
    cluster.samplers(&["sampler-0"]).await;
    cluster.stop_all().await;
}

/// Scenario: a data directory lost its log, or its identity, or belongs to another cluster.
/// Guarantees: the controller ends and says why, instead of forgetting what it agreed to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_that_lost_something_is_refused() {
    let mut cluster = Cluster::formed(1).await;
    cluster.stop_all().await;
    let folder = cluster.nodes[0].folder.path().to_owned();
    let (identity, log) = (folder.join("identity"), folder.join("log"));
    let text = fs::read_to_string(&identity).unwrap();
    let content = fs::read(&log).unwrap();

    fs::remove_file(&log).unwrap();
    assert!(refusal(&mut cluster).await.contains("no log"));
    fs::write(&log, content).unwrap();

    fs::write(&identity, text.replace("test", "other")).unwrap();
    let refused = refusal(&mut cluster).await;
    assert!(
        refused.contains("belongs to the cluster other"),
        "{refused}"
    );

    fs::remove_file(&identity).unwrap();
    assert!(refusal(&mut cluster).await.contains("no identity"));

    fs::write(&identity, text).unwrap();
    cluster.start_all().await;
    cluster.stop_all().await;
}

/// Why the only controller does not start.
async fn refusal(cluster: &mut Cluster) -> String {
    cluster.start(0).await;
    let error = within("refusing", cluster.nodes[0].controller().failed()).await;
    assert!(matches!(error, ControllerError::DataDir { .. }));
    cluster.nodes[0].stop().await;
    error.to_string()
}
