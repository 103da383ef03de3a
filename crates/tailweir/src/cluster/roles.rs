//! What of a configuration a process runs, by its roles: one file serves every process of a cluster.

use tailweir_config::{ClusterRole, Receiver, Settings};

/// Leaves out what the roles of this process do not run: without `gateway` nothing is received from clients, without
/// `gateway` and `sampler` there is no pipeline.
pub(crate) fn limit_to_roles(mut settings: Settings) -> Settings {
    let Some(cluster) = &settings.cluster else {
        return settings;
    };
    let (receives, samples) = (
        cluster.has(ClusterRole::Gateway),
        cluster.has(ClusterRole::Sampler),
    );
    if !receives {
        for receiver in settings.receivers.values_mut() {
            *receiver = Receiver::Nop;
        }
    }
    if !receives && !samples {
        settings.pipelines.clear();
    }
    settings
}
