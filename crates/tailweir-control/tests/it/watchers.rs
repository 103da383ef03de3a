//! How the table reaches everybody.

use crate::workbench::{Cluster, is_settled, table, until, within};
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
