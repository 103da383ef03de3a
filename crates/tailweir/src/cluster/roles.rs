//! What of a configuration a process runs, by its roles: one file serves every process of a cluster.

use tailweir_config::{ClusterRole, Settings};

/// Leaves out what the roles of this process do not run: without `gateway` and `sampler` there is no pipeline. That
/// nothing is received without `gateway` is the gateway room's own business.
pub(crate) fn limit_to_roles(mut settings: Settings) -> Settings {
    let runs_pipelines = settings.cluster.as_ref().is_none_or(|cluster| {
        cluster.has(ClusterRole::Gateway) || cluster.has(ClusterRole::Sampler)
    });
    if !runs_pipelines {
        settings.pipelines.clear();
    }
    settings
}
