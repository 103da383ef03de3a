//! What Kubernetes knows of the pods that send telemetry: the `k8s_attributes` processor.
//!
//! ```text
//! settings -> Rules -> Feeds: which objects to ask for       (somebody else asks)
//! answers  -> read_page, read_event -> Table
//! request  -> PodAttributes: resource -> association -> Table -> attributes
//! ```
//!
//! A [`Table`] holds what is known of each object, as the attributes that come of it; [`Feed`]s say which lists have to
//! be read and watched for it. [`PodAttributes`] is the processor. [`read_one`] reads a single object, for whoever asks
//! which node a process runs on. Nothing here opens a socket or reads a clock. Whatever
//! an API answers, nothing panics, and what is remembered has a bound.
//!
//! ```
//! use std::sync::Arc;
//! use tailweir_config::KubernetesAttributes;
//! use tailweir_core::{ClientContext, Moment, Signal};
//! use tailweir_kubernetes::{PodAttributes, Rules, Table, read_page};
//! use tailweir_otlp::{AnyValue, RequestView};
//! use tailweir_transform::{Request, Transform};
//!
//! let rules = Arc::new(Rules::new(&KubernetesAttributes::default(), None).unwrap());
//! let table = Arc::new(Table::new(Arc::clone(&rules)));
//! let pods = &rules.feeds()[0];
//! let page = br#"{"metadata": {"resourceVersion": "7"}, "items": [{
//!     "metadata": {"name": "cart-1", "namespace": "shop", "uid": "u1"}, "status": {"podIP": "10.0.0.9"}}]}"#;
//! table.apply(read_page(pods.kind(), page).unwrap().objects, Moment::ZERO);
//!
//! let processor = PodAttributes::new(rules, table);
//! let client = &ClientContext { address: Some([10, 0, 0, 9].into()), ..ClientContext::NOBODY };
//! let body = b"\x0a\x00".to_vec().into();
//! let edited = processor.apply(Request { signal: Signal::Traces, body, client }).unwrap();
//! let resource = RequestView(&edited.body).resources().next().unwrap().resource();
//! assert_eq!(resource.attributes().get(b"k8s.pod.name"), Some(AnyValue::String(b"cart-1")));
//! ```

mod answer;
mod attributes;
mod containers;
mod feed;
mod figures;
mod identity;
mod image;
mod object;
mod processor;
mod rules;
mod table;

pub use answer::{AnswerError, Event, Lines, Named, Page, read_event, read_one, read_page};
pub use feed::{Feed, Kind};
pub use figures::{Figures, KindFigures};
pub use object::Object;
pub use processor::PodAttributes;
pub use rules::{FieldRule, Rules, RulesError};
pub use table::Table;
