//! The gateway over real sockets: clients on one side, a scripted backend on the other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod clients;
mod cluster;
mod clustered_logs;
mod connections;
mod connectors;
mod exemplars;
mod fan_out;
mod files;
mod harness;
mod jaeger;
mod life;
mod load_balancing;
mod loki;
mod pages;
mod pairing;
mod pipelines;
mod pressure;
mod processors;
mod protocol;
mod raw_grpc;
mod retiring;
mod scraping;
mod security;
mod shared_targets;
mod signals;
mod streams;
mod trace_aware;
mod traces;
mod written_files;
mod zipkin;
