//! Messages on their way into a stream of gRPC.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tailweir_proto::WholeCodec;
use tailweir_proto::peer::message::Kind;
use tailweir_proto::peer::{Fragment, Letter, Message};
use tonic::codec::{Codec as _, EncodeBody};

fn message(number: u64) -> Message {
    let fragment = Fragment {
        number,
        spans: Bytes::from(vec![7; 3_000]),
        ..Fragment::default()
    };
    Message {
        kind: Some(Kind::Append(fragment)),
        ..Message::default()
    }
}

/// Scenario: a letter with a hundred fragments is sent.
/// Guarantees: its memory is taken once, and has its size: it did not grow while the letter was written.
#[test]
fn a_long_letter_takes_its_memory_once() {
    let letter = Letter {
        messages: (0..100).map(message).collect(),
        ..Letter::default()
    };
    let encoder = WholeCodec::<Letter, Letter>::default().encoder();
    let letters = tokio_stream::once(Ok(letter));
    let mut body = Box::pin(EncodeBody::new_client(encoder, letters, None, None));
    let frame = body.frame().now_or_never().flatten();
    let frame = frame.expect("a letter waits").expect("it can be written");
    let written = frame.into_data().expect("it is a letter");
    drop(body);
    let length = written.len();
    let memory = written.try_into_mut().expect("nobody else has it");
    assert!(length > 300_000, "{length}");
    assert!(memory.capacity() < length + 1_024, "{}", memory.capacity());
}
