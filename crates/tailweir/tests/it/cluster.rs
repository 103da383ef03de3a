//! Processes that are one cluster.

use crate::gateway::{address, program, stdout, tailweir};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use tailweir_testkit::{
    Binary, Received, Signal, Sink, http_get, http_post, request, span, trace_id,
};
use tempfile::TempDir;

const REST: &str = "
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}}
processors: {tail_sampling: {policies: [{name: all, type: always_sample}]}}
exporters: {nop: }
service:
  telemetry: {logs: {encoding: json}}
  pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}}
";

/// Three processes with one configuration file.
pub(crate) struct Cluster {
    folder: TempDir,
    config: PathBuf,
    addresses: Vec<SocketAddr>,
    /// Of each process.
    roles: [&'static str; 3],
    pub(crate) members: Vec<(Binary, SocketAddr)>,
}

/// A process that is everything.
const ALL_ROLES: &str = "gateway,sampler,controller";

impl Cluster {
    pub(crate) fn start(rest: &str) -> Self {
        Self::of_roles(rest, [ALL_ROLES; 3])
    }

    /// Three processes with these roles, each of them a controller too.
    pub(crate) fn of_roles(rest: &str, roles: [&'static str; 3]) -> Self {
        let folder = TempDir::new().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = [free(), free(), free()];
        let addresses: Vec<SocketAddr> = listeners
            .iter()
            .map(|it| it.local_addr().unwrap())
            .collect();
        drop(listeners);
        let seeds: Vec<String> = addresses.iter().map(|it| format!("'{it}'")).collect();
        let config = folder.path().join("gateway.yaml");
        let section = format!(
            "cluster: {{id: test, controllers: [{}], insecure: true}}",
            seeds.join(", ")
        );
        fs::write(&config, format!("{section}{rest}")).unwrap();
        let mut cluster = Self {
            folder,
            config,
            addresses,
            roles,
            members: Vec::new(),
        };
        cluster.members = (0..3).map(|number| cluster.launch(number)).collect();
        cluster
    }

    /// The same file serves each of them.
    fn launch(&self, number: usize) -> (Binary, SocketAddr) {
        let own = self.addresses[number].to_string();
        let mut command = Command::new(program());
        command
            .args(["run", "--admin", "127.0.0.1:0", "--watch-interval", "200ms"])
            .arg("--config")
            .arg(&self.config)
            .env("TAILWEIR_CLUSTER_NAME", format!("member-{number}"))
            .env("TAILWEIR_CLUSTER_ROLES", self.roles[number])
            .env("TAILWEIR_CLUSTER_LISTEN", &own)
            .env("TAILWEIR_CLUSTER_ADVERTISE", &own)
            .arg("--cluster-data-dir")
            .arg(self.data_dir(number));
        let binary = Binary::spawn(command);
        let admin = address(&binary, "admin");
        (binary, admin)
    }

    fn data_dir(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("data-{number}"))
    }

    fn config(&self) -> &Path {
        &self.config
    }

    /// What a member tells about the cluster, as soon as it is as wanted. Each question waits for its answer.
    pub(crate) fn page(&self, number: usize, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.ask(number, "/cluster", is_wanted)
    }

    /// Asks a member until it says what is wanted.
    pub(crate) fn ask(
        &self,
        number: usize,
        path: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let admin = self.members[number].1;
        for _ in 0..20_000 {
            let page = serde_json::from_str(&http_get(admin, path).body).unwrap();
            if is_wanted(&page) {
                return page;
            }
        }
        panic!("member {number} does not say what is wanted at {path}")
    }
}

/// What keeps traces with errors and their logs, and sends both to the sink.
fn with_logs(sink: &Sink) -> String {
    let endpoint = sink.endpoint();
    format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}
processors:
  tail_sampling:
    decision_wait: 600s
    decision_wait_after_root_received: 300ms
    policies: [{{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}]
  tail_sampling/logs: {{trace_aware: {{sampler: tail_sampling, wait: 1h}}}}
exporters: {{otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}}}}}
service:
  telemetry: {{logs: {{encoding: json}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}}
    logs: {{receivers: [otlp], processors: [tail_sampling/logs], exporters: [otlp]}}
"
    )
}

/// Sends to one member as an SDK does: again, when it is asked to come again.
pub(crate) fn send(cluster: &Cluster, member: usize, signal: &str, content: &str, body: &[u8]) {
    let receiver = address(&cluster.members[member].0, "otlp/http");
    for _ in 0..100 {
        let answer = http_post(receiver, &format!("/v1/{signal}"), content, body);
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 503, "{}", answer.body);
    }
    panic!("a request is not taken")
}

/// The traces of the log records that arrived; each arrives once.
fn traces_of_logs(sink: &Sink) -> BTreeSet<Vec<u8>> {
    let mut traces = BTreeSet::new();
    for received in sink.received() {
        let Received::Logs(request) = received else {
            continue;
        };
        let scopes = request.resource_logs.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_logs);
        for record in scopes.flat_map(|scope| scope.log_records) {
            assert!(traces.insert(record.trace_id), "a record came twice");
        }
    }
    traces
}

/// Scenario: logs come to three processes before their spans. A process is stopped while they wait; then come the spans, through
/// another one.
/// Guarantees: the process hands on what waited and ends by itself; the logs of the traces that are kept arrive, each once, and no others.
#[test]
fn logs_wait_for_their_traces_while_a_process_leaves() {
    const TRACES: u64 = 30;
    let sink = Sink::start();
    let mut cluster = Cluster::start(&with_logs(&sink));
    for number in 0..3 {
        cluster.page(number, |page| {
            active(page) == 3 && page["slots"]["unsettled"] == 0
        });
    }
    let records: Vec<String> = (0..TRACES)
        .map(|n| {
            format!(
                r#"{{"traceId":"{}","timeUnixNano":"1","severityNumber":9}}"#,
                trace_id(n)
            )
        })
        .collect();
    let logs = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    );
    send(&cluster, 0, "logs", "application/json", logs.as_bytes());

    let (stopped, _) = cluster.members.pop().unwrap();
    stopped.signal(Signal::TERM);
    let (status, _) = stopped.finish();
    assert!(status.success());
    assert_eq!(traces_of_logs(&sink), BTreeSet::new());

    let spans = (0..TRACES).map(|n| {
        let span = span(trace_id(n), 1);
        if n.is_multiple_of(3) {
            span.error()
        } else {
            span.ok()
        }
    });
    let spans = request().spans(spans).bytes();
    send(&cluster, 1, "traces", "application/x-protobuf", &spans);
    let kept: BTreeSet<Vec<u8>> = (0..TRACES)
        .step_by(3)
        .map(|n| trace_id(n).0.to_vec())
        .collect();
    sink.block_until("logs of kept traces", |sink| traces_of_logs(sink) == kept);
}

pub(crate) fn active(page: &Value) -> usize {
    let members = page["members"].as_array().unwrap();
    let active = members.iter().filter(|it| it["phase"] == "active");
    active.filter(|it| it["owned"].as_u64() > Some(0)).count()
}

/// What the commands say of a cluster of three, asked at this address.
fn look_at_it(admin: &str) {
    let status = stdout(&tailweir(["cluster", "status", "--admin", admin]));
    assert!(
        status.contains("16384 slots, 0 of them unsettled"),
        "{status}"
    );
    assert_eq!(status.matches("follower").count(), 2, "{status}");
    let slots = stdout(&tailweir(["cluster", "slots", "--admin", admin]));
    assert!(slots.contains("member-1 copies"), "{slots}");
    let slot = stdout(&tailweir([
        "cluster", "slots", "--slot", "7", "--admin", admin,
    ]));
    assert!(
        slot.starts_with("7@") && slot.contains("copied by"),
        "{slot}"
    );
}

/// An operator asks for what is not there, for policies that change too much, and for some that do not.
fn change_it(cluster: &Cluster) {
    let config = cluster.config().to_str().unwrap().to_owned();
    let data = cluster.data_dir(0).to_str().unwrap().to_owned();
    let options = ["--config", &config, "--cluster-data-dir", &data];
    let refused = tailweir([
        "cluster", "remove", "nobody", options[0], options[1], options[2], options[3],
    ]);
    assert!(!refused.status.success());
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(reason.contains("no member is called nobody"), "{reason}");

    let policies = cluster.folder.path().join("policies.yaml");
    let apply = |text: &str| {
        fs::write(&policies, text).unwrap();
        let file = policies.to_str().unwrap();
        tailweir([
            "policy", "apply", file, options[0], options[1], options[2], options[3],
        ])
    };
    let refused = apply("processors: {batch: {timeout: 1s}}");
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(
        reason.contains("changes more than tail_sampling"),
        "{reason}"
    );
    let applied =
        apply("processors: {tail_sampling: {policies: [{name: some, type: always_sample}]}}");
    assert_eq!(stdout(&applied), "the policies are revision 2\n");
    for number in 0..3 {
        in_force(cluster, number, 2);
    }
    // As a ConfigMap changes: every process sees another file, each in its own time.
    let changed = fs::read_to_string(cluster.config()).unwrap();
    let changed = changed.replace("name: all", "name: every");
    fs::write(cluster.config(), &changed).unwrap();
    for number in 0..3 {
        in_force(cluster, number, 3);
        let page = cluster.page(number, |page| page["policies"] == 3);
        assert!(page["policies_refused"].is_null(), "{page}");
    }
}

/// Waits until a member has this revision of the policies in force.
fn in_force(cluster: &Cluster, number: usize, revision: u64) {
    cluster.ask(number, "/status", |status| {
        let known = status["process"]["policies"].as_u64().unwrap();
        assert!(
            known <= revision,
            "one content became several revisions: {status}"
        );
        known == revision
    });
}

/// Scenario: three processes start with one file; their status is asked for; an operator asks for what is not there, and
/// applies policies; the file changes under all three; one stops by SIGTERM.
/// Guarantees: they become one cluster with all slots, and say so by page, command and metrics; the others see it go; the
/// command fails with a reason; the policies are in force in each of them, and each file is one revision for all.
#[test]
fn three_processes_with_one_file_are_one_cluster() {
    let mut cluster = Cluster::start(REST);
    for number in 0..3 {
        let page = cluster.page(number, |page| active(page) == 3);
        assert_eq!(page["slots"]["assigned"], 16_384);
        assert_eq!(page["slots"]["unsettled"], 0);
        assert_eq!(page["name"], format!("member-{number}"));
    }
    let admin = cluster.members[0].1;
    assert_eq!(http_get(admin, "/livez").status, 200);
    assert_eq!(http_get(admin, "/readyz").body, "ready\n");

    look_at_it(&admin.to_string());
    // The file of all three is the first revision.
    for number in 0..3 {
        in_force(&cluster, number, 1);
    }
    change_it(&cluster);

    let (stopped, _) = cluster.members.pop().unwrap();
    stopped.signal(Signal::TERM);
    cluster.page(0, |page| {
        let mut members = page["members"].as_array().unwrap().iter();
        members.all(|it| it["name"] != "member-2" || it["phase"] != "active")
    });
    // It waits for its traces to end; a second signal does not.
    stopped.signal(Signal::TERM);
    stopped.finish();
    let metrics = http_get(admin, "/metrics").body;
    assert!(metrics.contains("tailweir_cluster_epoch"), "{metrics}");
}

/// Scenario: a sampler starts and no controller answers.
/// Guarantees: it lives and is not ready, says so also to whoever watches metrics, tells of no losses that it knows nothing
/// of, and ends when told to.
#[test]
fn a_sampler_without_controllers_says_that_it_is_not_ready() {
    // Takes connections, and reads nothing.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    let [nobody_is, own_is] = [&nobody, &own].map(|it| it.local_addr().unwrap());
    drop(own);
    let section = format!(
        "cluster: {{id: test, roles: [sampler], controllers: ['{nobody_is}'], listen: '{own_is}', advertise: '{own_is}', insecure: true}}",
    );
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("sampler.yaml");
    fs::write(&config, format!("{section}{REST}")).unwrap();
    let mut command = Command::new(program());
    command
        .args(["run", "--admin", "127.0.0.1:0", "--cluster-data-dir"])
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(&config);
    let sampler = Binary::spawn(command);
    let admin = address(&sampler, "admin");

    let metrics = (0..20_000)
        .map(|_| http_get(admin, "/metrics").body)
        .find(|page| page.contains("tailweir_cluster_connected 0"))
        .expect("a member that waits tells how it stands");
    assert!(metrics.contains("tailweir_ready 0"), "{metrics}");
    assert!(!metrics.contains("tenures_lost"), "{metrics}");
    assert_eq!(http_get(admin, "/readyz").body, "joining\n");
    assert_eq!(http_get(admin, "/livez").status, 200);
    sampler.signal(Signal::TERM);
    sampler.finish();
}
