//! Which names a condition may use, by what it is about.

use crate::log::{LOG, SEVERITIES};
use crate::metric::{METRIC, METRIC_SYMBOLS};
use crate::path::{CACHE, CLIENT, Entry, Path, Place, look_up};
use crate::point::{DATA_POINT, FLAGS};
use crate::resource::{RESOURCE, SCOPE};
use crate::span::{SPAN, SPAN_EVENT, SPAN_SYMBOLS, SpanField};
use tailweir_ottl::{Context, PathError, PathExpression};

/// What a condition is about. Each scene has its own paths and those of what its subject is part of; a
/// path without the name of a context is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scene {
    /// A span: `span`, `resource`, `scope`.
    Span,
    /// An event of a span: `spanevent`, `span`, `resource`, `scope`.
    SpanEvent,
    /// A resource: `resource`.
    Resource,
    /// A scope: `scope`, `resource`.
    Scope,
    /// A log record: `log`, `resource`, `scope`.
    Log,
    /// A metric: `metric`, `resource`, `scope`.
    Metric,
    /// A data point: `datapoint`, `metric`, `resource`, `scope`.
    DataPoint,
}

/// A context and its tables.
struct Named {
    name: &'static str,
    tables: &'static [&'static [Entry]],
}

const fn named(name: &'static str, tables: &'static [&'static [Entry]]) -> Named {
    Named { name, tables }
}

const OUTER_RESOURCE: Named = named("resource", &[RESOURCE]);
const OUTER_SCOPE: Named = named("scope", &[SCOPE]);
const LEGACY_SCOPE: Named = named("instrumentation_scope", &[SCOPE]);
const OUTSIDE: Named = named("otelcol", &[CLIENT]);

const SPAN_CONTEXTS: &[Named] = &[
    named("span", &[SPAN, CACHE]),
    OUTER_RESOURCE,
    OUTER_SCOPE,
    LEGACY_SCOPE,
    OUTSIDE,
];
const SPAN_EVENT_CONTEXTS: &[Named] = &[
    named("spanevent", &[SPAN_EVENT, CACHE]),
    named("span", &[SPAN]),
    OUTER_RESOURCE,
    OUTER_SCOPE,
    LEGACY_SCOPE,
    OUTSIDE,
];
const RESOURCE_CONTEXTS: &[Named] = &[named("resource", &[RESOURCE, CACHE]), OUTSIDE];
const SCOPE_CONTEXTS: &[Named] = &[named("scope", &[SCOPE, CACHE]), OUTER_RESOURCE, OUTSIDE];
const LOG_CONTEXTS: &[Named] = &[
    named("log", &[LOG, CACHE]),
    OUTER_RESOURCE,
    OUTER_SCOPE,
    LEGACY_SCOPE,
    OUTSIDE,
];
const METRIC_CONTEXTS: &[Named] = &[
    named("metric", &[METRIC, CACHE]),
    OUTER_RESOURCE,
    OUTER_SCOPE,
    LEGACY_SCOPE,
    OUTSIDE,
];
const DATA_POINT_CONTEXTS: &[Named] = &[
    named("datapoint", &[DATA_POINT, CACHE]),
    named("metric", &[METRIC]),
    OUTER_RESOURCE,
    OUTER_SCOPE,
    LEGACY_SCOPE,
    OUTSIDE,
];

impl Scene {
    /// Each of them, the parts before what they are part of.
    pub const ALL: [Self; 7] = [
        Self::Log,
        Self::DataPoint,
        Self::Metric,
        Self::SpanEvent,
        Self::Span,
        Self::Scope,
        Self::Resource,
    ];

    /// The name of its own context, as configurations write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.contexts()[0].name
    }

    /// The scene whose own context has this name.
    #[must_use]
    pub fn of_context(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scene| scene.name() == name)
    }

    /// Whether its paths may begin with the name of this context.
    #[must_use]
    pub fn knows(self, context: &str) -> bool {
        let mut contexts = self.contexts().iter();
        contexts.any(|known| known.name == context)
    }

    /// The converters that it alone has.
    pub(crate) fn own_converters(self) -> &'static [&'static str] {
        match self {
            Self::Span => &["IsRootSpan"],
            _ => &[],
        }
    }

    /// The contexts of its paths, its own first.
    fn contexts(self) -> &'static [Named] {
        match self {
            Self::Span => SPAN_CONTEXTS,
            Self::SpanEvent => SPAN_EVENT_CONTEXTS,
            Self::Resource => RESOURCE_CONTEXTS,
            Self::Scope => SCOPE_CONTEXTS,
            Self::Log => LOG_CONTEXTS,
            Self::Metric => METRIC_CONTEXTS,
            Self::DataPoint => DATA_POINT_CONTEXTS,
        }
    }

    fn symbol_tables(self) -> &'static [&'static [(&'static str, i64)]] {
        match self {
            Self::Span | Self::SpanEvent => &[SPAN_SYMBOLS],
            Self::Resource | Self::Scope => &[],
            Self::Log => &[SEVERITIES],
            Self::Metric => &[METRIC_SYMBOLS],
            Self::DataPoint => &[METRIC_SYMBOLS, FLAGS],
        }
    }

    fn all_symbols(self) -> impl Iterator<Item = &'static (&'static str, i64)> {
        self.symbol_tables().iter().flat_map(|table| table.iter())
    }
}

impl Context for Scene {
    type Path = Path;

    fn resolve(&self, path: &PathExpression<'_>) -> Result<Path, PathError> {
        let contexts = self.contexts();
        let [first, rest @ ..] = path.segments.as_slice() else {
            return Err(PathError::unknown(0, []));
        };
        let outer = contexts.iter().find(|context| context.name == *first);
        if let Some(context) = outer.filter(|_| !rest.is_empty()) {
            return look_up(context.tables, rest, path.keys, 1);
        }
        look_up(contexts[0].tables, &path.segments, path.keys, 0).map_err(|error| {
            // What the other contexts are called helps when the first name is wrong.
            let first_is_wrong = look_up(contexts[0].tables, &[*first], 0, 0).is_err();
            let names = contexts.iter().map(|context| context.name);
            let own = contexts[0]
                .tables
                .iter()
                .flat_map(|table| table.iter())
                .map(|entry| entry.names[0]);
            let mut valid: Vec<_> = own.chain(names).collect();
            valid.sort_unstable();
            valid.dedup();
            let known = valid.contains(first);
            if first_is_wrong && !known {
                PathError::unknown(0, valid)
            } else {
                error
            }
        })
    }

    fn symbol(&self, name: &str) -> Option<i64> {
        self.all_symbols()
            .find(|(symbol, _)| *symbol == name)
            .map(|(_, number)| *number)
    }

    fn symbols(&self) -> Vec<&'static str> {
        self.all_symbols().map(|(symbol, _)| *symbol).collect()
    }

    fn converter(&self, name: &str) -> Option<Path> {
        let is_root = *self == Self::Span && name == "IsRootSpan";
        is_root.then_some(Path(Place::Span(SpanField::IsRoot)))
    }

    fn converters(&self) -> &[&'static str] {
        self.own_converters()
    }
}
