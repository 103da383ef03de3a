//! OTTL paths over OTLP bytes: what `span.attributes["x"]` means, read and written.
//!
//! Policies and processors compile a condition for a [`Scene`] (a span, a span's event, a resource, a
//! scope, a log record, a metric, a data point) and evaluate it against the subject of that scene, which
//! is a handful of views of the bytes that a client sent. A path reads the one field that it names when
//! it is asked; nothing decodes a whole message. Statements work on a [`Draft`], which takes the bytes and
//! gives them anew with the one field changed that a path names.
//!
//! ```
//! use tailweir_otlp::{ResourceFields, ScopeFields, SpanView};
//! use tailweir_ottl::Options;
//! use tailweir_paths::{Condition, Scene, SpanSubject};
//!
//! let condition = Condition::compile(r#"name == "x" and kind == 0"#, &Scene::Span, &Options::default()).unwrap();
//! let span = SpanSubject {
//!     resource: ResourceFields(b""),
//!     scope: ScopeFields(b""),
//!     span: SpanView(b"\x2a\x01x"),
//! };
//! assert_eq!(condition.evaluate(&span), Ok(true));
//! ```

mod attributes;
mod draft;
mod inference;
mod log;
mod metric;
mod path;
mod point;
mod resource;
mod scene;
mod span;

pub use attributes::plain as value_of;
pub use draft::{Change, ClientFacts, Draft, WithClient, encode_value};
pub use inference::{FilterScene, InferenceError, asks_for_client};
pub use log::LogSubject;
pub use metric::MetricSubject;
pub use path::Path;
pub use point::DataPointSubject;
pub use resource::{ResourceSubject, ScopeSubject};
pub use scene::Scene;
pub use span::{SpanEventSubject, SpanSubject};

/// A condition about telemetry.
pub type Condition = tailweir_ottl::Condition<Path>;
