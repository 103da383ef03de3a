//! A call that does not come back.

use crate::bench::{Bench, What, everything, settings};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tailweir_sampler::AbandonReason;
use tailweir_testkit::{request, span, trace_id};

/// Scenario: of five traces that are due, the third makes the sink panic, in the middle of the call;
/// the engine is used again, as after the restart of its actor.
/// Guarantees: the third is given up and counted, the others come out once, late spans of the third
/// still follow its decision, and the counts balance.
#[test]
fn a_panic_costs_one_trace() {
    let mut bench = Bench::new(settings(), vec![everything()]);
    for n in 1..=5 {
        bench
            .append(n, &request().span(span(trace_id(n), 1)).bytes())
            .unwrap();
    }
    bench.sink.panic_on = Some(trace_id(3));
    let result = catch_unwind(AssertUnwindSafe(|| bench.advance(20_000)));
    assert!(result.is_err());
    bench.advance(20_000);
    for n in [1, 2, 4, 5] {
        assert_eq!(bench.of(trace_id(n)).len(), 1);
        assert_eq!(bench.of(trace_id(n))[0].what, What::Kept);
    }
    assert_eq!(
        bench.of(trace_id(3))[0].what,
        What::Abandoned(AbandonReason::Panicked)
    );
    assert_eq!(
        bench
            .append(20_001, &request().span(span(trace_id(3), 2)).bytes())
            .unwrap()
            .kept,
        1
    );
    assert_eq!(bench.engine.counters().abandoned.spans, 1);
}
