//! The public face of the crate, and the golden vectors of the Collector.

mod cluster;
mod documents;
mod extensions;
mod feature_gates;
mod golden;
mod golden_tail_sampling;
mod hostile;
mod http_keepalive;
mod kubernetes;
mod metrics_transform;
mod mistakes;
mod not_offered;
mod old_forms;
mod pipelines;
mod policies;
mod prometheus;
mod receivers;
mod resource_detection;
mod scrape;
mod settings;
mod substitution;
mod telemetry;
mod workbench;
