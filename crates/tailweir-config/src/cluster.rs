//! The `cluster` section: Tailweir's one addition to the sections of the Collector.

mod rules;

use crate::setting::{choice, settings};
use std::net::Ipv6Addr;
use std::time::Duration;

choice! {
    /// What a process does in a cluster.
    pub enum ClusterRole = Gateway {
        /// Takes telemetry from clients and brings spans to the samplers that own their slots.
        Gateway = "gateway",
        /// Owns slots: holds spans, decides, exports.
        Sampler = "sampler",
        /// Agrees with the other controllers on members, slots and policies.
        Controller = "controller",
    }
}

settings! {
    /// Makes many processes one gateway. Without it a process is complete by itself.
    ///
    /// Every value has a flag and a variable that win over the file, so that one file serves every
    /// process: `data_dir` is `--cluster-data-dir` and `TAILWEIR_CLUSTER_DATA_DIR`. Lists are separated
    /// by commas there.
    pub struct Cluster {
        /// Name of the cluster; all its processes have the same. 1 to 63 letters, digits, `-`, `_`, `.`.
        id: String = String::new(),
        /// Name of this process: unique in the cluster, and the same after a restart. Empty: the name of
        /// the host.
        name: String = String::new(),
        /// What this process does: any of `gateway`, `sampler`, `controller`.
        roles: Vec<ClusterRole> = vec![
            ClusterRole::Gateway,
            ClusterRole::Sampler,
            ClusterRole::Controller,
        ],
        /// Address, `host:port`, where the other processes are served.
        listen: String = "0.0.0.0:4319".to_owned(),
        /// Address, `host:port`, where they reach this process. Empty: `name`, with the port of `listen`.
        advertise: String = String::new(),
        /// Addresses, `host:port`, of the first controllers: 1 to 7, best 3 or 5, everywhere in the same
        /// order. A cluster forms when all of them answer that they belong to none.
        controllers: Vec<String> = Vec::new(),
        /// Directory of what outlives a restart: of a controller its identity, log and snapshots; of any
        /// other process the last routing table, which it works by until a controller answers. A
        /// controller needs one. Empty: nothing is kept.
        data_dir: String = String::new(),
        /// Where this process fails together with others. The two copies of a span are in different
        /// zones, where there are two.
        zone: String = String::new(),
        /// Share of the slots relative to other samplers, 1 to 100.
        weight: u16 = 1,
        /// Copies of what is not decided yet, 1 or 2. Counts when the cluster forms.
        replication: u16 = 2,
        /// How long a sampler that does not answer is waited for before others take over, 1s to 60s.
        lease: Duration = Duration::from_secs(3),
        /// How long a sampler that stops waits for others to need it no longer, at most 1h. What it
        /// still holds then is copied away.
        drain_timeout: Duration = Duration::from_secs(60),
        /// Certificates by which processes know each other.
        tls: Option<ClusterTls> = None,
        /// Know nobody, and speak plain text: whoever reaches `listen` belongs to the cluster.
        insecure: bool = false,
    }
    present_when_empty true;
    rules rules::cluster;
}

settings! {
    /// Certificates of processes of a cluster. All three files are needed; each is read again when it
    /// changes. The certificate names the process by a URI, `tailweir://ID/ROLE+ROLE/NAME`.
    pub struct ClusterTls {
        /// Path of the certificates that sign those of the cluster (PEM).
        ca_file: String = String::new(),
        /// Path of this process's certificate (PEM).
        cert_file: String = String::new(),
        /// Path of its private key (PEM).
        key_file: String = String::new(),
    }
    present_when_empty true;
    rules rules::tls;
}

impl Cluster {
    /// Whether this process has that role.
    #[must_use]
    pub fn has(&self, role: ClusterRole) -> bool {
        self.roles.contains(&role)
    }

    /// The address where others reach this process, which is called `name`. One of IPv6 has its brackets.
    #[must_use]
    pub fn advertised(&self, name: &str) -> String {
        match (self.advertise.as_str(), self.listen.rsplit_once(':')) {
            ("", Some((_, port))) => format!("{name}:{port}"),
            (address, _) => bracketed(address),
        }
    }
}

/// Whoever puts a pod's address before a port does not know of which kind it is.
fn bracketed(address: &str) -> String {
    match address.rsplit_once(':') {
        Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => format!("[{host}]:{port}"),
        _ => address.to_owned(),
    }
}
