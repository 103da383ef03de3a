//! Edits on OTLP of all three signals: the `resource` and `attributes` processors.
//!
//! A pipeline compiles the settings of a processor once into [`Edits`] and applies them to every request.
//! Only messages whose attributes change are written anew; every other byte, unknown fields included,
//! stays as it was, and a request in which nothing changes comes back as the same buffer. Nothing here
//! decodes a whole message, reads a clock or opens a socket.
//!
//! ```
//! use tailweir_config::{Action, AttributeAction, Literal, ResourceProcessor};
//! use tailweir_core::Signal;
//! use tailweir_otlp::{AnyValue, RequestView};
//! use tailweir_transform::{ClientContext, Edits};
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
//! let request = b"\x0a\x00".to_vec().into();
//! let edited = edits.apply(Signal::Traces, request, &ClientContext::default()).unwrap();
//! let resource = RequestView(&edited).resources().next().unwrap().resource();
//! assert_eq!(resource.attributes().get(b"region"), Some(AnyValue::String(b"eu")));
//! ```

mod action;
mod client;
mod edits;
mod error;
mod literal;
mod matcher;

pub use client::{AuthAttribute, ClientContext};
pub use edits::{Edits, GROWTH_MAX, Target};
pub use error::{CompileError, CompileErrors, EditError};
