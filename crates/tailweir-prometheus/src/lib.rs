//! OTLP metrics as Prometheus has them: series, pages to be scraped, requests of remote write.
//!
//! ```text
//! OTLP bytes -> Store (series by stream, delta to cumulative, expiry) -> Page (text, OpenMetrics, protobuf)
//! OTLP bytes -> RemoteWrite -> requests of 1.0 or 2.0
//! ```
//!
//! A [`Store`] keeps the last value of each stream: what the `prometheus` exporter shows. A [`Page`] writes
//! it piece by piece, so that neither a slow scraper nor a large page holds updates up. Names, labels and
//! values come out as the Collector writes them, but nothing is left out silently: what cannot be shown is
//! counted by [`Trouble`] and named once. Under `compat: collector` what the Collector leaves out is left
//! out here too (and counted all the same).
//!
//! Nothing here opens a socket or reads a clock. Field numbers of `io.prometheus` are known here alone.
//!
//! ```
//! use tailweir_config::PrometheusExporter;
//! use tailweir_core::Moment;
//! use tailweir_prometheus::{Format, Page, Store, StoreOptions};
//!
//! let mut store = Store::new(StoreOptions::of(&PrometheusExporter::default()), 0);
//! // resource_metrics { scope_metrics { metrics { name: "up" gauge { data_points { as_int: 1 } } } } }
//! let request = b"\x0a\x15\x12\x13\x12\x11\x0a\x02up\x2a\x0b\x0a\x09\x31\x01\0\0\0\0\0\0\0";
//! assert_eq!(store.accept(request, Moment::ZERO).rejected, 0);
//!
//! let (mut page, mut text) = (Page::new(Format::negotiate("", false), Vec::new()), Vec::new());
//! while page.write_part(&mut store, Moment::ZERO, &mut text) {}
//! assert!(String::from_utf8(text).unwrap().contains("# TYPE up gauge\nup{"));
//! ```

mod attribute;
mod escaping;
mod exemplar;
mod labels;
mod naming;
mod negotiation;
mod page;
mod remote_write;
mod selection;
mod store;
mod target_key;
mod translation;
mod trouble;
mod value;

pub use escaping::Escaping;
pub use negotiation::{Format, wants_gzip};
pub use page::Page;
pub use remote_write::{RemoteWrite, Written, WrittenBatch};
pub use store::{Outcome, Store, StoreOptions};
pub use target_key::target_key;
pub use trouble::{Notice, Trouble};
