//! Processors that change OTLP of all three signals: each is a [`Transform`].
//!
//! A pipeline compiles the settings of a processor once, by [`compile`], and applies the transform to every
//! request. Only messages that change are written anew; every other byte, unknown fields included, stays
//! as it was, and a request in which nothing changes comes back as the same buffer. Items that a transform
//! leaves out or makes are counted in its [`Outcome`]. Nothing here decodes a whole message, reads a clock
//! or opens a socket.
//!
//! ```
//! use tailweir_config::{Action, AttributeAction, Literal, ResourceProcessor};
//! use tailweir_core::Signal;
//! use tailweir_otlp::{AnyValue, RequestView};
//! use tailweir_transform::{ClientContext, Edits, Request, Transform};
//!
//! let edits = Edits::resource(&ResourceProcessor {
//!     attributes: vec![AttributeAction {
//!         key: "region".to_owned(),
//!         action: Action::Insert,
//!         value: Some(Literal::Text("eu".to_owned())),
//!         ..Default::default()
//!     }],
//! })
//! .unwrap();
//!
//! // resource_spans {}
//! let body = b"\x0a\x00".to_vec().into();
//! let client = &ClientContext::default();
//! let edited = edits.apply(Request { signal: Signal::Traces, body, client }).unwrap();
//! let resource = RequestView(&edited.body).resources().next().unwrap().resource();
//! assert_eq!(resource.attributes().get(b"region"), Some(AnyValue::String(b"eu")));
//! ```

mod action;
mod aggregation;
mod client;
mod detected;
mod edits;
mod error;
mod filter;
mod grouping;
mod growth;
mod hexadecimal;
mod literal;
mod matcher;
mod metric_changes;
mod noted;
mod redaction;
mod sampling;
mod scaling;
mod span_names;
mod statements;
mod transform;

pub use detected::Detected;
pub use edits::Edits;
pub use error::{CompileError, CompileErrors, TransformError};
pub use growth::{GROWTH_MAX, edit_resources};
pub use literal::encode as encode_literal;
pub use noted::Noted;
pub use statements::Statements;
pub use tailweir_core::{AuthAttribute, ClientContext};
pub use tailweir_ottl::{Dialect, Surroundings, Time};
pub use transform::{Count, DropCause, Outcome, Request, Transform, compile};
