//! OTTL, the OpenTelemetry Transformation Language: conditions and statements are lexed, parsed, checked,
//! evaluated and executed.
//!
//! Policies and processors compile the conditions of a configuration once and evaluate them for every
//! span, event, log record or data point. The language knows nothing of telemetry: a [`Context`] says
//! which names there are, a [`Subject`] has their values. It never decodes a message, reads a clock or
//! draws a random number, and evaluating compares borrowed values without allocating.
//!
//! ```
//! use tailweir_ottl::{Condition, Context, EvaluationError, Key, Options, PathError, PathExpression, Subject, Value};
//!
//! struct Names;
//!
//! impl Context for Names {
//!     type Path = ();
//!     fn resolve(&self, path: &PathExpression<'_>) -> Result<(), PathError> {
//!         match path.segments[..] {
//!             ["name"] => Ok(()),
//!             _ => Err(PathError::unknown(0, ["name"])),
//!         }
//!     }
//!     fn symbol(&self, _: &str) -> Option<i64> {
//!         None
//!     }
//!     fn symbols(&self) -> Vec<&'static str> {
//!         Vec::new()
//!     }
//!     fn converter(&self, _: &str) -> Option<()> {
//!         None
//!     }
//!     fn converters(&self) -> &[&'static str] {
//!         &[]
//!     }
//! }
//!
//! struct Span(&'static str);
//!
//! impl Subject<()> for Span {
//!     fn value<'a>(&'a self, _: &'a (), _: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
//!         Ok(Value::text(self.0))
//!     }
//! }
//!
//! let condition = Condition::compile(r#"IsMatch(name, "^GET ") and name != "GET /health""#, &Names, &Options::default());
//! assert_eq!(condition.unwrap().evaluate(&Span("GET /orders")), Ok(true));
//!
//! let wrong = Condition::compile(r#"IsMach(name, "^GET")"#, &Names, &Options::default()).unwrap_err();
//! assert_eq!(wrong.suggestion(), Some("IsMatch"));
//! ```

mod as_go;
mod calendar;
mod coerce;
mod compare;
mod compile;
mod condition;
mod context;
mod converters;
mod editors;
mod error;
mod evaluate;
mod expression;
mod hints;
mod json;
mod lexer;
mod nearest;
mod number;
mod options;
mod outside;
mod parser;
mod regex;
mod statement;
mod syntax;
mod time;
mod value;
mod written;
mod xml;

pub use crate::regex::{GoRegex, GoRegexSet, GroupPlaces, RegexError};
pub use as_go::{format_float, integer_of, parse_float, parse_integer};
pub use condition::Condition;
pub use context::{Context, Key, PathError, PathExpression, Subject};
pub use error::{CompileError, EvaluationError};
pub use hints::{Hints, is_standard_function};
pub use options::{Determinism, Dialect, Options, Surroundings};
pub use statement::{Parameter, Signature, Statement, StatementContext, Target};
pub use time::{Duration, Time};
pub use value::{List, Map, Object, Origin, Text, Value};
pub use written::WrittenPath;
