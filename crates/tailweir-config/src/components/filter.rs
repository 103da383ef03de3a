//! The `filter` processor.

use super::condition_groups::ConditionGroups;
use super::match_properties::{LogSeverity, MatchType};
use super::match_properties::{MatchAttribute, MatchProperties, RegexpCache, SeverityNumber};
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use crate::tail_sampling::OttlErrorMode;

settings! {
    /// Drops telemetry. Of each signal either conditions in the OpenTelemetry Transformation Language, in
    /// one of two styles, or properties to match.
    pub struct FilterProcessor {
        /// What a condition does that fails to evaluate: `ignore` (it does not hold, and is counted),
        /// `silent` (the same) or `propagate` (the request fails).
        error_mode: OttlErrorMode = OttlErrorMode::Ignore,
        /// Conditions on which spans, span events, scopes or resources are dropped. Each path begins with
        /// the name of its context, such as `span.name`.
        trace_conditions: ConditionGroups = ConditionGroups::default(),
        /// The same for metrics, data points, scopes and resources.
        metric_conditions: ConditionGroups = ConditionGroups::default(),
        /// The same for log records, scopes and resources.
        log_conditions: ConditionGroups = ConditionGroups::default(),
        /// Properties of the spans that are kept or dropped: the older style.
        spans: SpanFilters = SpanFilters::default(),
        /// Conditions on spans, by context: the older style.
        traces: TraceFilters = TraceFilters::default(),
        /// Conditions and properties of metrics: the older style.
        metrics: MetricFilters = MetricFilters::default(),
        /// Conditions and properties of logs: the older style.
        logs: LogFilters = LogFilters::default(),
    }
    ignored {
        "profile_conditions": serde_json::Value = "there are no profiles",
        "profiles": serde_json::Value = "there are no profiles",
    }
    rules filter_rules;
}

impl FilterProcessor {
    /// All conditions in the language, of both styles and all signals.
    pub fn conditions(&self) -> impl Iterator<Item = &String> {
        let groups = [
            &self.trace_conditions,
            &self.metric_conditions,
            &self.log_conditions,
        ];
        let (traces, metrics, logs) = (&self.traces, &self.metrics, &self.logs);
        let lists = [
            &traces.resource,
            &traces.span,
            &traces.spanevent,
            &metrics.resource,
            &metrics.metric,
            &metrics.datapoint,
            &logs.resource,
            &logs.log_record,
        ];
        let grouped = groups.into_iter().flat_map(ConditionGroups::conditions);
        grouped.chain(lists.into_iter().flatten())
    }
}

settings! {
    /// Which spans are kept.
    pub struct SpanFilters {
        /// What spans must match to be kept. Absent: all do.
        include: Option<MatchProperties> = None,
        /// What spans are dropped. Absent: none.
        exclude: Option<MatchProperties> = None,
    }
}

settings! {
    /// Conditions on which parts of traces are dropped.
    pub struct TraceFilters {
        /// On resources, with all that belongs to them.
        resource: Vec<String> = Vec::new(),
        /// On spans.
        span: Vec<String> = Vec::new(),
        /// On span events.
        spanevent: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Which metrics are kept.
    pub struct MetricFilters {
        /// What metrics must match to be kept. Absent: all do.
        include: Option<MetricMatchProperties> = None,
        /// What metrics are dropped. Absent: none.
        exclude: Option<MetricMatchProperties> = None,
        /// Conditions on which resources are dropped, with all that belongs to them.
        resource: Vec<String> = Vec::new(),
        /// Conditions on which metrics are dropped.
        metric: Vec<String> = Vec::new(),
        /// Conditions on which data points are dropped; a metric without any is dropped too.
        datapoint: Vec<String> = Vec::new(),
    }
    ignored {
        "regexp": RegexpCache = "matching needs no cache",
    }
}

choice! {
    /// How metrics are matched.
    pub enum MetricMatchType = Unset {
        /// Not written.
        Unset = "",
        /// Names exactly.
        Strict = "strict",
        /// Names by regular expressions, which may match anywhere.
        Regexp = "regexp",
        /// By expressions over names and labels.
        Expr = "expr",
    }
}

settings! {
    /// What a metric must have to match.
    pub struct MetricMatchProperties {
        /// How it is matched: `strict`, `regexp` or `expr`.
        match_type: MetricMatchType = MetricMatchType::Unset,
        /// Names of metrics, one of which must match.
        metric_names: Vec<String> = Vec::new(),
        /// For `expr`: expressions over `MetricName`, `MetricType`, `HasLabel("x")` and `Label("x")`, one of
        /// which must hold for one of the data points.
        expressions: Vec<String> = Vec::new(),
        /// Attributes of the resource, all of which must be there.
        resource_attributes: Vec<MatchAttribute> = Vec::new(),
    }
    ignored {
        "regexp": RegexpCache = "matching needs no cache",
    }
    rules metric_match_rules;
}

fn metric_match_rules(
    properties: &mut MetricMatchProperties,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    match properties.match_type {
        MetricMatchType::Unset => {
            let text = "`match_type` is missing";
            let fix = "add `match_type: strict`, `regexp` or `expr`";
            report.error_at(block.at("match_type"), Cause::Missing, text, fix);
        }
        MetricMatchType::Regexp => {
            let patterns = &properties.metric_names;
            for (place, pattern) in block.items("metric_names").zip(patterns) {
                crate::pattern::check(pattern, place, report);
            }
        }
        MetricMatchType::Strict | MetricMatchType::Expr => {}
    }
}

settings! {
    /// Which log records are kept.
    pub struct LogFilters {
        /// What records must match to be kept. Absent: all do.
        include: Option<LogMatchProperties> = None,
        /// What records are dropped. Absent: none.
        exclude: Option<LogMatchProperties> = None,
        /// Conditions on which resources are dropped, with all that belongs to them.
        resource: Vec<String> = Vec::new(),
        /// Conditions on which records are dropped.
        log_record: Vec<String> = Vec::new(),
    }
}

settings! {
    /// What a log record must have to match: every option that is written.
    pub struct LogMatchProperties {
        /// How texts are compared: `strict` or `regexp`. Only a severity number needs none.
        match_type: MatchType = MatchType::Unset,
        /// Attributes of the resource, all of which must be there.
        resource_attributes: Vec<MatchAttribute> = Vec::new(),
        /// Attributes of the record, all of which must be there.
        record_attributes: Vec<MatchAttribute> = Vec::new(),
        /// Texts of the severity, one of which must match.
        severity_texts: Vec<String> = Vec::new(),
        /// The least severity. Absent: any.
        severity_number: Option<LeastSeverity> = None,
        /// Texts of the body, one of which must match.
        bodies: Vec<String> = Vec::new(),
    }
    rules log_match_rules;
}

settings! {
    /// The least severity of log records.
    pub struct LeastSeverity {
        /// The number of OpenTelemetry, 1 to 24, or its name (`INFO`, `WARN2`).
        min: SeverityNumber = SeverityNumber::default(),
        /// Whether records without a severity match.
        match_undefined: bool = false,
    }
}

fn log_match_rules(
    properties: &mut LogMatchProperties,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    let texts = [
        ("severity_texts", &properties.severity_texts),
        ("bodies", &properties.bodies),
    ];
    let attributes = [
        &properties.resource_attributes,
        &properties.record_attributes,
    ];
    let compares = texts.iter().any(|(_, texts)| !texts.is_empty())
        || attributes.iter().any(|list| !list.is_empty());
    match properties.match_type {
        MatchType::Unset if compares => {
            let text = "`match_type` is missing";
            let fix = "add `match_type: strict` or `match_type: regexp`";
            report.error_at(block.at("match_type"), Cause::Missing, text, fix);
        }
        MatchType::Regexp => {
            for (key, patterns) in texts {
                for (place, pattern) in block.items(key).zip(patterns) {
                    crate::pattern::check(pattern, place, report);
                }
            }
        }
        MatchType::Unset | MatchType::Strict => {}
    }
}

impl LogMatchProperties {
    /// The same as properties of any processor; nothing when nothing is written.
    #[must_use]
    pub fn properties(&self) -> Option<MatchProperties> {
        let is_empty = self.resource_attributes.is_empty()
            && self.record_attributes.is_empty()
            && self.severity_texts.is_empty()
            && self.bodies.is_empty()
            && self.severity_number.is_none();
        if is_empty {
            return None;
        }
        Some(MatchProperties {
            match_type: match self.match_type {
                MatchType::Unset => MatchType::Strict,
                other => other,
            },
            resources: self.resource_attributes.clone(),
            attributes: self.record_attributes.clone(),
            log_severity_texts: self.severity_texts.clone(),
            log_bodies: self.bodies.clone(),
            log_severity_number: self.severity_number.as_ref().map(|least| LogSeverity {
                min: least.min,
                match_undefined: least.match_undefined,
            }),
            ..MatchProperties::default()
        })
    }
}

/// Of each signal one style only.
fn filter_rules(filter: &mut FilterProcessor, block: &mut Block<'_>, report: &mut Report) {
    let (traces, metrics, logs) = (&filter.traces, &filter.metrics, &filter.logs);
    let by_context = [
        !(traces.resource.is_empty() && traces.span.is_empty() && traces.spanevent.is_empty()),
        !(metrics.resource.is_empty() && metrics.metric.is_empty() && metrics.datapoint.is_empty()),
        !(logs.resource.is_empty() && logs.log_record.is_empty()),
    ];
    let by_properties = [
        filter.spans.include.is_some() || filter.spans.exclude.is_some(),
        metrics.include.is_some() || metrics.exclude.is_some(),
        logs.include.is_some() || logs.exclude.is_some(),
    ];
    let rows = [
        (
            "trace_conditions",
            &filter.trace_conditions,
            "traces",
            "spans",
        ),
        (
            "metric_conditions",
            &filter.metric_conditions,
            "metrics",
            "metrics",
        ),
        ("log_conditions", &filter.log_conditions, "logs", "logs"),
    ];
    for (index, (conditions, groups, contexts, properties)) in rows.into_iter().enumerate() {
        let older = match (by_context[index], by_properties[index]) {
            (true, true) => {
                let text = format!(
                    "conditions in `{contexts}` and `include` or `exclude` in `{properties}` exclude each other"
                );
                let fix = "keep one of them";
                report.error_at(block.at(contexts), Cause::Contradiction, text, fix);
                continue;
            }
            (true, false) => contexts,
            (false, true) => properties,
            (false, false) => continue,
        };
        if !groups.is_empty() {
            let text = format!("`{conditions}` and `{older}` exclude each other");
            let fix = "move all conditions to one of them";
            report.error_at(block.at(older), Cause::Contradiction, text, fix);
        }
    }
}
