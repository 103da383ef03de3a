//! One request from its first attempt to its outcome.

use crate::support::{Ledger, Scripted, Step, while_running};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ClientContext, Signal};
use tailweir_export::{
    Accepted, Advice, Attempt, Destination, Exporter, ExporterSettings, Failure, LossReason, Retry,
};
use tokio::time::Instant;

/// Retries after 5 s, 7.5 s, ..., without spread.
fn steady() -> Retry {
    Retry {
        randomization_factor: 0.0,
        ..Retry::default()
    }
}

fn settings(retry: Option<Retry>) -> ExporterSettings {
    ExporterSettings {
        retry,
        ..ExporterSettings::default()
    }
}

fn pause(seconds: u64) -> Failure {
    Failure {
        advice: Advice::PauseFor(Duration::from_secs(seconds)),
        message: "full".to_owned(),
    }
}

/// Scenario: a backend fails twice, then takes the request.
/// Guarantees: it is sent three times, with growing intervals between, and delivered once.
#[tokio::test(start_paused = true)]
async fn a_request_is_tried_again_until_it_is_taken() {
    let ledger = Ledger::new();
    let destination = Scripted::failing([Failure::transient("one"), Failure::transient("two")]);
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        destination.clone(),
        &settings(Some(steady())),
    );
    let start = Instant::now();
    exporter.offer(ledger.parcel(4, "x")).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.items(), (4, 0));
    assert_eq!(destination.times(start), [0, 5000, 12_500]);
    let snapshot = exporter.snapshot();
    assert_eq!(
        (snapshot.retries, snapshot.sent_items, snapshot.failed_items),
        (2, 4, 0)
    );
    assert_eq!(snapshot.last_error, "two");
}

/// Scenario: a backend refuses a request for good; one fails without retries configured; one fails for
/// longer than `max_elapsed_time`.
/// Guarantees: each is lost once, with its own reason; a permanent error is not tried again.
///
/// Conforms: exporter `otlp_grpc`, `otlp_http` | traces | `max_elapsed_time` | better: when the time is up the loss
/// is counted with its reason
#[tokio::test(start_paused = true)]
async fn a_request_is_given_up_with_its_reason() {
    let forever = || (0..100).map(|_| Failure::transient("down"));
    let cases = [
        (
            Scripted::failing([Failure::permanent("bad")]),
            Some(steady()),
            LossReason::PermanentError,
            1,
        ),
        (
            Scripted::failing(forever()),
            None,
            LossReason::RetriesExhausted,
            1,
        ),
        // 5 + 7.5 + 11.25 + 16.875 + 25.3125 + 7 times 30 s fit into 300 s.
        (
            Scripted::failing(forever()),
            Some(steady()),
            LossReason::RetriesExhausted,
            13,
        ),
    ];
    for (destination, retry, reason, attempts) in cases {
        let ledger = Ledger::new();
        let exporter = Exporter::new(
            "otlp",
            Signal::Traces,
            destination.clone(),
            &settings(retry),
        );
        exporter.offer(ledger.parcel(4, "x")).await.unwrap();
        while_running(&exporter, ledger.settled(1)).await;
        assert_eq!(ledger.reasons(), [Some(reason)]);
        assert_eq!(destination.bodies().len(), attempts);
        assert_eq!(exporter.snapshot().failed_items, 4);
    }
}

/// Sends a request of one item, and one of two a second after its first attempt, until both are settled.
async fn send_two(ledger: &Arc<Ledger>, destination: &Arc<Scripted>, retry: Retry) {
    let settings = settings(Some(retry));
    let exporter = Exporter::new("otlp", Signal::Traces, destination.clone(), &settings);
    while_running(&exporter, async {
        exporter.offer(ledger.parcel(1, "a")).await.unwrap();
        destination.attempted(1).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        exporter.offer(ledger.parcel(2, "b")).await.unwrap();
        ledger.settled(2).await;
    })
    .await;
}

/// Scenario: two requests are under way; the backend asks one of them for a pause of 60 s.
/// Guarantees: it is tried again after exactly that, and requests taken up meanwhile wait as well.
#[tokio::test(start_paused = true)]
async fn a_pause_that_the_backend_asks_for_is_kept_by_all() {
    let (ledger, destination) = (Ledger::new(), Scripted::failing([pause(60)]));
    let start = Instant::now();
    send_two(&ledger, &destination, steady()).await;
    assert_eq!(destination.times(start), [0, 60_000, 60_000]);
}

/// Scenario: requests may take 300 s and are tried again after 200 s; the backend asks the first for a pause of 160 s,
/// and then the second, which has waited for the end of that pause before its first attempt.
/// Guarantees: the pause of the first is not time of the second: it is tried again, and taken.
#[tokio::test(start_paused = true)]
async fn the_time_of_a_request_begins_with_its_first_attempt() {
    let retry = Retry {
        initial_interval: Duration::from_secs(200),
        ..steady()
    };
    let ledger = Ledger::new();
    let destination = Scripted::failing([pause(160), pause(160)]);
    let start = Instant::now();
    send_two(&ledger, &destination, retry).await;
    assert_eq!(ledger.items(), (3, 0));
    assert_eq!(destination.bodies(), ["a", "b", "a", "b"]);
    assert_eq!(destination.times(start), [0, 160_000, 320_000, 360_000]);
}

/// Scenario: a backend asks for a pause of a year.
/// Guarantees: five minutes are kept at most, so that no answer silences an exporter.
#[tokio::test(start_paused = true)]
async fn no_answer_silences_an_exporter_for_good() {
    let retry = Retry {
        max_elapsed_time: Duration::ZERO,
        ..steady()
    };
    let ledger = Ledger::new();
    let destination = Scripted::failing([pause(365 * 86_400)]);
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        destination.clone(),
        &settings(Some(retry)),
    );
    let start = Instant::now();
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(destination.times(start), [0, 300_000]);
}

/// Scenario: a backend does not answer the first attempt.
/// Guarantees: the attempt ends after its timeout and is made again.
#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_times_out() {
    let (ledger, destination) = (Ledger::new(), Scripted::gated([], 0));
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        destination.clone(),
        &settings(Some(steady())),
    );
    let start = Instant::now();
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    while_running(&exporter, async {
        destination.attempted(2).await;
        destination.open(1);
        ledger.settled(1).await;
    })
    .await;
    assert_eq!(destination.times(start), [0, 10_000]);
    assert!(
        exporter
            .snapshot()
            .last_error
            .contains("no answer within 5s")
    );
}

/// Scenario: a destination that cannot encode the request.
/// Guarantees: it is lost as a permanent error, without an attempt.
#[tokio::test]
async fn what_cannot_be_encoded_is_lost() {
    struct Unencodable;
    impl Destination for Unencodable {
        fn encode(&self, _: Signal, _: Bytes) -> Result<Bytes, Failure> {
            Err(Failure::permanent("not OTLP"))
        }
        fn send<'a>(&'a self, _: Signal, _: Bytes, _: &'a ClientContext) -> Attempt<'a> {
            panic!("nothing to send");
        }
    }
    let ledger = Ledger::new();
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        Arc::new(Unencodable),
        &ExporterSettings::default(),
    );
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
}

/// Scenario: a shutdown while a request waits for its next attempt in an hour; the backend has come back.
/// Guarantees: it is tried again at once, and then every second, instead of being lost at the deadline.
#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_long_intervals() {
    let ledger = Ledger::new();
    let hour = Duration::from_secs(3600);
    let retry = Retry {
        initial_interval: hour,
        max_interval: hour,
        max_elapsed_time: Duration::ZERO,
        ..steady()
    };
    let destination = Scripted::failing([Failure::transient("one"), Failure::transient("two")]);
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        destination.clone(),
        &settings(Some(retry)),
    );
    let start = Instant::now();
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    let shutdown = async {
        destination.attempted(1).await;
        tokio::time::advance(Duration::from_secs(10)).await;
        exporter
            .shutdown(Instant::now() + Duration::from_secs(5))
            .await
    };
    let (given_up, ()) = tokio::join!(shutdown, exporter.run());
    assert_eq!((given_up, ledger.items()), (0, (1, 0)));
    assert_eq!(destination.times(start), [0, 10_000, 11_000]);
}

/// Scenario: an answer that claims more rejected items than were sent.
/// Guarantees: what was sent is the most that can be lost.
#[tokio::test]
async fn a_backend_cannot_reject_more_than_it_was_sent() {
    let ledger = Ledger::new();
    let answer = Accepted {
        rejected_items: u64::MAX,
        message: String::new(),
        ..Accepted::default()
    };
    let destination = Scripted::new([Step::Answer(Ok(answer))]);
    let exporter = Exporter::new(
        "otlp",
        Signal::Traces,
        destination,
        &ExporterSettings::default(),
    );
    exporter.offer(ledger.parcel(3, "a")).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.items(), (0, 3));
    let snapshot = exporter.snapshot();
    assert_eq!((snapshot.sent_items, snapshot.rejected_items), (0, 3));
}
