//! One pass over a request, from the outside to the inside.

use super::test::{Subject, Test};
use crate::error::CompileError;
use tailweir_config::{MetricFilters, OttlErrorMode};
use tailweir_core::Signal;
use tailweir_otlp::{
    Change, LogRecordView, MetricView, RequestView, ResourceFields, ScopeFields, Sifted, SpanView,
};
use tailweir_ottl::Options;
use tailweir_paths::{
    ClientFacts, Condition, DataPointSubject, FilterScene, LogSubject, MetricSubject,
    ResourceSubject, Scene, ScopeSubject, SpanEventSubject, SpanSubject, asks_for_client,
};

/// What each level is asked. What a test holds for goes, with all that is in it.
#[derive(Debug, Default)]
pub(super) struct Layer {
    resource: Option<Test>,
    scope: Option<Test>,
    /// Of spans, metrics or log records.
    item: Option<Test>,
    /// Of span events or data points.
    inner: Option<Test>,
    /// Whether a condition asks who sent the request.
    asks_for_client: bool,
}

/// What is known and what was found on the way over a request.
#[derive(Debug)]
pub(super) struct Findings<'c> {
    /// Who sent it.
    pub(super) client: &'c ClientFacts,
    /// Spans, data points or log records that went.
    pub(super) dropped: u64,
    /// Conditions that failed and were passed over.
    pub(super) failed: u64,
    /// The first failure that is to be propagated.
    pub(super) error: Option<String>,
}

impl Layer {
    /// A layer that looks at items only.
    pub(super) fn of_items(test: Test) -> Self {
        Self {
            item: Some(test),
            ..Self::default()
        }
    }

    /// The layer of `include` and `exclude` of metrics, if there is any.
    pub(super) fn of_metrics(
        settings: &MetricFilters,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        let layer = Self {
            resource: Test::of_resource_attributes(settings, errors),
            item: Test::of_metrics(settings, errors),
            ..Self::default()
        };
        (!layer.is_empty()).then_some(layer)
    }

    /// Whether it asks who sent the request.
    pub(super) fn asks_for_client(&self) -> bool {
        self.asks_for_client
    }

    /// Whether it asks nothing.
    pub(super) fn is_empty(&self) -> bool {
        let levels = [&self.resource, &self.scope, &self.item, &self.inner];
        levels.iter().all(|level| level.is_none())
    }

    /// Whether the tests fit the signal.
    pub(super) fn check(&self, signal: Signal) -> Result<(), CompileError> {
        self.item.as_ref().map_or(Ok(()), |test| test.check(signal))
    }

    /// Adds a condition about `context`, or about what its paths name when that is empty. The error is a
    /// sentence.
    pub(super) fn add(
        &mut self,
        signal: Signal,
        context: &str,
        text: &str,
        error_mode: OttlErrorMode,
        options: &Options,
    ) -> Result<(), String> {
        let scenes: &[Scene] = match signal {
            Signal::Traces => &[Scene::Resource, Scene::Scope, Scene::Span, Scene::SpanEvent],
            Signal::Metrics => &[
                Scene::Resource,
                Scene::Scope,
                Scene::Metric,
                Scene::DataPoint,
            ],
            Signal::Logs => &[Scene::Resource, Scene::Scope, Scene::Log],
        };
        let asks = asks_for_client(text, options).map_err(|error| error.to_string())?;
        self.asks_for_client |= asks;
        let scene = if context.is_empty() {
            let inferred = FilterScene::infer(text, scenes, options);
            inferred.map_err(|error| error.to_string())?.0
        } else {
            let named = scenes.iter().find(|scene| scene.name() == context);
            *named.ok_or_else(|| {
                let names: Vec<_> = scenes.iter().map(|scene| scene.name()).collect();
                format!(
                    "there is no context `{context}` in {signal}, use one of: {}",
                    names.join(", ")
                )
            })?
        };
        let condition = Condition::compile(text, &FilterScene(scene), options)
            .map_err(|error| error.to_string())?;
        let level = match scene {
            Scene::Resource => &mut self.resource,
            Scene::Scope => &mut self.scope,
            Scene::Span | Scene::Metric | Scene::Log => &mut self.item,
            Scene::SpanEvent | Scene::DataPoint => &mut self.inner,
        };
        level
            .get_or_insert_with(|| Test::conditions(error_mode))
            .add(condition);
        Ok(())
    }

    /// Takes out what the tests hold for.
    pub(super) fn sift(
        &self,
        signal: Signal,
        request: &[u8],
        findings: &mut Findings<'_>,
    ) -> Sifted {
        RequestView(request).sift_resources(|resource| {
            let subject = ResourceSubject { resource };
            match self.ask(self.resource.as_ref(), Subject::Resource(subject), findings) {
                Asked::Failed => return Change::Keep,
                Asked::Holds => {
                    findings.dropped += resource
                        .scopes()
                        .map(|scope| weigh(signal, scope))
                        .sum::<u64>();
                    return Change::Drop;
                }
                Asked::Not => {}
            }
            if self.scope.is_none() && self.item.is_none() && self.inner.is_none() {
                return keep_unless(resource.scopes().next().is_none());
            }
            let scopes =
                resource.sift_scopes(|scope| self.scope(signal, resource, scope, findings));
            scopes.unless_empty()
        })
    }

    fn scope(
        &self,
        signal: Signal,
        resource: ResourceFields<'_>,
        scope: ScopeFields<'_>,
        findings: &mut Findings<'_>,
    ) -> Change {
        let subject = ScopeSubject { resource, scope };
        match self.ask(self.scope.as_ref(), Subject::Scope(subject), findings) {
            Asked::Failed => return Change::Keep,
            Asked::Holds => {
                findings.dropped += weigh(signal, scope);
                return Change::Drop;
            }
            Asked::Not => {}
        }
        if self.item.is_none() && self.inner.is_none() {
            return keep_unless(scope.items().next().is_none());
        }
        let items = scope.sift_items(|item| match signal {
            Signal::Traces => {
                let span = SpanView(item);
                self.span(
                    SpanSubject {
                        resource,
                        scope,
                        span,
                    },
                    findings,
                )
            }
            Signal::Metrics => {
                let metric = MetricView(item);
                self.metric(
                    MetricSubject {
                        resource,
                        scope,
                        metric,
                    },
                    findings,
                )
            }
            Signal::Logs => {
                let record = LogRecordView(item);
                let subject = Subject::Log(LogSubject {
                    resource,
                    scope,
                    record,
                });
                let asked = self.ask(self.item.as_ref(), subject, findings);
                findings.drop_if(asked, 1)
            }
        });
        items.unless_empty()
    }

    fn span(&self, subject: SpanSubject<'_>, findings: &mut Findings<'_>) -> Change {
        let asked = self.ask(self.item.as_ref(), Subject::Span(subject), findings);
        if asked != Asked::Not || self.inner.is_none() {
            return findings.drop_if(asked, 1);
        }
        let SpanSubject {
            resource,
            scope,
            span,
        } = subject;
        let mut index = 0;
        let events = span.sift_events(|event| {
            let subject = SpanEventSubject {
                resource,
                scope,
                span,
                event,
                index: Some(index),
            };
            index += 1;
            let asked = self.ask(self.inner.as_ref(), Subject::SpanEvent(subject), findings);
            findings.drop_if(asked, 0)
        });
        events.into_change()
    }

    fn metric(&self, subject: MetricSubject<'_>, findings: &mut Findings<'_>) -> Change {
        let asked = self.ask(self.item.as_ref(), Subject::Metric(subject), findings);
        let MetricSubject {
            resource,
            scope,
            metric,
        } = subject;
        if asked == Asked::Holds {
            return findings.drop_if(asked, metric.data().points().count() as u64);
        }
        let has_data = !matches!(metric.data(), tailweir_otlp::MetricData::Empty);
        if asked == Asked::Failed || self.inner.is_none() || !has_data {
            return Change::Keep;
        }
        let points = metric.sift_points(|point| {
            let subject = DataPointSubject {
                resource,
                scope,
                metric,
                point,
            };
            let asked = self.ask(self.inner.as_ref(), Subject::DataPoint(subject), findings);
            findings.drop_if(asked, 1)
        });
        points.unless_empty()
    }

    fn ask(&self, test: Option<&Test>, subject: Subject<'_>, findings: &mut Findings<'_>) -> Asked {
        let Some(test) = test else {
            return Asked::Not;
        };
        match test.holds(&subject, findings.client, &mut findings.failed) {
            Ok(true) => Asked::Holds,
            Ok(false) => Asked::Not,
            Err(error) => {
                findings.error.get_or_insert(error);
                Asked::Failed
            }
        }
    }
}

/// The answer of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Holds,
    Not,
    /// It is to be propagated; what it was asked about stays.
    Failed,
}

impl<'c> Findings<'c> {
    /// Nothing was found yet.
    pub(super) fn of(client: &'c ClientFacts) -> Self {
        Self {
            client,
            dropped: 0,
            failed: 0,
            error: None,
        }
    }

    /// Something of this weight goes when the test holds for it.
    fn drop_if(&mut self, asked: Asked, weight: u64) -> Change {
        if asked == Asked::Holds {
            self.dropped += weight;
            Change::Drop
        } else {
            Change::Keep
        }
    }
}

fn keep_unless(is_empty: bool) -> Change {
    if is_empty { Change::Drop } else { Change::Keep }
}

/// Spans, data points or log records of a scope.
fn weigh(signal: Signal, scope: ScopeFields<'_>) -> u64 {
    match signal {
        Signal::Metrics => scope
            .items()
            .map(|metric| MetricView(metric).data().points().count() as u64)
            .sum(),
        Signal::Traces | Signal::Logs => scope.items().count() as u64,
    }
}
