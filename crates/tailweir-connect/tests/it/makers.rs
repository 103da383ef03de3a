//! Connectors alone, and what they make of requests.

use crate::golden::Nothing;
use std::sync::Arc;
use tailweir_config::Connector;
use tailweir_connect::{Exemplars, Made, Maker, Now, Origin};
use tailweir_core::{Moment, Signal};
use tailweir_ottl::Dialect;

/// The same time by both clocks, which began together.
pub(crate) fn now(millis: u64) -> Now {
    Now {
        moment: Moment::from_millis(millis),
        unix_nanos: millis * 1_000_000,
    }
}

/// What a connector of these settings is at the time 0.
pub(crate) fn start(settings: &Connector, is_one_of_many: bool) -> Maker {
    let origin = Origin {
        now: now(0),
        instance: "test".to_owned(),
        seed: 1,
        dialect: Dialect {
            lambdas: false,
            surroundings: Arc::new(Nothing),
        },
        is_one_of_many,
    };
    Maker::new(settings, &origin).unwrap().unwrap()
}

/// What is made of spans at once, of the signals that are wanted.
pub(crate) fn feed(
    maker: &mut Maker,
    now: Now,
    spans: &[u8],
    is_wanted: impl Fn(Signal) -> bool,
) -> Vec<Made> {
    let mut made = Vec::new();
    let fed = maker.consume(
        now,
        Signal::Traces,
        spans,
        Exemplars::Kept,
        is_wanted,
        &mut made,
    );
    fed.unwrap();
    made
}
