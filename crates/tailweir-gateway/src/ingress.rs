//! OTLP and other APIs over sockets: listeners, gRPC and HTTP, credentials, compression, limits.
//!
//! ```text
//! listener -> (TLS) -> grpc | http -> door -> body read under a permit -> Intake
//! ```
//!
//! Nothing here decodes OTLP: what goes to the [`Intake`] is the request's own protobuf bytes.
//! What a refusal looks like to a client is known to `status.rs` alone.

pub(crate) mod auth;
mod body;
mod compression;
mod content;
mod datagrams;
mod door;
mod grpc;
mod http_server;
mod listener;
mod page;
mod status;
mod upload;

pub(crate) use body::{Charged, Reading};
pub(crate) use compression::{Compression, SizeLimit};
pub(crate) use content::Content;
pub(crate) use datagrams::{DatagramOptions, DatagramServer, DatagramSocket};
pub(crate) use door::{CallerSpan, Delivery, Door, Intake, Transport};
pub(crate) use grpc::{GrpcApi, GrpcService};
pub(crate) use http_server::{Cors, HttpApi, HttpOptions, HttpService};
pub(crate) use listener::{
    ConnectionLimits, Endpoint, Family, Listener, PingPolicy, Protocol, Server,
};
pub use page::Pages;
pub(crate) use page::{PageOptions, PageService, Shown};
