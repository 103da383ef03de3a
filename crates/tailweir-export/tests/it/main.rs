//! Exporters against backends that do as they are told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod debug;
mod delivery;
mod file;
mod grpc;
mod http;
mod load_balancing;
mod loki;
mod portion;
mod property;
mod queue;
mod receipt;
mod remote_write;
mod stored;
mod successor;
mod support;
mod tls;
mod waterfall;
mod written_files;
mod zipkin;
