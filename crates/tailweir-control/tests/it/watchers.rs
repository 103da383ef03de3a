//! How the table reaches everybody.

use crate::hanging::HangingDisk;
use crate::workbench::{Cluster, is_settled, table, until, within};
use std::sync::Arc;
use tailweir_control::{Client, Folder, Proposal};
use tempfile::TempDir;
use tokio::time::Instant;

/// Scenario: a hundred processes watch; a sampler comes.
/// Guarantees: the change reaches every one of them, and all have the same table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_reaches_a_hundred_watchers() {
    let mut cluster = Cluster::formed(3).await;
    let samplers = cluster.samplers(&["a", "b"]).await;
    let agreed = samplers[0].table().borrow().epoch();
    let watchers: Vec<_> = (0..100).map(|_| cluster.watcher(None)).collect();
    for watcher in &watchers {
        table(watcher, |table| table.epoch() >= agreed).await;
    }
    let other = cluster.sampler("c");
    let newest = table(&other, |table| is_settled(table, 3)).await;
    let reached = Instant::now();
    for watcher in &watchers {
        let known = table(watcher, |table| table.epoch() >= newest.epoch()).await;
        assert_eq!(known, newest);
    }
    println!("100 watchers within {:?} of the first", reached.elapsed());
    cluster.stop_all().await;
}

/// Scenario: all controllers are gone; a process that watched goes on, and another starts with the directory of the first.
/// Guarantees: the first keeps its table; the second has it from the disk; both see the next change once controllers are
/// back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_table_outlives_the_controllers() {
    let folder = TempDir::new().unwrap();
    let mut cluster = Cluster::formed(3).await;
    let _samplers = cluster.samplers(&["a", "b"]).await;
    let watcher = cluster.watcher(Some(folder.path().to_owned()));
    let agreed = table(&watcher, |table| is_settled(table, 2)).await;
    until("keeping the table", async || {
        folder.path().join("table").exists().then_some(())
    })
    .await;
    cluster.stop_all().await;
    let mut connection = watcher.connection();
    let lost = connection.wait_for(|is_connected| !is_connected);
    within("losing the controllers", lost).await.unwrap();
    assert_eq!(*watcher.table().borrow(), agreed);
    let second = cluster.watcher(Some(folder.path().to_owned()));
    assert_eq!(*second.table().borrow(), agreed);
    cluster.start_all().await;
    let other = cluster.sampler("c");
    let newest = table(&other, |table| is_settled(table, 3)).await;
    table(&watcher, |table| table.epoch() >= newest.epoch()).await;
    table(&second, |table| table.epoch() >= newest.epoch()).await;
    cluster.stop_all().await;
}

/// Scenario: the disk of a process that watches hangs with the first table, and goes on only after the last.
/// Guarantees: it has each newer table all the same, and in the end keeps the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_holds_up_no_table() {
    let folder = TempDir::new().unwrap();
    let disk = HangingDisk::over(Folder::at(folder.path()));
    let hanging = disk.hang();
    let mut cluster = Cluster::formed(1).await;
    let watcher = cluster.watcher_with(Some(Arc::new(disk)));
    let _samplers = cluster.samplers(&["a", "b"]).await;
    let agreed = table(&watcher, |table| is_settled(table, 2)).await;
    assert!(!folder.path().join("table").exists());
    cluster.stop_all().await;
    drop(hanging);
    until("keeping the last table", async || {
        let again = cluster.watcher(Some(folder.path().to_owned()));
        let kept = Arc::clone(&again.table().borrow());
        again.stop().await;
        (kept == agreed).then_some(())
    })
    .await;
}

/// Scenario: policies are applied, twice, while a process watches and before another starts.
/// Guarantees: both have the second revision, as it was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_reach_everybody() {
    let mut cluster = Cluster::formed(1).await;
    let watcher = cluster.watcher(None);
    let mut operator = cluster.operator();
    assert_eq!(operator.apply_policies("one").await.unwrap(), 1);
    assert_eq!(operator.apply_policies("two").await.unwrap(), 2);
    for client in [&watcher, &cluster.watcher(None)] {
        let mut policies = client.policies();
        let second = policies.wait_for(|known| {
            let known = known.as_ref();
            known.is_some_and(|known| (known.revision, known.text.as_str()) == (2, "two"))
        });
        within("the second revision", second).await.unwrap();
    }
    cluster.stop_all().await;
}

/// Scenario: three processes propose the policies of one file while the controllers are gone; these come; the file changes
/// in two of them; the third starts again with the old one, and one that was first starts again with the old one too.
/// Guarantees: each content is one revision in all of them; the late file is refused, and the one that was changed back
/// where its directory says so is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_many_processes_is_one_revision() {
    let folder = TempDir::new().unwrap();
    let mut cluster = Cluster::new(3).await;
    let first = cluster.watcher(Some(folder.path().to_owned()));
    let others = [cluster.watcher(None), cluster.watcher(None)];
    let all = || [&first, &others[0], &others[1]];
    for client in all() {
        client.propose_policies("one");
    }
    cluster.start_all().await;
    for client in all() {
        is_in_force(client, 1, "one").await;
    }
    for client in [&first, &others[0]] {
        client.propose_policies("two");
    }
    for client in all() {
        is_in_force(client, 2, "two").await;
    }
    answered(&first, |it| *it == Proposal::Taken(2)).await;
    let late = cluster.watcher(None);
    late.propose_policies("one");
    answered(&late, |it| matches!(it, Proposal::Refused(_))).await;
    first.stop().await;
    let again = cluster.watcher(Some(folder.path().to_owned()));
    again.propose_policies("one");
    for client in [&again, &others[0], &others[1], &late] {
        is_in_force(client, 3, "one").await;
    }
    cluster.stop_all().await;
}

async fn is_in_force(client: &Client, revision: u64, file: &str) {
    let mut policies = client.policies();
    let wanted = policies.wait_for(|known| {
        let known = known.as_ref();
        known.is_some_and(|it| (it.revision, it.file.as_str()) == (revision, file))
    });
    within("a revision", wanted).await.unwrap();
}

async fn answered(client: &Client, is_so: impl Fn(&Proposal) -> bool) {
    let mut proposal = client.proposal();
    within("an answer", proposal.wait_for(is_so)).await.unwrap();
}
