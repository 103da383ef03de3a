//! The `metrics_transform` processor.

mod combination;
mod compile;
mod operation;
mod selection;

use crate::aggregation::Aggregation;
use crate::error::{CompileErrors, TransformError};
use crate::growth::{GROWTH_MAX, Growth};
use crate::transform::{Count, DropCause, Outcome, Request, Transform, count_points};
use combination::Labels;
use operation::Operation;
use selection::{Selection, Share};
use std::borrow::Cow;
use tailweir_config::MetricsTransform;
use tailweir_otlp::field;
use tailweir_otlp::{Change, EncodedValue, MetricView, RequestView, ResourceFields, ScopeFields};

/// The compiled settings of a `metrics_transform` processor.
#[derive(Debug)]
pub(crate) struct MetricChanges {
    rules: Vec<Rule>,
}

/// What is done with some metrics.
#[derive(Debug)]
struct Rule {
    selection: Selection,
    action: Action,
    /// Empty: names stay.
    new_name: Vec<u8>,
    operations: Vec<Operation>,
}

#[derive(Debug)]
enum Action {
    Update,
    Insert,
    Combine {
        how: Aggregation,
        labels: Labels,
    },
    /// Attributes of the new resource.
    Group(Vec<(Vec<u8>, EncodedValue)>),
}

/// A metric: that of the request, or what became of it.
type Metric<'r> = Cow<'r, [u8]>;

/// The request became too long.
#[derive(Debug)]
struct Full;

/// What is counted on the way over a request, and what stands behind it in the end.
struct Pass {
    growth: Growth,
    failures: u64,
    grouped: Vec<Vec<u8>>,
}

impl Pass {
    /// Something of the first length becomes one of the second.
    fn spend(&mut self, before: usize, after: usize) -> Result<(), Full> {
        self.growth.spend(before, after);
        match self.growth.is_exceeded() {
            true => Err(Full),
            false => Ok(()),
        }
    }
}

impl MetricChanges {
    /// Compiles a `metrics_transform` processor.
    pub(crate) fn new(settings: &MetricsTransform) -> Result<Self, CompileErrors> {
        compile::rules(settings).map(|rules| Self { rules })
    }

    /// The metrics of a scope, changed. A scope without any goes, as in the Collector.
    fn scope(
        &self,
        resource: ResourceFields<'_>,
        scope: ScopeFields<'_>,
        pass: &mut Pass,
    ) -> Change {
        let is_touched = |metric: &[u8]| {
            let name = MetricView(metric).name();
            self.rules.iter().any(|rule| rule.selection.has_name(name))
        };
        if !scope.items().any(is_touched) {
            return match scope.items().next() {
                Some(_) => Change::Keep,
                None => Change::Drop,
            };
        }
        let mut metrics: Vec<Metric<'_>> = scope.items().map(Cow::Borrowed).collect();
        for rule in &self.rules {
            if rule.apply(&mut metrics, (resource, scope), pass).is_err() {
                return Change::Keep;
            }
        }
        match metrics.iter().any(|metric| matches!(metric, Cow::Owned(_))) {
            _ if metrics.is_empty() => Change::Drop,
            false if metrics.len() == scope.items().count() => Change::Keep,
            _ => {
                let metrics = metrics.iter().map(AsRef::as_ref);
                Change::Replace(field::ITEMS.with_messages(scope.0, metrics))
            }
        }
    }

    fn apply_within(&self, request: Request<'_>, limit: usize) -> Result<Outcome, TransformError> {
        let body = request.body;
        let mut pass = Pass {
            growth: Growth::within(limit),
            failures: 0,
            grouped: Vec::new(),
        };
        let sifted = RequestView(&body).sift_resources(|resource| {
            let scopes = resource.sift_scopes(|scope| self.scope(resource, scope, &mut pass));
            scopes.unless_empty()
        });
        pass.growth.finish(body.len())?;
        let grouped = std::mem::take(&mut pass.grouped);
        let mut outcome = if grouped.is_empty() {
            Outcome::of_sifted(body.clone(), sifted)
        } else {
            let mut request = match sifted.content {
                Some(content) => content,
                None => body.to_vec(),
            };
            let grouped = grouped.iter().map(Vec::as_slice);
            request.extend(field::REQUEST_RESOURCES.with_messages(&[], grouped));
            Outcome::of(request.into())
        };
        if outcome.body.as_ptr() != body.as_ptr() {
            let (before, after) = (count_points(&body), count_points(&outcome.body));
            outcome.added = after.saturating_sub(before);
            outcome.dropped = before.saturating_sub(after);
        }
        if pass.failures > 0 {
            outcome
                .counts
                .push((Count::EvaluationErrors, pass.failures));
        }
        Ok(outcome)
    }
}

impl Rule {
    /// Does to the metrics of a scope what the rule says.
    fn apply<'r>(
        &self,
        metrics: &mut Vec<Metric<'r>>,
        (resource, scope): (ResourceFields<'r>, ScopeFields<'r>),
        pass: &mut Pass,
    ) -> Result<(), Full> {
        match &self.action {
            Action::Update => self.update(metrics, pass),
            Action::Insert => self.insert(metrics, pass),
            Action::Combine { how, labels } => self.combine(*how, labels, metrics, pass),
            Action::Group(attributes) => {
                let selected = self.take(metrics);
                if selected.is_empty() {
                    return Ok(());
                }
                let group = group_of(resource, scope, attributes, &selected);
                pass.spend(
                    selected.iter().map(|metric| metric.len()).sum(),
                    group.len(),
                )?;
                pass.grouped.push(group);
                Ok(())
            }
        }
    }

    /// Changes metrics where they stand. One that loses all points goes.
    fn update(&self, metrics: &mut Vec<Metric<'_>>, pass: &mut Pass) -> Result<(), Full> {
        let mut kept = Vec::with_capacity(metrics.len());
        for metric in metrics.drain(..) {
            if !self.selection.matches(MetricView(&metric)) {
                kept.push(metric);
                continue;
            }
            let is_whole = self.selection.allows_all(MetricView(&metric));
            let before = metric.len();
            if let Some(changed) = self.changed(metric, is_whole, pass) {
                pass.spend(before, changed.len())?;
                kept.push(changed);
            }
        }
        *metrics = kept;
        Ok(())
    }

    /// Adds changed copies of what is selected.
    fn insert(&self, metrics: &mut Vec<Metric<'_>>, pass: &mut Pass) -> Result<(), Full> {
        for index in 0..metrics.len() {
            let copy = match self.selection.share_of(MetricView(&metrics[index])) {
                Share::Nothing => continue,
                Share::Whole => metrics[index].to_vec(),
                Share::Part { selected, .. } => selected,
            };
            if let Some(changed) = self.changed(Cow::Owned(copy), true, pass) {
                pass.spend(0, changed.len())?;
                metrics.push(changed);
            }
        }
        Ok(())
    }

    /// Makes one metric of all that are selected, if they go together.
    fn combine(
        &self,
        how: Aggregation,
        labels: &Labels,
        metrics: &mut Vec<Metric<'_>>,
        pass: &mut Pass,
    ) -> Result<(), Full> {
        let views = metrics.iter().map(|metric| MetricView(metric));
        let matched: Vec<_> = views
            .filter(|metric| self.selection.matches(*metric))
            .collect();
        if matched.is_empty() {
            return Ok(());
        }
        if !combination::go_together(&matched) {
            pass.failures += 1;
            return Ok(());
        }
        let selected = self.take(metrics);
        let combined = combination::combined(&self.selection, labels, how, &selected, |more| {
            pass.spend(0, more)
        })?;
        let combined = field::METRIC_NAME.with_bytes(&combined, &self.new_name);
        metrics.extend(self.changed(Cow::Owned(combined), true, pass));
        Ok(())
    }

    /// Takes what is selected. Points that are not stay where they were; the Collector loses them.
    fn take<'r>(&self, metrics: &mut Vec<Metric<'r>>) -> Vec<Metric<'r>> {
        let (mut selected, mut kept) = (Vec::new(), Vec::with_capacity(metrics.len()));
        for metric in metrics.drain(..) {
            match self.selection.share_of(MetricView(&metric)) {
                Share::Nothing => kept.push(metric),
                Share::Whole => selected.push(metric),
                Share::Part {
                    selected: part,
                    rest,
                } => {
                    selected.push(Cow::Owned(part));
                    kept.push(Cow::Owned(rest));
                }
            }
        }
        *metrics = kept;
        selected
    }

    /// A metric with its new name and after all operations; nothing when it lost all its points. An operation
    /// that cannot be done ends them, as in the Collector.
    fn changed<'r>(
        &self,
        mut metric: Metric<'r>,
        is_whole: bool,
        pass: &mut Pass,
    ) -> Option<Metric<'r>> {
        let had_points = MetricView(&metric).data().points().next().is_some();
        if is_whole && !self.new_name.is_empty() {
            let name = self
                .selection
                .name_of(MetricView(&metric).name(), &self.new_name);
            if name != MetricView(&metric).name() {
                metric = Cow::Owned(field::METRIC_NAME.with_bytes(&metric, &name));
            }
        }
        for operation in &self.operations {
            match operation.run(MetricView(&metric), &self.selection, is_whole) {
                Ok(None) => {}
                Ok(Some(changed)) => metric = Cow::Owned(changed),
                Err(operation::Unfit) => {
                    pass.failures += 1;
                    break;
                }
            }
        }
        let has_points = MetricView(&metric).data().points().next().is_some();
        (has_points || !had_points).then_some(metric)
    }

    fn deletes(&self) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| matches!(operation, Operation::DeleteValue { .. }))
    }
}

/// A resource of these metrics alone, with some more attributes.
fn group_of(
    resource: ResourceFields<'_>,
    scope: ScopeFields<'_>,
    attributes: &[(Vec<u8>, EncodedValue)],
    metrics: &[Metric<'_>],
) -> Vec<u8> {
    let content = field::RESOURCE.nested(resource.0);
    let mut list = field::RESOURCE_ATTRIBUTES.attributes(&content);
    for (key, value) in attributes {
        list.put(key, value);
    }
    let content = field::RESOURCE_ATTRIBUTES.with_attributes(&content, &list);
    let (mut group, mut fields) = (Vec::new(), Vec::new());
    resource.put_own_fields(&mut group);
    scope.put_own_fields(&mut fields);
    let group = field::RESOURCE.with_bytes(&group, &content);
    let scope = field::ITEMS.with_messages(&fields, metrics.iter().map(AsRef::as_ref));
    field::SCOPES.with_messages(&group, [scope.as_slice()])
}

impl Transform for MetricChanges {
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        self.apply_within(request, GROWTH_MAX)
    }

    fn drop_cause(&self) -> DropCause {
        match self.rules.iter().any(Rule::deletes) {
            true => DropCause::Filtered,
            false => DropCause::Merged,
        }
    }
}
