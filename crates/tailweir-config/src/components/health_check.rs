//! The `health_check` extension.

use crate::report::{Cause, Report};
use crate::setting::{Block, Headers, settings};
use serde_json::Value as Json;
use std::time::Duration;

settings! {
    /// Answers 200 when the gateway takes data, 503 when it does not.
    pub struct HealthCheck {
        /// Address, `host:port`.
        endpoint: String = "localhost:13133".to_owned(),
        /// Headers of every answer.
        response_headers: Headers = Headers::default(),
        /// Path that is answered.
        path: String = "/".to_owned(),
        /// Bodies of the answers. Absent: a JSON object with state and time.
        response_body: Option<ResponseBody> = None,
    }
    ignored {
        "check_collector_pipeline": Json = "the answer always follows the pipelines' state",
        "transport": String = "the answer is served over TCP",
        "cors": Json = "probes are not web pages",
        "include_metadata": bool = "no processor sees a probe",
        "max_request_body_size": i64 = "bodies of probes are not read",
        "compression_algorithms": Vec<String> = "bodies of probes are not read",
        "read_timeout": Duration = "bodies of probes are not read",
        "read_header_timeout": Duration = "the time is fixed",
        "write_timeout": Duration = "the answer is always at hand",
        "idle_timeout": Duration = "the time is fixed",
        "keep_alives_enabled": bool = "probes close their connections",
        "keepalive": Json = "probes close their connections",
    }
    refused {
        "tls" = "the health check speaks plain text; let it listen where only probes reach it",
        "auth" = "the health check answers everybody; let it listen where only probes reach it",
        "middlewares" = "there are no middleware extensions",
        "use_v2" = "there is one health check; remove the option",
        "http" = "options of the second version are not supported; use `endpoint` and `path`",
        "grpc" = "health over gRPC is not served; use `endpoint` and `path`",
        "component_health" = "options of the second version are not supported",
    }
    rules health_check_rules;
}

fn health_check_rules(check: &mut HealthCheck, block: &mut Block<'_>, report: &mut Report) {
    if check.endpoint.is_empty() {
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            "`endpoint` is empty",
            "",
        );
    }
    if !check.path.starts_with('/') {
        let text = "`path` must start with a slash";
        report.error_at(
            block.at("path"),
            Cause::NotAllowed,
            text,
            "write `path: /healthz`, say",
        );
    }
}

settings! {
    /// Bodies of the answers of the health check.
    pub struct ResponseBody {
        /// When data is taken.
        healthy: String = String::new(),
        /// When it is not.
        unhealthy: String = String::new(),
    }
}
