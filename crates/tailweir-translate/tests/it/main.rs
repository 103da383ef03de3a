//! Tests of this room.

mod jaeger;
mod recorded;
mod zipkin;
