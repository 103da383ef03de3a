//! Which objects are asked for.

use crate::workbench::Bench;
use tailweir_kubernetes::Kind;

fn lists(block: &str) -> Vec<String> {
    let feeds = Bench::new(block).rules.feeds();
    feeds.iter().map(|feed| feed.list(None)).collect()
}

/// Scenario: settings that want more and more of what only other objects know.
/// Guarantees: nothing is asked for that nothing comes of, and pods come first.
#[test]
fn only_what_is_wanted_is_asked_for() {
    assert_eq!(lists(""), ["/api/v1/pods?limit=200"]);
    for (block, second) in [
        (
            "extract: {metadata: [k8s.deployment.uid]}",
            "/apis/apps/v1/replicasets?limit=200",
        ),
        (
            "extract: {metadata: [k8s.cronjob.uid]}",
            "/apis/batch/v1/jobs?limit=200",
        ),
        (
            "extract: {metadata: [k8s.node.uid]}",
            "/api/v1/nodes?limit=200",
        ),
        (
            "extract: {metadata: [k8s.cluster.uid]}",
            "/api/v1/namespaces?fieldSelector=metadata.name%3Dkube-system&limit=200",
        ),
        (
            "extract: {labels: [{key: a, from: statefulset}]}",
            "/apis/apps/v1/statefulsets?limit=200",
        ),
        (
            "extract: {annotations: [{key: a, from: daemonset}]}",
            "/apis/apps/v1/daemonsets?limit=200",
        ),
    ] {
        assert_eq!(lists(block), ["/api/v1/pods?limit=200", second], "{block}");
    }
    let all = Bench::new(
        "extract: {labels: [{key: a, from: deployment}, {key: a, from: cronjob}, {key: a, from: namespace}]}",
    );
    let kinds: Vec<_> = all.rules.feeds().iter().map(|feed| feed.kind()).collect();
    let expected = [
        Kind::Pod,
        Kind::Namespace,
        Kind::ReplicaSet,
        Kind::Deployment,
        Kind::Job,
        Kind::CronJob,
    ];
    assert_eq!(kinds, expected);
}

/// Scenario: filters of every sort.
/// Guarantees: they are asked for as selectors, with what separates them escaped; only pods, nodes and what has a
/// namespace are narrowed.
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | `filter` | same
#[test]
fn filters_are_asked_for() {
    let block = "extract: {labels: [{key: a, from: node}, {key: a, from: job}, {key: a, from: namespace}]}
filter:
  node: 'n,1'
  namespace: shop
  fields: [{key: status.phase, value: Running}, {key: spec.x, value: 'a=b', op: not-equals}]
  labels: [{key: app, value: cart}, {key: x/y, op: exists}, {key: z, op: does-not-exist}, {key: q, value: r, op: not-equals}]";
    let asked = lists(block);
    assert_eq!(
        asked[0],
        "/api/v1/namespaces/shop/pods?fieldSelector=status.phase%3DRunning%2Cspec.x%21%3Da%5C%3Db%2Cspec.nodeName%3Dn%5C%2C1\
         &labelSelector=app%3Dcart%2Cx%2Fy%2C%21z%2Cq%21%3Dr&limit=200"
    );
    assert_eq!(asked[1], "/api/v1/namespaces?limit=200");
    assert_eq!(
        asked[2],
        "/api/v1/nodes?fieldSelector=metadata.name%3Dn%5C%2C1&limit=200"
    );
    assert_eq!(asked[3], "/apis/batch/v1/namespaces/shop/jobs?limit=200");
}

/// Scenario: the second page of a list, and the watch that follows it.
/// Guarantees: the token goes back as it came, and the watch goes on from the version, with bookmarks.
#[test]
fn lists_go_on_and_are_watched() {
    let feed = &Bench::new("").rules.feeds()[0];
    assert_eq!(
        feed.list(Some("a&b")),
        "/api/v1/pods?limit=200&continue=a%26b"
    );
    assert_eq!(
        feed.watch("7"),
        "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=240"
    );
    assert_eq!(feed.accept(false), "application/json");
}
