//! What telemetry is asked: whether it is to go.

use super::expression::Expression;
use crate::error::CompileError;
use crate::matcher::{AttributeMatcher, Matcher, Texts, all_match, attribute_matchers};
use tailweir_config::{
    MatchProperties, MatchType, MetricFilters, MetricMatchProperties, MetricMatchType,
    OttlErrorMode,
};
use tailweir_core::Signal;
use tailweir_otlp::{Item, ItemPlace, MetricView};
use tailweir_ottl::EvaluationError;
use tailweir_paths::{
    ClientFacts, Condition, DataPointSubject, LogSubject, MetricSubject, ResourceSubject,
    ScopeSubject, SpanEventSubject, SpanSubject, WithClient,
};

/// A question about one level of telemetry.
#[derive(Debug)]
pub(super) enum Test {
    /// Whether one of the conditions holds.
    Conditions {
        conditions: Vec<Condition>,
        error_mode: OttlErrorMode,
    },
    /// Whether a span or log record is not included, or excluded.
    Matching {
        path: &'static str,
        include: Option<Box<Matcher>>,
        exclude: Option<Box<Matcher>>,
    },
    /// Whether the attributes of a resource are not included, or excluded.
    Attributes {
        include: Option<Vec<AttributeMatcher>>,
        exclude: Option<Vec<AttributeMatcher>>,
    },
    /// Whether a metric is not included, or excluded.
    Metrics {
        include: Option<MetricTest>,
        exclude: Option<MetricTest>,
    },
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Resource(ResourceSubject<'a>),
    Scope(ScopeSubject<'a>),
    Span(SpanSubject<'a>),
    SpanEvent(SpanEventSubject<'a>),
    Metric(MetricSubject<'a>),
    DataPoint(DataPointSubject<'a>),
    Log(LogSubject<'a>),
}

impl Test {
    /// A test that holds for nothing yet.
    pub(super) fn conditions(error_mode: OttlErrorMode) -> Self {
        Self::Conditions {
            conditions: Vec::new(),
            error_mode,
        }
    }

    /// One more condition.
    pub(super) fn add(&mut self, condition: Condition) {
        if let Self::Conditions { conditions, .. } = self {
            conditions.push(condition);
        }
    }

    /// The test of `include` and `exclude` blocks, if there is one.
    pub(super) fn matching(
        path: &'static str,
        include: Option<&MatchProperties>,
        exclude: Option<&MatchProperties>,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        if include.is_none() && exclude.is_none() {
            return None;
        }
        let mut compile = |key: &str, block: Option<&MatchProperties>| {
            block.map(|block| Box::new(Matcher::compile(block, &format!("{path}.{key}"), errors)))
        };
        Some(Self::Matching {
            path,
            include: compile("include", include),
            exclude: compile("exclude", exclude),
        })
    }

    /// The test of the resources of metrics, if there is one.
    pub(super) fn of_resource_attributes(
        settings: &MetricFilters,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        let mut compile = |key: &str, block: Option<&MetricMatchProperties>| {
            let block = block.filter(|block| !block.resource_attributes.is_empty())?;
            let path = format!("metrics.{key}.resource_attributes");
            let is_regexp = block.match_type == MetricMatchType::Regexp;
            let attributes = &block.resource_attributes;
            Some(attribute_matchers(&path, attributes, is_regexp, errors))
        };
        let include = compile("include", settings.include.as_ref());
        let exclude = compile("exclude", settings.exclude.as_ref());
        (include.is_some() || exclude.is_some()).then_some(Self::Attributes { include, exclude })
    }

    /// The test of metrics, if there is one.
    pub(super) fn of_metrics(
        settings: &MetricFilters,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        let mut compile = |key: &str, block: Option<&MetricMatchProperties>| {
            MetricTest::compile(&format!("metrics.{key}"), block?, errors)
        };
        let include = compile("include", settings.include.as_ref());
        let exclude = compile("exclude", settings.exclude.as_ref());
        (include.is_some() || exclude.is_some()).then_some(Self::Metrics { include, exclude })
    }

    /// Whether it fits the signal.
    pub(super) fn check(&self, signal: Signal) -> Result<(), CompileError> {
        let Self::Matching {
            path,
            include,
            exclude,
        } = self
        else {
            return Ok(());
        };
        for (key, block) in [("include", include), ("exclude", exclude)] {
            if let Some(block) = block {
                block.check(signal, &format!("{path}.{key}"))?;
            }
        }
        Ok(())
    }

    /// Whether it holds. Conditions that fail are counted, or end in an error.
    pub(super) fn holds(
        &self,
        subject: &Subject<'_>,
        client: &ClientFacts,
        failed: &mut u64,
    ) -> Result<bool, String> {
        match self {
            Self::Conditions {
                conditions,
                error_mode,
            } => {
                for condition in conditions {
                    match subject.evaluate(condition, client) {
                        Ok(true) => return Ok(true),
                        Ok(false) => {}
                        Err(error) if *error_mode == OttlErrorMode::Propagate => {
                            return Err(format!(
                                "condition `{}` failed: {error}",
                                condition.text()
                            ));
                        }
                        Err(_) => *failed += 1,
                    }
                }
                Ok(false)
            }
            Self::Matching {
                include, exclude, ..
            } => {
                let matches = |matcher: &Matcher| subject.matches(matcher);
                Ok(goes(
                    include.as_deref().map(matches),
                    exclude.as_deref().map(matches),
                ))
            }
            Self::Attributes { include, exclude } => {
                let matches = |list: &Vec<AttributeMatcher>| subject.has_attributes(list);
                Ok(goes(
                    include.as_ref().map(matches),
                    exclude.as_ref().map(matches),
                ))
            }
            Self::Metrics { include, exclude } => {
                let Subject::Metric(subject) = subject else {
                    return Ok(false);
                };
                let matches = |test: &MetricTest| test.matches(subject.metric);
                Ok(goes(
                    include.as_ref().map(matches),
                    exclude.as_ref().map(matches),
                ))
            }
        }
    }
}

/// What is not included goes, and what is excluded.
fn goes(is_included: Option<bool>, is_excluded: Option<bool>) -> bool {
    is_included == Some(false) || is_excluded == Some(true)
}

impl Subject<'_> {
    fn evaluate(
        &self,
        condition: &Condition,
        client: &ClientFacts,
    ) -> Result<bool, EvaluationError> {
        match *self {
            Self::Resource(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::Scope(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::Span(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::SpanEvent(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::Metric(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::DataPoint(subject) => condition.evaluate(&WithClient { subject, client }),
            Self::Log(subject) => condition.evaluate(&WithClient { subject, client }),
        }
    }

    fn matches(&self, matcher: &Matcher) -> bool {
        let (place, attributes) = match *self {
            Self::Span(SpanSubject {
                resource,
                scope,
                span,
            }) => {
                let item = Item::Span(span);
                (
                    ItemPlace {
                        resource,
                        scope,
                        item,
                    },
                    span.attributes(),
                )
            }
            Self::Log(LogSubject {
                resource,
                scope,
                record,
            }) => {
                let item = Item::Log(record);
                (
                    ItemPlace {
                        resource,
                        scope,
                        item,
                    },
                    record.attributes(),
                )
            }
            _ => return false,
        };
        matcher.matches(&place, attributes)
    }

    fn has_attributes(&self, matchers: &[AttributeMatcher]) -> bool {
        match self {
            Self::Resource(subject) => {
                all_match(matchers, subject.resource.resource().attributes())
            }
            _ => false,
        }
    }
}

/// What a metric must be.
#[derive(Debug)]
pub(super) enum MetricTest {
    /// One of these names.
    Named(Texts),
    /// One of these expressions holds for one of its points.
    Expressions(Vec<Expression>),
}

impl MetricTest {
    fn compile(
        path: &str,
        block: &MetricMatchProperties,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        if block.match_type == MetricMatchType::Expr {
            let mut expressions = Vec::new();
            for (index, text) in block.expressions.iter().enumerate() {
                match Expression::parse(text) {
                    Ok(expression) => expressions.push(expression),
                    Err(problem) => {
                        let path = format!("{path}.expressions[{index}]");
                        errors.push(CompileError::new(path, problem));
                    }
                }
            }
            return (!block.expressions.is_empty()).then_some(Self::Expressions(expressions));
        }
        let match_type = match block.match_type {
            MetricMatchType::Regexp => MatchType::Regexp,
            _ => MatchType::Strict,
        };
        let names = Texts::compile(
            &format!("{path}.metric_names"),
            &block.metric_names,
            match_type == MatchType::Regexp,
            errors,
        );
        (!names.is_empty()).then_some(Self::Named(names))
    }

    fn matches(&self, metric: MetricView<'_>) -> bool {
        match self {
            Self::Named(names) => names.allow(metric.name()),
            Self::Expressions(expressions) => {
                let holds = |expression: &Expression| {
                    let mut points = metric.data().points();
                    points.any(|point| expression.holds(metric, point.attributes()))
                };
                expressions.iter().any(holds)
            }
        }
    }
}
