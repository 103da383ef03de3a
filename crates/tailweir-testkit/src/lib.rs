//! For tests only: golden vectors, and what else several rooms' tests share.
//!
//! - [`Folder`] and [`Tally`] read and count the golden vectors of real Collector components.
//! - [`load_case`] loads the whole configurations among them.
//! - [`normal_form`] and [`sorted_form`] make two encodings of the same telemetry comparable.
//! - [`request`], [`span`] and [`trace_id`] build OTLP requests, one sentence each.
//! - [`traces_of_exemplars`] says which traces metrics name.
//! - [`Sink`] is a scripted OTLP backend on loopback.
//! - [`HttpSink`] is one that speaks HTTP, of whatever protocol.
//! - [`BytesCodec`] is gRPC whose messages are bytes.
//! - [`ZipkinSpans`] is a request of Zipkin's protobuf.
//! - [`Authority`] signs certificates, of servers by name and of members by identity.
//! - [`Binary`] runs a real process and waits for what it writes.

mod authority;
mod builder;
mod codec;
mod configuration;
mod exemplars;
mod golden;
mod http_sink;
mod normal;
mod process;
mod sink;
mod zipkin;

pub use authority::{Authority, Signed};
pub use builder::{
    AttributeValue, RequestBuilder, START_NANOS, SpanBuilder, attribute, request, span, span_id,
    trace_id,
};
pub use codec::BytesCodec;
pub use configuration::load_case;
pub use exemplars::traces_of_exemplars;
pub use golden::{Folder, Tally};
pub use http_sink::{HttpSink, Posted};
pub use normal::{normal_form, normal_json, sorted_form};
pub use process::{Binary, HttpAnswer, Line, Signal, http_get, http_post, http_post_with};
pub use sink::{Answer, Gate, PATIENCE, Received, Sink};
pub use zipkin::{ZipkinAnnotation, ZipkinEndpoint, ZipkinSpan, ZipkinSpans};
