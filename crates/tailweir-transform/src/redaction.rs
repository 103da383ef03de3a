//! The `redaction` processor.

mod body;
mod databases;
mod mask;
mod summary;
mod url;

use crate::error::{CompileError, CompileErrors, TransformError};
use crate::growth::Growth;
use crate::transform::{Outcome, Request, Transform};
use mask::Mask;
use std::borrow::Cow;
use std::collections::BTreeSet;
use summary::{IN_ATTRIBUTES, IN_BODY, Summary, is_summary};
use tailweir_config::{RedactionProcessor, RedactionSummary};
use tailweir_core::Signal;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{
    AnyValue, AttributeList, Change, DataPoint, EncodedValue, KeyLengths, LogRecordView,
    MetricView, RequestView, ScopeFields, SpanView,
};
use tailweir_ottl::{GoRegex, GoRegexSet};
use tailweir_paths::value_of;

const CLIENT: i32 = 3;
const SERVER: i32 = 2;
const INTERNAL: i32 = 1;

/// The compiled settings of a `redaction` processor.
#[derive(Debug)]
pub(crate) struct Redaction {
    /// Keys that stay; nothing where all do.
    allowed_keys: Option<BTreeSet<Vec<u8>>>,
    ignored_keys: BTreeSet<Vec<u8>>,
    ignored_key_patterns: GoRegexSet,
    blocked_key_patterns: GoRegexSet,
    allowed_values: GoRegexSet,
    takes_all_types: bool,
    mask: Mask,
    summary: RedactionSummary,
}

/// What is done with something of this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Ignored,
    Removed,
    Kept,
}

impl Redaction {
    /// Compiles a `redaction` processor.
    pub(crate) fn new(settings: &RedactionProcessor) -> Result<Self, CompileErrors> {
        let mut errors = Vec::new();
        let mut patterns = |path: &str, list: &[String]| {
            let compiled = list.iter().enumerate().map(|(index, pattern)| {
                let path = format!("{path}[{index}]");
                GoRegex::new(pattern).map_err(|error| CompileError::new(path, error))
            });
            let sound = compiled.filter_map(|it| it.map_err(|error| errors.push(error)).ok());
            GoRegexSet::new(sound.collect())
        };
        let set = |keys: &[String]| keys.iter().map(|key| key.clone().into_bytes()).collect();
        let blocked_values = patterns("blocked_values", &settings.blocked_values);
        let redaction = Self {
            allowed_keys: (!settings.allow_all_keys).then(|| set(&settings.allowed_keys)),
            ignored_keys: set(&settings.ignored_keys),
            ignored_key_patterns: patterns("ignored_key_patterns", &settings.ignored_key_patterns),
            blocked_key_patterns: patterns("blocked_key_patterns", &settings.blocked_key_patterns),
            allowed_values: patterns("allowed_values", &settings.allowed_values),
            takes_all_types: settings.redact_all_types,
            mask: Mask::new(settings, blocked_values),
            summary: settings.summary,
        };
        if errors.is_empty() {
            Ok(redaction)
        } else {
            Err(CompileErrors(errors))
        }
    }

    /// Whether every key meets [`Fate::Kept`].
    fn keeps_all_keys(&self) -> bool {
        let ignores_none = self.ignored_keys.is_empty() && self.ignored_key_patterns.is_empty();
        self.allowed_keys.is_none() && ignores_none
    }

    fn fate(&self, key: &[u8]) -> Fate {
        let is_allowed = |keys: &BTreeSet<Vec<u8>>| keys.contains(key) || is_summary(key);
        if self.ignored_keys.contains(key) || self.ignored_key_patterns.is_match(key) {
            Fate::Ignored
        } else if self.allowed_keys.as_ref().is_none_or(is_allowed) {
            Fate::Kept
        } else {
            Fate::Removed
        }
    }

    /// Edits a list of attributes.
    fn attributes(&self, signal: Signal, list: &mut AttributeList<'_>) {
        let holder = self.mask.holder(signal, list);
        let mut summary = Summary::default();
        if !self.keeps_all_keys() {
            list.retain(|attribute| {
                let fate = self.fate(attribute.key);
                match fate {
                    Fate::Ignored => summary.ignored.push(text_of(attribute.key)),
                    Fate::Removed => summary.redacted.push(text_of(attribute.key)),
                    Fate::Kept => {}
                }
                fate != Fate::Removed
            });
        }
        list.update(|attribute| {
            if self.fate(attribute.key) != Fate::Kept {
                return None;
            }
            let value = match attribute.value {
                AnyValue::String(text) => Cow::Borrowed(text),
                other if self.takes_all_types => Cow::Owned(value_of(other).to_text().into_bytes()),
                _ => Cow::Borrowed(&[][..]),
            };
            if self.allowed_values.is_match(&value) {
                summary.allowed.push(text_of(attribute.key));
                return None;
            }
            let masked = if self.blocked_key_patterns.is_match(attribute.key) {
                self.mask.whole(&value)
            } else {
                let masked = self.mask.attribute(attribute.key, &value, &holder);
                masked.filter(|masked| *masked != *value)?
            };
            summary.masked.push(text_of(attribute.key));
            Some(EncodedValue::string(&masked))
        });
        summary.put(self.summary, &IN_ATTRIBUTES, list);
    }

    /// The message with the attributes in `field` edited; nothing when they stay.
    fn edited(
        &self,
        message: &[u8],
        field: WritableField,
        signal: Signal,
        growth: &mut Growth,
    ) -> Option<Vec<u8>> {
        field.edit_attributes(message, KeyLengths::ALL, |list| {
            growth.watch(list, |list| self.attributes(signal, list));
        })
    }

    /// The same for attributes of a message within.
    fn edited_within(
        &self,
        message: &[u8],
        (within, field): (WritableField, WritableField),
        signal: Signal,
        growth: &mut Growth,
    ) -> Option<Vec<u8>> {
        let content = within.nested(message);
        let edited = self.edited(&content, field, signal, growth)?;
        Some(within.with_bytes(message, &edited))
    }

    fn scope(&self, signal: Signal, scope: ScopeFields<'_>, growth: &mut Growth) -> Change {
        let items = scope.sift_items(|item| {
            let edited = match signal {
                Signal::Traces => self.span(SpanView(item), growth),
                Signal::Logs => self.record(LogRecordView(item), growth),
                Signal::Metrics => self.metric(MetricView(item), growth),
            };
            edited.map_or(Change::Keep, Change::Replace)
        });
        let content = items.content.as_deref().unwrap_or(scope.0);
        let fields = (field::SCOPE, field::SCOPE_ATTRIBUTES);
        let edited = self.edited_within(content, fields, signal, growth);
        edited
            .or(items.content)
            .map_or(Change::Keep, Change::Replace)
    }

    fn span(&self, span: SpanView<'_>, growth: &mut Growth) -> Option<Vec<u8>> {
        let edited = self.edited(span.0, field::SPAN_ATTRIBUTES, Signal::Traces, growth);
        let content = edited.as_deref().unwrap_or(span.0);
        let events = SpanView(content).sift_events(|event| {
            self.edited(event.0, field::EVENT_ATTRIBUTES, Signal::Traces, growth)
                .map_or(Change::Keep, Change::Replace)
        });
        let content = events.content.as_deref().unwrap_or(content);
        let renamed = self
            .renamed(SpanView(content))
            .map(|name| field::SPAN_NAME.with_bytes(content, &name));
        renamed.or(events.content).or(edited)
    }

    /// The sanitized name of a span, when it differs.
    fn renamed(&self, span: SpanView<'_>) -> Option<Vec<u8>> {
        if !self.mask.renames() {
            return None;
        }
        let name = span.name();
        if self.allowed_values.is_match(name) {
            return None;
        }
        let is_http = matches!(span.kind(), CLIENT | SERVER);
        if is_http && let Some(sanitized) = self.mask.http_name(name, span.attributes()) {
            return usable(sanitized);
        }
        if !matches!(span.kind(), CLIENT | SERVER | INTERNAL) {
            return None;
        }
        let sanitized = self.mask.statement_name(name, span.attributes())?;
        usable(sanitized).filter(|sanitized| sanitized != name)
    }

    fn record(&self, record: LogRecordView<'_>, growth: &mut Growth) -> Option<Vec<u8>> {
        let edited = self.edited(record.0, field::LOG_ATTRIBUTES, Signal::Logs, growth);
        let content = edited.as_deref().unwrap_or(record.0);
        if growth.is_exceeded() {
            return None;
        }
        let mut summary = Summary::default();
        let body = self.body(LogRecordView(content).body(), &mut summary);
        let with_summary = if summary.is_empty() {
            None
        } else {
            field::LOG_ATTRIBUTES.edit_attributes(content, KeyLengths::ALL, |list| {
                growth.watch(list, |list| summary.put(self.summary, &IN_BODY, list));
            })
        };
        let content = with_summary.as_deref().unwrap_or(content);
        let with_body = body.map(|body| {
            growth.spend(0, body.message().len());
            field::LOG_BODY.with_bytes(content, body.message())
        });
        with_body.or(with_summary).or(edited)
    }

    fn metric(&self, metric: MetricView<'_>, growth: &mut Growth) -> Option<Vec<u8>> {
        let points = metric.sift_points(|point| {
            let field = match point {
                DataPoint::Number(_) | DataPoint::Summary(_) => field::NUMBER_ATTRIBUTES,
                DataPoint::Histogram(_) => field::HISTOGRAM_ATTRIBUTES,
                DataPoint::ExponentialHistogram(_) => field::EXPONENTIAL_ATTRIBUTES,
            };
            self.edited(point.message(), field, Signal::Metrics, growth)
                .map_or(Change::Keep, Change::Replace)
        });
        points.content
    }
}

/// A name that says something.
fn usable(name: Vec<u8>) -> Option<Vec<u8>> {
    (!name.is_empty() && name != b"...").then_some(name)
}

fn text_of(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

impl Transform for Redaction {
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let body = request.body;
        let mut growth = Growth::default();
        let sifted = RequestView(&body).sift_resources(|resource| {
            let scopes =
                resource.sift_scopes(|scope| self.scope(request.signal, scope, &mut growth));
            let content = scopes.content.as_deref().unwrap_or(resource.0);
            let fields = (field::RESOURCE, field::RESOURCE_ATTRIBUTES);
            let edited = self.edited_within(content, fields, request.signal, &mut growth);
            edited
                .or(scopes.content)
                .map_or(Change::Keep, Change::Replace)
        });
        growth.finish(body.len())?;
        Ok(Outcome::of(sifted.content.map_or(body, Into::into)))
    }
}
