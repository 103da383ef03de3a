//! Exporters against backends that do as they are told.

mod debug;
mod delivery;
mod file;
mod grpc;
mod http;
mod property;
mod queue;
mod receipt;
mod support;
mod tls;
mod waterfall;
