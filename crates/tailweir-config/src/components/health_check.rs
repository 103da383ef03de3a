//! The `health_check` extension.

use super::server::HttpServer;
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use serde_json::Value as Json;

settings! {
    /// Answers 200 when the gateway takes data, 503 when it does not.
    pub struct HealthCheck inlines {
        /// The server.
        server: HttpServer = HttpServer {
            endpoint: "localhost:13133".to_owned(),
            ..HttpServer::default()
        },
    } {
        /// Path that is answered.
        path: String = "/".to_owned(),
        /// Bodies of the answers. Absent: a JSON object with state and time.
        response_body: Option<ResponseBody> = None,
    }
    ignored {
        "check_collector_pipeline": Json = "the answer always follows the pipelines' state",
    }
    refused {
        "use_v2" = "there is one health check; remove the option",
        "http" = "options of the second version are not supported; use `endpoint` and `path`",
        "grpc" = "health over gRPC is not served; use `endpoint` and `path`",
        "component_health" = "options of the second version are not supported",
    }
    rules health_check_rules;
}

fn health_check_rules(check: &mut HealthCheck, block: &mut Block<'_>, report: &mut Report) {
    if check.server.endpoint.is_empty() {
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
