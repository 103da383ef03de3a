//! Processes that are one cluster.

use crate::gateway::{address, program, stdout, tailweir};
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use tailweir_testkit::{Binary, Signal, http_get};
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
struct Cluster {
    folder: TempDir,
    config: PathBuf,
    addresses: Vec<SocketAddr>,
    members: Vec<(Binary, SocketAddr)>,
}

impl Cluster {
    fn start() -> Self {
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
        fs::write(&config, format!("{section}{REST}")).unwrap();
        let mut cluster = Self {
            folder,
            config,
            addresses,
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
            .args(["run", "--admin", "127.0.0.1:0", "--config"])
            .arg(&self.config)
            .env("TAILWEIR_CLUSTER_NAME", format!("member-{number}"))
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
    fn page(&self, number: usize, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let admin = self.members[number].1;
        for _ in 0..20_000 {
            let page = serde_json::from_str(&http_get(admin, "/cluster").body).unwrap();
            if is_wanted(&page) {
                return page;
            }
        }
        panic!("the cluster does not become what is wanted")
    }
}

fn active(page: &Value) -> usize {
    let members = page["members"].as_array().unwrap();
    let active = members.iter().filter(|it| it["phase"] == "active");
    active.filter(|it| it["owned"].as_u64() > Some(0)).count()
}

/// Scenario: three processes start with one file; their status is asked for; an operator asks for what is not there, and
/// applies policies; one stops by SIGTERM.
/// Guarantees: they become one cluster with all slots, and say so by page, command and metrics; the others see it go; the
/// command fails with a reason; the policies are in force in each of them.
#[test]
fn three_processes_with_one_file_are_one_cluster() {
    let mut cluster = Cluster::start();
    for number in 0..3 {
        let page = cluster.page(number, |page| active(page) == 3);
        assert_eq!(page["slots"]["assigned"], 16_384);
        assert_eq!(page["slots"]["unsettled"], 0);
        assert_eq!(page["name"], format!("member-{number}"));
    }
    let admin = cluster.members[0].1;
    assert_eq!(http_get(admin, "/livez").status, 200);
    assert_eq!(http_get(admin, "/readyz").body, "ready\n");

    let look = admin.to_string();
    let status = stdout(&tailweir(["cluster", "status", "--admin", &look]));
    assert!(
        status.contains("16384 slots, 0 of them unsettled"),
        "{status}"
    );
    assert_eq!(status.matches("follower").count(), 2, "{status}");
    let slots = stdout(&tailweir(["cluster", "slots", "--admin", &look]));
    assert!(slots.contains("member-1 copies"), "{slots}");
    let slot = stdout(&tailweir([
        "cluster", "slots", "--slot", "7", "--admin", &look,
    ]));
    assert!(
        slot.starts_with("7@") && slot.contains("copied by"),
        "{slot}"
    );

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
    assert_eq!(stdout(&applied), "the policies are revision 1\n");
    for number in 0..3 {
        cluster.page(number, |page| page["policies"] == 1);
        cluster.members[number]
            .0
            .line_with("configuration reloaded");
    }

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
