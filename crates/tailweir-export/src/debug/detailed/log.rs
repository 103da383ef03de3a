//! Log records in full.

use super::{Page, id, time};
use crate::terminal::printable;
use crate::value::typed;
use tailweir_otlp::LogRecordView;

const SEVERITIES: [&str; 6] = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"];

pub(super) fn render(page: &mut Page, index: usize, record: LogRecordView<'_>) {
    page.line(format!("LogRecord #{index}"));
    page.line(format!(
        "ObservedTimestamp: {}",
        time(record.observed_time())
    ));
    page.line(format!("Timestamp: {}", time(record.time())));
    page.line(format!(
        "SeverityText: {}",
        printable(record.severity_text())
    ));
    page.line(format!(
        "SeverityNumber: {}",
        severity(record.severity_number())
    ));
    if !record.event_name().is_empty() {
        page.line(format!("EventName: {}", printable(record.event_name())));
    }
    page.line(format!("Body: {}", typed(record.body())));
    page.attributes("Attributes:", "     ", record.attributes());
    if record.dropped_attributes_count() > 0 {
        page.line(format!(
            "DroppedAttributesCount: {}",
            record.dropped_attributes_count()
        ));
    }
    let (trace, span) = (record.trace_id(), record.span_id());
    page.line(format!("Trace ID: {}", id(&trace, trace.is_zero())));
    page.line(format!("Span ID: {}", id(&span, span.is_zero())));
    page.line(format!("Flags: {}", record.flags()));
}

/// `Info(9)`, `Info2(10)`, `Unspecified(0)`.
fn severity(number: i32) -> String {
    let index = usize::try_from(number - 1).ok();
    let name = index.and_then(|index| SEVERITIES.get(index / 4));
    match (name, (number - 1) % 4) {
        (Some(name), 0) => format!("{name}({number})"),
        (Some(name), step) => format!("{name}{}({number})", step + 1),
        (None, _) if number == 0 => "Unspecified(0)".to_owned(),
        (None, _) => format!("({number})"),
    }
}
