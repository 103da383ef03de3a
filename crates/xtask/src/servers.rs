//! Real servers on loopback: Tailweir itself, Prometheus, Loki, Jaeger; and the little HTTP to ask them.

mod backend;
mod http;
mod jaeger;
mod loki;
mod own_process;
mod prometheus;
mod tailweir;

pub(crate) use backend::Program;
pub(crate) use http::{ask, exchange, now, post, until};
pub(crate) use jaeger::{Jaeger, is_whole};
pub(crate) use loki::{Line, Loki};
pub(crate) use own_process::{OwnProcess, empty_folder};
pub(crate) use prometheus::{Prometheus, Release};
pub(crate) use tailweir::{Tailweir, free_addresses};
