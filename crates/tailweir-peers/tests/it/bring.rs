//! Parts and their answers.

use crate::harness::{HERE, Here, SAMPLER, THERE, There, Town, part, quick, soon};
use bytes::Bytes;
use std::time::Duration;
use tailweir_core::{ByteSize, Slot, TraceId};
use tailweir_gateway::{Bound, Brought, OutgoingPart, Post, Refusal, SLOT_SEED};
use tailweir_peers::PeersSettings;
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_shard::{Answer, Redirect};

fn taken() -> Brought {
    Brought::Answered(Answer::Taken(Vec::new()))
}

/// Scenario: parts are brought over TLS and in plain text; one is taken, one sent on, one refused by a shard, and others in
/// front of the shards.
/// Guarantees: the member gets what was brought, and the gateway what was said.
#[tokio::test]
async fn a_part_is_answered() {
    let trace = TraceId([9; 16]);
    let slot = Slot::of(trace, SLOT_SEED);
    let created = Epoch(1);
    let redirect = Redirect {
        trace,
        epoch: Epoch(4),
        pinned: Some((TenureId { slot, created }, Incarnation(3))),
    };
    let full = Refusal::Full {
        bound: Bound::Member,
        retry_after: Duration::from_secs(2),
    };
    let too_large = Refusal::TooLarge {
        limit: ByteSize(5),
        option: "memory_budget",
    };
    for town in [Town::with_tls(), Town::in_plain_text()] {
        let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
        let there = There::of(&town, &here.address());
        for said in [
            taken(),
            Brought::Answered(Answer::Taken(vec![redirect])),
            Brought::Answered(Answer::Refused(tailweir_shard::Refusal::NotOpen)),
            Brought::Answered(Answer::Refused(tailweir_shard::Refusal::Behind(Epoch(2)))),
            Brought::Refused(full.clone()),
            Brought::Refused(too_large.clone()),
        ] {
            let answer = there.peers.bring(HERE, part("spans"));
            let (came, reply) = soon(here.events.parts.recv()).await.unwrap();
            assert_eq!((&*came.sampler, came.epoch), (SAMPLER, Epoch(3)));
            assert_eq!((came.tenure, &*came.spans), (Some(Epoch(2)), &b"spans"[..]));
            assert!(came.patience <= part("").patience);
            assert_eq!(came.handed_on, part("").handed_on);
            assert_eq!(came.sequence, part("").sequence);
            reply.send(said.clone()).unwrap();
            assert_eq!(soon(answer).await, Some(said));
        }
        let row = there.row();
        assert_eq!((row.member.as_str(), row.sent.parts), ("here", 6));
        assert_eq!(row.sent.part_bytes, 30);
        assert_eq!(row.round_trips.iter().sum::<u64>(), 6);
    }
}

/// Scenario: three parts are brought, and answered the last one first.
/// Guarantees: each gateway gets its own answer.
#[tokio::test]
async fn answers_come_in_any_order() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let answers = ["one", "two", "three"].map(|spans| there.peers.bring(HERE, part(spans)));
    let mut came = Vec::new();
    for _ in &answers {
        came.push(soon(here.events.parts.recv()).await.unwrap());
    }
    let epoch_of = |spans: &Bytes| Epoch(spans.len() as u64);
    for (part, reply) in came.into_iter().rev() {
        let behind = tailweir_shard::Refusal::Behind(epoch_of(&part.spans));
        reply
            .send(Brought::Answered(Answer::Refused(behind)))
            .unwrap();
    }
    for (answer, length) in answers.into_iter().zip([3, 3, 5]) {
        let behind = tailweir_shard::Refusal::Behind(Epoch(length));
        let said = Brought::Answered(Answer::Refused(behind));
        assert_eq!(soon(answer).await, Some(said));
    }
}

/// Scenario: a member does not answer, and a gateway has little patience.
/// Guarantees: the gateway gets no answer when its time is up.
#[tokio::test]
async fn patience_ends() {
    let town = Town::in_plain_text();
    let here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let impatient = OutgoingPart {
        patience: Duration::from_millis(50),
        ..part("spans")
    };
    assert_eq!(soon(there.peers.bring(HERE, impatient)).await, None);
}

/// Scenario: a member does not answer; there is room for two parts that wait and two that were sent, and a fifth comes.
/// Then the gateways of the first two give up.
/// Guarantees: the fifth is refused at once, retryably; those that waited are sent in the place of those given up.
#[tokio::test]
async fn a_member_that_does_not_answer_gets_no_more() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let link = town.link("a/gateway/there", THERE);
    let settings = PeersSettings {
        parts_max: 2,
        ..quick()
    };
    let there = There::start(link, settings, &here.address());
    let bring = || there.peers.bring(HERE, part("spans"));
    let mut sent = Vec::new();
    for _ in 0..2 {
        let answer = bring();
        sent.push((answer, soon(here.events.parts.recv()).await.unwrap()));
    }
    let waiting = [bring(), bring()];
    let Some(Brought::Refused(refusal)) = soon(bring()).await else {
        panic!("there is no room for a fifth");
    };
    assert!(refusal.is_retryable(), "{refusal}");
    drop(sent);
    for answer in waiting {
        let (_, reply) = soon(here.events.parts.recv()).await.unwrap();
        reply.send(taken()).unwrap();
        assert_eq!(soon(answer).await, Some(taken()));
    }
}

/// Scenario: a part that is larger than a message may be, beside one that is not.
/// Guarantees: it is refused for good, with its size, and the other is not disturbed.
#[tokio::test]
async fn a_part_that_is_too_large_is_refused() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let answer = there.peers.bring(HERE, part("spans"));
    let (_, reply) = soon(here.events.parts.recv()).await.unwrap();
    let large = Bytes::from(vec![0; 64 << 20]);
    let Some(Brought::Refused(refusal)) = soon(there.peers.bring(HERE, part(large))).await else {
        panic!("it is too large");
    };
    assert!(!refusal.is_retryable());
    assert!(refusal.to_string().contains("67108864 bytes"), "{refusal}");
    reply.send(taken()).unwrap();
    assert_eq!(soon(answer).await, Some(taken()));
    assert_eq!(there.row().breaks, 0);
}
