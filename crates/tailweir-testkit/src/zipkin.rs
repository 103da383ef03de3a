//! The messages of Zipkin's protobuf, by its own numbers: an oracle for what is read and written here.

use prost::Message;
use std::collections::HashMap;

/// A request.
#[derive(Clone, PartialEq, Message)]
pub struct ZipkinSpans {
    /// Its spans.
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<ZipkinSpan>,
}

/// A span; its times are in microseconds.
#[derive(Clone, PartialEq, Message)]
pub struct ZipkinSpan {
    /// 8 or 16 bytes.
    #[prost(bytes, tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes; empty: it is a root.
    #[prost(bytes, tag = "2")]
    pub parent_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes, tag = "3")]
    pub id: Vec<u8>,
    /// 1 client, 2 server, 3 producer, 4 consumer.
    #[prost(int32, tag = "4")]
    pub kind: i32,
    /// What it does.
    #[prost(string, tag = "5")]
    pub name: String,
    /// When, since the Unix epoch.
    #[prost(fixed64, tag = "6")]
    pub timestamp: u64,
    /// How long.
    #[prost(uint64, tag = "7")]
    pub duration: u64,
    /// Who recorded it.
    #[prost(message, tag = "8")]
    pub local_endpoint: Option<ZipkinEndpoint>,
    /// Who was at the other end.
    #[prost(message, tag = "9")]
    pub remote_endpoint: Option<ZipkinEndpoint>,
    /// What happened meanwhile.
    #[prost(message, repeated, tag = "10")]
    pub annotations: Vec<ZipkinAnnotation>,
    /// What else is known.
    #[prost(map = "string, string", tag = "11")]
    pub tags: HashMap<String, String>,
}

/// Where a service is.
#[derive(Clone, PartialEq, Message)]
pub struct ZipkinEndpoint {
    /// Its name.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// 4 bytes, or none.
    #[prost(bytes, tag = "2")]
    pub ipv4: Vec<u8>,
    /// 16 bytes, or none.
    #[prost(bytes, tag = "3")]
    pub ipv6: Vec<u8>,
    /// 0: not known.
    #[prost(int32, tag = "4")]
    pub port: i32,
}

/// What happened at one moment.
#[derive(Clone, PartialEq, Message)]
pub struct ZipkinAnnotation {
    /// When, since the Unix epoch.
    #[prost(fixed64, tag = "1")]
    pub timestamp: u64,
    /// What.
    #[prost(string, tag = "2")]
    pub value: String,
}
