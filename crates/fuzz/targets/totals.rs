//! Any bytes as what another member of a cluster counted: no panic, and who takes a slot over knows what its owner knew.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_config::{Connector, SpanMetricsConnector};
use tailweir_connect::{Now, Totals};
use tailweir_core::{Moment, Slot};
use tailweir_otlp::ResourceFields;

const NOW: Now = Now {
    moment: Moment::ZERO,
    unix_nanos: 1,
};

fn slot_of(_: ResourceFields<'_>) -> Slot {
    Slot::of_key(b"one", 0)
}

fn totals() -> Totals {
    let connector = Connector::SpanMetrics(Box::new(SpanMetricsConnector::default()));
    Totals::new(&connector, Box::new(slot_of)).expect("it makes metrics")
}

fuzz_target!(|bytes: &[u8]| {
    let (mut owner, mut next) = (totals(), totals());
    // The first half and the whole, so that series go on.
    for request in [&bytes[..bytes.len() / 2], bytes] {
        owner.add(NOW, request);
        next.add(NOW, request);
    }
    let slot = Slot::of_key(b"one", 0);
    let known = next.withdraw(slot);
    assert_eq!(next.figures().series, 0);
    next.close(slot);
    next.add(NOW, &known);
    let mut closed = Vec::new();
    assert_eq!(next.flush(NOW, true, &mut closed), 0);
    next.open(slot);
    let written = [&mut owner, &mut next].map(|totals| totals.flush(NOW, true, &mut Vec::new()));
    assert_eq!(written[0], written[1]);
});
