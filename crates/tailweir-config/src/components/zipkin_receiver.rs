//! The `zipkin` receiver.

use super::server::{HttpServer, warn_of_localhost};
use crate::report::Report;
use crate::setting::{Block, settings};

settings! {
    /// Takes spans as Zipkin does: version 1 as JSON and thrift at `/api/v1/spans`, version 2 as JSON and protobuf at
    /// any other path.
    pub struct ZipkinReceiver inlines {
        /// The server.
        server: HttpServer = HttpServer {
            endpoint: "localhost:9411".to_owned(),
            keep_alives_enabled: false,
            ..HttpServer::default()
        },
    } {
        /// Make numbers and booleans of tags that read as such.
        parse_string_tags: bool = false,
    }
    rules zipkin_receiver_rules;
}

fn zipkin_receiver_rules(_: &mut ZipkinReceiver, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 9411, report);
}
