//! Who speaks for a sampler: itself, and operators for what is theirs.

use crate::workbench::{Cluster, is_settled, table, until};
use std::fmt::Debug;
use tailweir_control::{Client, Drain};
use tailweir_placement::{Incarnation, MemberName};
use tailweir_proto::control::{
    EvacuateRequest, LeaveRequest, RegisterRequest, RenewRequest, ReportRequest,
};
use tonic::{Code, Response, Status};

fn life(sampler: &Client) -> u64 {
    sampler.incarnation().borrow().unwrap().0
}

fn registration(name: &str) -> RegisterRequest {
    RegisterRequest {
        name: name.to_owned(),
        address: "127.0.0.1:4319".to_owned(),
        zone: String::new(),
        weight: 1,
    }
}

fn renewal(incarnation: u64) -> RenewRequest {
    RenewRequest {
        incarnation,
        epoch: None,
    }
}

fn report(incarnation: u64) -> ReportRequest {
    ReportRequest {
        incarnation,
        ..ReportRequest::default()
    }
}

/// That a call of `b` for `a` is refused.
fn refused<T: Debug>(answer: Result<Response<T>, Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let text = "the call is about sampler a and comes from b";
    assert!(status.message().starts_with(text), "{status}");
}

/// Scenario: sampler `b` registers under the name of `a`; it renews, reports, evacuates and leaves with the life of `a`.
/// Guarantees: each is refused with both names, and the table stays as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_does_not_speak_for_another() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b"]).await;
    let before = cluster.info(|_| true).await.epoch;
    let (mut b, incarnation) = (cluster.caller_as(0, "b"), life(&samplers[0]));
    refused(b.register(registration("a")).await);
    refused(b.renew(renewal(incarnation)).await);
    refused(b.report(report(incarnation)).await);
    refused(b.evacuate(EvacuateRequest { incarnation }).await);
    refused(b.leave(LeaveRequest { incarnation }).await);
    assert_eq!(cluster.info(|_| true).await.epoch, before);
    cluster.stop_all().await;
}

/// Scenario: sampler `b` renews, reports and leaves; it registers anew, and renews and leaves with the life that is over.
/// Guarantees: what is about itself is done; a life that the table does not know is answered as unknown, and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_speaks_for_itself() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b"]).await;
    let (mut b, incarnation) = (cluster.caller_as(0, "b"), life(&samplers[1]));
    let renewed = b.renew(renewal(incarnation)).await.unwrap();
    assert!(!renewed.into_inner().unknown);
    b.report(report(incarnation)).await.unwrap();
    let before = cluster.info(|_| true).await.epoch;
    b.leave(LeaveRequest { incarnation }).await.unwrap();
    assert!(cluster.info(|_| true).await.epoch > before);

    let again = b.register(registration("b")).await.unwrap().into_inner();
    assert!(again.incarnation > incarnation);
    let renewed = b.renew(renewal(incarnation)).await.unwrap();
    assert!(renewed.into_inner().unknown);
    b.leave(LeaveRequest { incarnation }).await.unwrap();
    let renewed = b.renew(renewal(again.incarnation)).await.unwrap();
    assert!(!renewed.into_inner().unknown, "the new life goes on");
    cluster.stop_all().await;
}

/// Scenario: an operator with the certificate of sampler `c` drains `a`, by its name and by its life, removes `b`, and applies
/// policies.
/// Guarantees: it is done, because operators ask as whichever process they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_ask_as_any_process() {
    let mut cluster = Cluster::formed(1).await;
    let samplers = cluster.samplers(&["a", "b", "c", "d"]).await;
    let mut operator = cluster.operator_as("c");
    let [a, b] = ["a", "b"].map(|name| MemberName::new(name).unwrap());
    for meant in [None, Some(Incarnation(life(&samplers[0])))] {
        until("granting the drain", async || {
            let wish = operator.drain(&a, meant).await.unwrap();
            (wish == Drain::Granted).then_some(())
        })
        .await;
    }
    operator.remove(&b).await.unwrap();
    operator.apply_policies("processors: {}").await.unwrap();
    let left = |name: &MemberName| *name != a && *name != b;
    table(&samplers[2], |table| {
        is_settled(table, 2)
            && table
                .members()
                .all(|(name, member)| left(name) || !table.names(member.incarnation))
    })
    .await;
    cluster.stop_all().await;
}
