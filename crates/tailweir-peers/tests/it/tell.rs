//! Letters.

use crate::harness::{HERE, Here, SAMPLER, THERE, There, Town, append, numbered, quick, soon};
use tailweir_gateway::Post;
use tailweir_peers::PeersSettings;

/// Scenario: 500 letters of several messages, over TLS and in plain text, more than a stream takes without being read.
/// Guarantees: their messages come in their order, each once, from whom they were; those that wait together are one letter, as
/// far as it is not too long.
#[tokio::test]
async fn letters_come_in_order() {
    for town in [Town::with_tls(), Town::in_plain_text()] {
        let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
        let there = There::of(&town, &here.address());
        let messages = |number: u64| vec![numbered(2 * number), append(2 * number + 1, 20_000)];
        for number in 0..500 {
            there.tell(messages(number));
        }
        let written: Vec<_> = (0..500).flat_map(messages).collect();
        assert_eq!(here.messages(1000).await, written);
        let row = there.row();
        assert_eq!((row.sent.messages, row.dropped_messages), (1000, 0));
        let (fewest, most) = (row.sent.letter_bytes >> 20, 50);
        assert!((fewest..most).contains(&row.sent.letters), "{row:?}");
        assert_eq!(row.queued_bytes, 0);
        assert!(row.sent.letter_bytes > 500 * 20_000);
        let received = here.received("there");
        assert_eq!(received.letters, row.sent.letters);
        assert_eq!(received.messages, 1000);
        assert!(received.letter_bytes <= row.sent.letter_bytes);
    }
}

/// Scenario: a member takes no letters while far more are written than may wait for it; then it takes them.
/// Guarantees: what waits stays within its bound and the rest is dropped and counted; when there is room, the shards are
/// told once, and letters flow again.
#[tokio::test]
async fn a_slow_member_bounds_what_waits() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let link = town.link("a/sampler/there", THERE);
    // Each of the letters is one by itself.
    let settings = PeersSettings {
        letters_max: 1 << 20,
        letter_size: 1 << 16,
        ..quick()
    };
    let mut there = There::start(link, settings, &here.address());
    // Windows and buffers take some 6 MiB.
    let written = 400;
    for number in 0..written {
        there.tell(vec![append(number, 100_000)]);
        assert!(there.row().queued_bytes <= 1 << 20);
        tokio::task::yield_now().await;
    }
    let dropped = there.row().dropped_messages;
    assert!(dropped > 0, "40 MB do not fit");
    let came = here.messages((written - dropped) as usize).await;
    let is_in_order = came.is_sorted_by(|earlier, later| earlier < later);
    assert!(is_in_order, "each letter comes once, and in order");
    assert_eq!(soon(there.events.reminded.recv()).await, Some(HERE));
    there.tell(vec![numbered(written)]);
    let (_, _, came) = soon(here.events.letters.recv()).await.unwrap();
    assert_eq!(came, [numbered(written)]);
    assert!(there.events.reminded.try_recv().is_err(), "told once");
    assert_eq!(there.row().breaks, 0);
}

/// Scenario: a letter that is larger than a message may be, between two that are not.
/// Guarantees: it is dropped and counted, and the stream goes on.
#[tokio::test]
async fn a_letter_that_is_too_large_is_dropped() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    there.tell(vec![numbered(1), append(2, 64 << 20), numbered(3)]);
    assert_eq!(here.messages(2).await, [numbered(1), numbered(3)]);
    let row = there.row();
    assert_eq!((row.dropped_messages, row.breaks), (1, 0));
}

/// Scenario: letters for a member that is in no table.
/// Guarantees: nothing happens.
#[tokio::test]
async fn letters_to_nobody_go_nowhere() {
    let town = Town::in_plain_text();
    let here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    there.peers.tell(THERE, &SAMPLER.into(), vec![numbered(1)]);
    assert_eq!(there.row().sent.messages, 0);
    assert_eq!(here.server.connections(), 0);
}
