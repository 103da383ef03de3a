//! Members that do not speak as members do.

use crate::harness::{
    HERE, Here, SAMPLER, THERE, There, Town, numbered, part, soon, table_of_there,
};
use bytes::{BufMut, Bytes, BytesMut};
use tailweir_gateway::{Brought, Post};
use tailweir_link::{Peer, Role};
use tailweir_proto::peer;
use tailweir_proto::peer::peer_client::PeerClient;
use tailweir_shard::Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

/// A client of the generated code, which says what it wants.
fn client(town: &Town, here: &Here) -> PeerClient<tailweir_link::Channel> {
    let link = town.link("a/gateway+sampler/liar", THERE);
    let peer = Peer {
        address: here.address().into(),
        role: Role::Sampler,
        name: None,
        incarnation: Some(HERE.0),
    };
    PeerClient::new(link.channel(&peer).unwrap())
}

/// Scenario: a letter about a slot that there is not, one with a message of no kind, and a part for a name that is too long.
/// Guarantees: the stream ends and says what was wrong; nothing of it is handed on; who speaks properly is not disturbed.
#[tokio::test]
async fn what_cannot_be_ends_its_stream() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let there = There::of(&town, &here.address());
    let answer = there.peers.bring(HERE, part("spans"));
    let (_, reply) = soon(here.events.parts.recv()).await.unwrap();

    let mut client = client(&town, &here);
    let slot = peer::Message {
        slot: 20_000,
        kind: Some(peer::message::Kind::NotYet(peer::Nothing {})),
        ..peer::Message::default()
    };
    for (message, why) in [
        (slot, "slot is 20000"),
        (peer::Message::default(), "message.kind"),
    ] {
        let letter = peer::Letter {
            sampler: SAMPLER.to_owned(),
            messages: vec![message],
            ..peer::Letter::default()
        };
        let mut silence = client
            .tell(tokio_stream::once(letter))
            .await
            .unwrap()
            .into_inner();
        let status = soon(silence.message()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(why), "{status}");
    }
    let long = peer::Part {
        sampler: "a".repeat(2000),
        ..peer::Part::default()
    };
    let mut answers = client
        .bring(tokio_stream::once(long))
        .await
        .unwrap()
        .into_inner();
    let status = soon(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);

    assert!(here.events.letters.try_recv().is_err());
    there.tell(vec![numbered(1)]);
    soon(here.events.letters.recv()).await.unwrap();
    let said = Brought::Answered(Answer::Taken(Vec::new()));
    reply.send(said.clone()).unwrap();
    assert_eq!(soon(answer).await, Some(said));
}

/// An empty letter.
fn letter() -> peer::Letter {
    peer::Letter {
        sampler: SAMPLER.to_owned(),
        ..peer::Letter::default()
    }
}

/// Scenario: a member writes with the life of `there`, of which nobody has heard yet; the table then says whose it is, while
/// the stream is open. The member writes on, and again over another stream; so does `there`.
/// Guarantees: letters of a life that the table does not know are taken; those of another member's life end their stream, with
/// both names, and are not handed on; those of `there` are.
#[tokio::test]
async fn nobody_writes_with_the_life_of_another() {
    let town = Town::with_tls();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    let mut client = client(&town, &here);
    let (feed, letters) = mpsc::channel(1);
    let silence = client.tell(ReceiverStream::new(letters)).await.unwrap();
    feed.send(letter()).await.unwrap();
    soon(here.events.letters.recv()).await.unwrap();

    here.follow(&table_of_there(THERE));
    feed.send(letter()).await.unwrap();
    let again = client.tell(tokio_stream::once(letter())).await.unwrap();
    for silence in [silence, again] {
        let status = soon(silence.into_inner().message()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        let text = "incarnation 7, which is sampler there, and come from liar";
        assert!(status.message().contains(text), "{status}");
    }
    assert!(here.events.letters.try_recv().is_err());

    let there = There::of(&town, &here.address());
    there.tell(vec![numbered(1)]);
    assert_eq!(here.messages(1).await, [numbered(1)]);
}

/// One gRPC message with these bytes, saying that it is so long.
fn framed(length: u32, bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(length);
    frame.put_slice(bytes);
    frame.freeze()
}

/// Sends these bytes as the body of a call to `Tell`; returns the status of the call.
async fn raw(here: &Here, body: Bytes) -> Option<String> {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", here.address()))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let request = http::Request::post("/tailweir.peer.v1.Peer/Tell")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("tailweir-cluster", "a")
        .header("tailweir-name", "liar")
        .header("tailweir-roles", "sampler")
        .header("tailweir-incarnation", "7")
        .header("tailweir-wire", "1")
        .body(tonic::body::Body::new(http_body_util::Full::new(body)))
        .unwrap();
    let response = tower::ServiceExt::oneshot(channel, request).await.unwrap();
    let answered = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    let trailers = answered.trailers()?;
    Some(trailers.get("grpc-status")?.to_str().unwrap().to_owned())
}

/// Scenario: bytes that are no message, a message that says it has 4 GiB, one that ends too early, and noise.
/// Guarantees: each call ends with an error, nothing is handed on, and the member goes on.
#[tokio::test]
async fn noise_is_refused() {
    let town = Town::in_plain_text();
    let mut here = Here::start(&town, "127.0.0.1:0", 1).await;
    for body in [
        framed(4, &[0xff; 4]),
        framed(u32::MAX, b"more to come"),
        framed(65 << 20, b"more to come"),
        framed(100, b"cut off"),
        Bytes::from_static(&[0xff; 64]),
    ] {
        let status = soon(raw(&here, body)).await;
        assert!(status.is_some_and(|status| status != "0"));
    }
    assert!(here.events.letters.try_recv().is_err());
    let there = There::of(&town, &here.address());
    there.tell(vec![numbered(1)]);
    soon(here.events.letters.recv()).await.unwrap();
}
