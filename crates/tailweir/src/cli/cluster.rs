//! The flags and variables of the `cluster` section. They win over the file, so that the same file serves every
//! process of a cluster.

use clap::Args;
use tailweir_config::Sources;

/// One value each; what is empty counts as not given.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArguments {
    /// Name of the cluster
    #[arg(long, value_name = "ID", env = "TAILWEIR_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// Name of this process in the cluster
    #[arg(long, value_name = "NAME", env = "TAILWEIR_CLUSTER_NAME")]
    cluster_name: Option<String>,
    /// What this process does: gateway, sampler, controller
    #[arg(long, value_name = "LIST", env = "TAILWEIR_CLUSTER_ROLES")]
    cluster_roles: Option<String>,
    /// Where the other processes are served
    #[arg(long, value_name = "HOST:PORT", env = "TAILWEIR_CLUSTER_LISTEN")]
    cluster_listen: Option<String>,
    /// Where they reach this process
    #[arg(long, value_name = "HOST:PORT", env = "TAILWEIR_CLUSTER_ADVERTISE")]
    cluster_advertise: Option<String>,
    /// Addresses of the first controllers
    #[arg(long, value_name = "LIST", env = "TAILWEIR_CLUSTER_CONTROLLERS")]
    cluster_controllers: Option<String>,
    /// Directory of what outlives a restart
    #[arg(long, value_name = "DIRECTORY", env = "TAILWEIR_CLUSTER_DATA_DIR")]
    cluster_data_dir: Option<String>,
    /// Where this process fails together with others
    #[arg(long, value_name = "ZONE", env = "TAILWEIR_CLUSTER_ZONE")]
    cluster_zone: Option<String>,
    /// Share of the slots relative to other samplers
    #[arg(long, value_name = "NUMBER", env = "TAILWEIR_CLUSTER_WEIGHT")]
    cluster_weight: Option<String>,
    /// Copies of what is not decided yet, 1 or 2
    #[arg(long, value_name = "NUMBER", env = "TAILWEIR_CLUSTER_REPLICATION")]
    cluster_replication: Option<String>,
    /// How long a sampler that does not answer is waited for
    #[arg(long, value_name = "DURATION", env = "TAILWEIR_CLUSTER_LEASE")]
    cluster_lease: Option<String>,
    /// How long a sampler that stops waits for others to need it no longer
    #[arg(long, value_name = "DURATION", env = "TAILWEIR_CLUSTER_DRAIN_TIMEOUT")]
    cluster_drain_timeout: Option<String>,
    /// Path of the certificates that sign those of the cluster
    #[arg(long, value_name = "FILE", env = "TAILWEIR_CLUSTER_TLS_CA_FILE")]
    cluster_tls_ca_file: Option<String>,
    /// Path of this process's certificate
    #[arg(long, value_name = "FILE", env = "TAILWEIR_CLUSTER_TLS_CERT_FILE")]
    cluster_tls_cert_file: Option<String>,
    /// Path of its private key
    #[arg(long, value_name = "FILE", env = "TAILWEIR_CLUSTER_TLS_KEY_FILE")]
    cluster_tls_key_file: Option<String>,
    /// Know nobody, and speak plain text
    #[arg(
        long,
        value_name = "BOOLEAN",
        num_args = 0..=1,
        default_missing_value = "true",
        env = "TAILWEIR_CLUSTER_INSECURE"
    )]
    cluster_insecure: Option<String>,
}

/// How a value of the command line is written in YAML.
type Notation = fn(&str) -> String;

impl ClusterArguments {
    /// The sources, with what is given here over them.
    pub(crate) fn over(&self, sources: Sources) -> Sources {
        self.options()
            .into_iter()
            .filter_map(|(key, value, notation)| {
                let value = value.as_deref().filter(|value| !value.is_empty())?;
                Some((key, notation(value)))
            })
            .fold(sources, |sources, (key, value)| {
                let flag = key.replace("::", "-").replace('_', "-");
                let variable = key.replace("::", "_").to_uppercase();
                let origin = format!("--cluster-{flag} or TAILWEIR_CLUSTER_{variable}");
                sources.option(&origin, &format!("cluster::{key}"), &value)
            })
    }

    fn options(&self) -> [(&'static str, &Option<String>, Notation); 16] {
        [
            ("id", &self.cluster_id, text),
            ("name", &self.cluster_name, text),
            ("roles", &self.cluster_roles, list),
            ("listen", &self.cluster_listen, text),
            ("advertise", &self.cluster_advertise, text),
            ("controllers", &self.cluster_controllers, list),
            ("data_dir", &self.cluster_data_dir, text),
            ("zone", &self.cluster_zone, text),
            ("weight", &self.cluster_weight, scalar),
            ("replication", &self.cluster_replication, scalar),
            ("lease", &self.cluster_lease, scalar),
            ("drain_timeout", &self.cluster_drain_timeout, scalar),
            ("tls::ca_file", &self.cluster_tls_ca_file, text),
            ("tls::cert_file", &self.cluster_tls_cert_file, text),
            ("tls::key_file", &self.cluster_tls_key_file, text),
            ("insecure", &self.cluster_insecure, scalar),
        ]
    }
}

/// A text is taken as it is: no number, no substitution. JSON's quotes and escapes are YAML's as well.
fn text(value: &str) -> String {
    serde_json::Value::from(value.replace('$', "$$")).to_string()
}

fn list(value: &str) -> String {
    let items: Vec<_> = value.split(',').map(|item| text(item.trim())).collect();
    format!("[{}]", items.join(", "))
}

fn scalar(value: &str) -> String {
    value.to_owned()
}
