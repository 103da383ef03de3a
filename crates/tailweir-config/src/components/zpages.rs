//! The `zpages` extension.

use super::server::HttpServer;
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

settings! {
    /// Pages for people that show how the process does, below `/debug/`: `servicez`, `pipelinez`, `extensionz`,
    /// `featurez` and `tracez`.
    pub struct ZPages inlines {
        /// The server.
        server: HttpServer = HttpServer {
            endpoint: "localhost:55679".to_owned(),
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            ..HttpServer::default()
        },
    } {
        /// Figures of the process for programs, at `/debug/expvarz`.
        expvar: ExpVar = ExpVar::default(),
    }
    rules zpages_rules;
}

fn zpages_rules(pages: &mut ZPages, block: &mut Block<'_>, report: &mut Report) {
    if pages.server.endpoint.trim().is_empty() {
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            "`endpoint` is empty",
            "write `endpoint: localhost:55679`, say",
        );
    }
}

settings! {
    /// Figures of the process for programs.
    pub struct ExpVar {
        /// Whether they are served.
        enabled: bool = false,
    }
}
