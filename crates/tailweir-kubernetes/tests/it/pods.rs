//! Pods that come, change, share addresses and go.

use crate::workbench::{Bench, at, pod};
use proptest::prelude::*;
use serde_json::json;
use std::sync::atomic::Ordering;
use tailweir_kubernetes::Kind;

const NAMES: &str = "extract: {metadata: [k8s.pod.name]}";

/// Scenario: a pod is deleted by an event that no longer has its address; another gets the address meanwhile.
/// Guarantees: it is found until its grace is over, by nobody who asks for the new one, and not after.
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | `pod_delete_grace_period` | same
#[test]
fn pods_are_found_for_a_while_after_they_are_gone() {
    let bench = Bench::new(&format!("{NAMES}\npod_delete_grace_period: 10s"));
    bench.list(
        Kind::Pod,
        &[pod("a", "10.0.0.1", 1), pod("b", "10.0.0.2", 1)],
        0,
    );
    bench.event("DELETED", &json!({ "metadata": { "uid": "a" } }), 100);
    bench.event("DELETED", &pod("b", "10.0.0.2", 1), 100);
    bench.event("ADDED", &pod("c", "10.0.0.2", 5), 101);
    bench.table.expire(at(109));
    assert_eq!(bench.pod_of("10.0.0.1").as_deref(), Some("pod-a"));
    assert_eq!(bench.pod_of("10.0.0.2").as_deref(), Some("pod-c"));
    bench.table.expire(at(110));
    assert_eq!(bench.pod_of("10.0.0.1"), None);
    assert_eq!(bench.pod_of("10.0.0.2").as_deref(), Some("pod-c"));
}

/// Scenario: a pod's address changes; then its old one comes back before it is forgotten.
/// Guarantees: the old address finds it for the grace, and for good once it has it again.
#[test]
fn an_address_that_comes_back_stays() {
    let bench = Bench::new(&format!("{NAMES}\npod_delete_grace_period: 10s"));
    bench.event("ADDED", &pod("a", "10.0.0.1", 1), 0);
    bench.event("MODIFIED", &pod("a", "10.0.0.2", 1), 1);
    assert_eq!(bench.pod_of("10.0.0.1").as_deref(), Some("pod-a"));
    bench.event("MODIFIED", &pod("a", "10.0.0.1", 1), 2);
    bench.table.expire(at(60));
    assert_eq!(bench.pod_of("10.0.0.1").as_deref(), Some("pod-a"));
    assert_eq!(bench.pod_of("10.0.0.2"), None);
}

/// Scenario: a list is read again after a watch was lost, without one of the pods and one of the namespaces.
/// Guarantees: what is not in it any more is gone, a pod after its grace.
#[test]
fn what_a_list_has_no_more_is_gone() {
    let bench = Bench::new(&format!(
        "pod_delete_grace_period: 5s\n{}",
        "extract: {metadata: [k8s.pod.name], labels: [{key: t, from: namespace, tag_name: t}]}"
    ));
    let namespace =
        |name: &str| json!({ "metadata": { "name": name, "uid": name, "labels": { "t": "1" } } });
    bench.list(Kind::Namespace, &[namespace("shop"), namespace("jobs")], 0);
    bench.list(
        Kind::Pod,
        &[pod("a", "10.0.0.1", 1), pod("b", "10.0.0.2", 1)],
        0,
    );
    assert!(
        bench
            .enrich(Some("10.0.0.1"), &json!([]))
            .contains(&("t".to_owned(), json!("1")))
    );
    bench.list(Kind::Namespace, &[namespace("jobs")], 10);
    bench.list(Kind::Pod, &[pod("b", "10.0.0.2", 1)], 10);
    assert_eq!(bench.enrich(Some("10.0.0.1"), &json!([])).len(), 1);
    bench.table.expire(at(15));
    assert_eq!(bench.pod_of("10.0.0.1"), None);
    assert_eq!(bench.pod_of("10.0.0.2").as_deref(), Some("pod-b"));
    let figures = bench.table.figures();
    assert_eq!(figures.of(Kind::Pod).held.load(Ordering::Relaxed), 1);
    assert_eq!(figures.of(Kind::Namespace).gone.load(Ordering::Relaxed), 1);
}

/// Scenario: more pods than may be remembered, one of which goes; an object with more labels than find room.
/// Guarantees: the further ones are counted and not found, room is given again, and labels are left out by name.
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | `max_objects`, `max_object_bytes` | only here: what
/// finds no room is counted
#[test]
fn what_is_remembered_is_bounded() {
    let bench = Bench::new(&format!(
        "{NAMES}\nmax_objects: 2\npod_delete_grace_period: 0s"
    ));
    let pods: Vec<_> = (1..=3)
        .map(|n| pod(&n.to_string(), &format!("10.0.0.{n}"), 1))
        .collect();
    bench.list(Kind::Pod, &pods, 0);
    assert_eq!(bench.pod_of("10.0.0.3"), None);
    assert_eq!(
        bench
            .table
            .figures()
            .of(Kind::Pod)
            .refused
            .load(Ordering::Relaxed),
        1
    );
    bench.event("DELETED", &pods[0], 1);
    bench.table.expire(at(1));
    bench.event("ADDED", &pods[2], 2);
    assert_eq!(bench.pod_of("10.0.0.3").as_deref(), Some("pod-3"));

    let bench =
        Bench::new("extract: {metadata: [], labels: [{key_regex: '.*'}]}\nmax_object_bytes: 1024");
    let mut large = pod("a", "10.0.0.1", 1);
    large["metadata"]["labels"] = json!({ "a": "x".repeat(600), "b": "y".repeat(600), "c": "z" });
    bench.list(Kind::Pod, &[large], 0);
    let names = bench
        .enrich(Some("10.0.0.1"), &json!([]))
        .into_iter()
        .map(|(name, _)| name);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["k8s.pod.labels.a", "k8s.pod.labels.c"]
    );
    assert_eq!(
        bench
            .table
            .figures()
            .of(Kind::Pod)
            .cut
            .load(Ordering::Relaxed),
        1
    );
}

/// Scenario: a pod whose annotation says that it is to be ignored, whatever is extracted.
/// Guarantees: it is not found.
#[test]
fn ignored_pods_are_not_found() {
    let bench = Bench::new(NAMES);
    let mut ignored = pod("a", "10.0.0.1", 1);
    ignored["metadata"]["annotations"] =
        json!({ "opentelemetry.io/k8s-processor/ignore": " True " });
    bench.list(Kind::Pod, &[ignored], 0);
    assert_eq!(bench.pod_of("10.0.0.1"), None);
    assert_eq!(bench.table.figures().resources()[2], ("unknown", 1));
}

proptest! {
    /// Scenario: pods of few UIDs and addresses are set and deleted in any order, at any time.
    /// Guarantees: when all graces are over, an address finds the pod that is there with the latest start of those that
    /// have it, or nothing where none has; nothing else is remembered.
    #[test]
    fn in_the_end_addresses_find_those_that_are_there(
        steps in prop::collection::vec((0..4_u32, 0..3_u32, any::<bool>()), 1..40)
    ) {
        let bench = Bench::new(&format!("{NAMES}\npod_delete_grace_period: 3s"));
        let mut there = std::collections::BTreeMap::new();
        for (second, (uid, address, is_set)) in steps.iter().enumerate() {
            // Each UID has a start of its own, as pods do.
            let object = pod(&uid.to_string(), &format!("10.0.0.{address}"), *uid);
            let event = if *is_set { "MODIFIED" } else { "DELETED" };
            bench.event(event, &object, second as u64);
            match is_set {
                true => there.insert(*uid, *address),
                false => there.remove(uid),
            };
            bench.table.expire(at(second as u64));
        }
        // Everything is told once more, as a list does.
        let list: Vec<_> = there.iter().map(|(uid, address)| pod(&uid.to_string(), &format!("10.0.0.{address}"), *uid)).collect();
        bench.table.expire(at(1_000));
        bench.list(Kind::Pod, &list, 1_000);
        bench.table.expire(at(2_000));
        for address in 0..3_u32 {
            let latest = there.iter().filter(|(_, own)| **own == address).map(|(uid, _)| *uid).max();
            let expected = latest.map(|uid| format!("pod-{uid}"));
            prop_assert_eq!(bench.pod_of(&format!("10.0.0.{address}")), expected);
        }
        prop_assert_eq!(bench.table.figures().of(Kind::Pod).held.load(Ordering::Relaxed), there.len() as u64);
    }
}
