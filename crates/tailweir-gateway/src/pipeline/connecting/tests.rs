//! What a connector takes while much of what it made waits.

use super::{BYTES_MAX, Connecting, Outlets};
use crate::clock::Clock;
use crate::pipeline::{Stage, Ways};
use crate::refusal::Refusal;
use crate::surroundings::World;
use std::sync::Arc;
use tailweir_config::{Connector, ExceptionsConnector};
use tailweir_connect::{Exemplars, Maker, Now, Origin};
use tailweir_core::{Moment, Signal};
use tailweir_testkit::{attribute, request, span, trace_id};
use tailweir_transform::Dialect;

/// A connector of exceptions whose metrics nobody fetches.
fn counting_exceptions() -> Connecting {
    let origin = Origin {
        now: Now {
            moment: Moment::ZERO,
            unix_nanos: 0,
        },
        instance: String::new(),
        seed: 1,
        dialect: Dialect {
            lambdas: false,
            surroundings: World::shared(),
        },
        is_one_of_many: false,
    };
    let settings = Connector::Exceptions(ExceptionsConnector::default());
    let maker = Maker::new(&settings, &origin).unwrap().unwrap();
    let connecting = Connecting::new(
        "exceptions".to_owned(),
        maker,
        Arc::default(),
        Clock::start(),
        World::shared(),
    );
    let mut outlets = Outlets::default();
    let nowhere: Arc<dyn Stage> = Arc::new(Ways::new(Vec::new()));
    outlets[Signal::Metrics as usize] = Some(nowhere);
    connecting.set_outlets(outlets);
    connecting
}

/// Scenario: more of what a connector made of an exception waits than may; requests come with another exception, and without.
/// Guarantees: the one of which it would make more is refused, the other is not.
#[tokio::test]
async fn a_full_connector_refuses_only_what_it_would_make_something_of() {
    let connecting = counting_exceptions();
    let sent = |message: &str| {
        let exception = [attribute("exception.message", message)];
        let span = span(trace_id(1), 1).event("exception", exception);
        request().service("shop").span(span).bytes()
    };
    let quiet = request().service("shop").span(span(trace_id(2), 1)).bytes();
    let another = sent("no such product");
    assert_eq!(connecting.admit(&another), Ok(()));
    let large = sent(&"x".repeat(BYTES_MAX));
    connecting.feed(Signal::Traces, 1, &large, Exemplars::Kept);
    assert!(connecting.figures().waiting_bytes > BYTES_MAX as u64);
    let refused = connecting.admit(&another);
    assert!(matches!(refused, Err(Refusal::Full { .. })), "{refused:?}");
    assert_eq!(connecting.admit(&quiet), Ok(()));
}
