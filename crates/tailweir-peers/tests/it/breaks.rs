//! Streams that break, and members that come and go.

use crate::harness::{
    HERE, Here, THERE, There, Town, append, numbered, part, quick, soon, table, table_of_second,
};
use std::sync::Arc;
use std::time::Duration;
use tailweir_gateway::{Brought, Post};
use tailweir_link::Reason;
use tailweir_peers::PeersSettings;
use tailweir_placement::{Incarnation, RoutingTable};
use tailweir_shard::Answer;

/// Scenario: a member stops while it has letters and a part, and comes back at the same address.
/// Guarantees: the part is given back without an answer; once the member is back the shards are told to remind it, and
/// parts and letters flow again.
#[tokio::test]
async fn a_break_is_told_and_survived() {
    let town = Town::with_tls();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let address = here.address();
    let mut there = There::of(&town, &address);
    there.tell(vec![numbered(1)]);
    soon(here.events.letters.recv()).await.unwrap();
    let answer = there.peers.bring(HERE, part("spans"));
    let unanswered = soon(here.events.parts.recv()).await.unwrap();
    here.server.stop(Duration::ZERO).await;
    assert_eq!(soon(answer).await, None);
    drop(unanswered);

    let mut here = Here::start(&town, &address, 1).await;
    there.tell(vec![numbered(2)]);
    assert_eq!(soon(there.events.reminded.recv()).await, Some(HERE));
    // A letter that was under way when the stream broke may be lost; what the shards say again is not.
    there.tell(vec![numbered(3)]);
    let mut came = Vec::new();
    while came.last() != Some(&numbered(3)) {
        came = soon(here.events.letters.recv()).await.unwrap().2;
    }
    let said = Brought::Answered(Answer::Taken(Vec::new()));
    loop {
        let mut answer = there.peers.bring(HERE, part("again"));
        tokio::select! {
            came = here.events.parts.recv() => {
                came.unwrap().1.send(said.clone()).unwrap();
                assert_eq!(soon(answer).await, Some(said));
                break;
            }
            // Brought while the stream was being opened again.
            given_back = &mut answer => assert_eq!(given_back, None),
        }
    }
    assert!(there.row().breaks >= 2, "one of each stream");
}

/// Scenario: nobody listens at a member's address.
/// Guarantees: parts are given back without an answer, long before patience ends, again and again.
#[tokio::test]
async fn a_member_that_is_not_there_is_not_waited_for() {
    let town = Town::in_plain_text();
    let gone = Here::start(&town, "127.0.0.1:0", 1).await;
    let address = gone.address();
    gone.server.stop(Duration::ZERO).await;
    let there = There::of(&town, &address);
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(soon(there.peers.bring(HERE, part("spans"))).await, None);
        assert!(before.elapsed() < part("").patience);
    }
}

/// Scenario: at the address of a member there is another life of it, then a member of another cluster.
/// Guarantees: neither gets a part or a letter.
#[tokio::test]
async fn only_whom_the_table_means_gets_anything() {
    let town = Town::with_tls();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    there
        .peers
        .follow(&table_of_second(&here.address(), &here.address()));
    let second = Incarnation(2);
    assert_eq!(soon(there.peers.bring(HERE, part("spans"))).await, None);
    assert_eq!(soon(there.peers.bring(second, part("spans"))).await, None);
    assert!(here.server.refused().count(Reason::OtherIncarnation) > 0);
    assert!(here.events.parts.try_recv().is_err());

    let stranger = town.link("b/gateway+sampler/there", THERE);
    let stranger = There::start(stranger, quick(), &here.address());
    stranger.tell(vec![numbered(1)]);
    assert_eq!(soon(stranger.peers.bring(HERE, part("spans"))).await, None);
    assert!(here.events.letters.try_recv().is_err());
}

/// Scenario: a member leaves the table, while a part is open.
/// Guarantees: the part is given back without an answer, and the connection is closed.
#[tokio::test]
async fn a_member_that_leaves_is_hung_up_on() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let answer = there.peers.bring(HERE, part("spans"));
    let _unanswered = soon(here.events.parts.recv()).await.unwrap();
    assert_eq!(here.server.connections(), 1);
    there.peers.follow(&Arc::new(RoutingTable::new(1)));
    assert_eq!(soon(answer).await, None);
    while here.server.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(there.peers.rows().is_empty());
}

/// Scenario: the table changes, and a member stays in it.
/// Guarantees: its connection and its open parts stay.
#[tokio::test]
async fn a_member_that_stays_is_not_disturbed() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let answer = there.peers.bring(HERE, part("spans"));
    let (_, reply) = soon(here.events.parts.recv()).await.unwrap();
    there.peers.follow(&table(&here.address()));
    let said = Brought::Answered(Answer::Taken(Vec::new()));
    reply.send(said.clone()).unwrap();
    assert_eq!(soon(answer).await, Some(said));
    assert_eq!(there.row().breaks, 0);
}

/// Scenario: letters wait for a member that is not there, as many as may; then it is back, as another life at another
/// address.
/// Guarantees: what waited for the first life takes no room from the second, and is not sent to it.
#[tokio::test]
async fn another_life_begins_with_an_empty_queue() {
    let town = Town::in_plain_text();
    let gone = Here::start(&town, "127.0.0.1:0", 1).await;
    let first = gone.address();
    gone.server.stop(Duration::ZERO).await;
    let settings = PeersSettings {
        letters_max: 100_000,
        ..quick()
    };
    let there = There::start(town.link("a/sampler/there", THERE), settings, &first);
    while there.row().dropped_messages == 0 {
        there.tell(vec![append(1, 60_000)]);
        tokio::task::yield_now().await;
    }
    assert!(there.row().queued_bytes > 50_000);

    let second = Incarnation(2);
    let mut here = Here::start_as(&town, second, "127.0.0.1:0", 1).await;
    let later = table_of_second(&first, &here.address());
    there.peers.follow(&later);
    while there.row().queued_bytes > 0 {
        tokio::task::yield_now().await;
    }
    let sampler = "traces/tail_sampling".into();
    there.peers.tell(second, &sampler, vec![append(2, 60_000)]);
    let (_, _, came) = soon(here.events.letters.recv()).await.unwrap();
    assert_eq!(came, [append(2, 60_000)]);
}
