//! Spans of other formats, as OTLP bytes.
//!
//! Bytes in, bytes out: each span is written as OTLP while it is read, and what is
//! held meanwhile is bounded by a small multiple of what came. A request is translated whole, or not at all.
//!
//! ```
//! use tailweir_translate::{Zipkin, ZipkinFormat};
//!
//! let zipkin = Zipkin { format: ZipkinFormat::JsonV2, parse_string_tags: false, now: 0 };
//! let mut request = Vec::new();
//! zipkin.to_wire(br#"[{"traceId": "a", "id": "b"}]"#, &mut request).unwrap();
//! assert_eq!(tailweir_otlp::count_items(tailweir_core::Signal::Traces, &request), Ok(1));
//! ```

mod error;
mod jaeger;
mod proto;
mod thrift;
mod translation;
mod values;
mod zipkin;

pub use error::TranslateError;
pub use jaeger::Jaeger;
pub use zipkin::{Zipkin, ZipkinFormat};
