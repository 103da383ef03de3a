//! Spans in full.

use super::{Page, id, time};
use crate::terminal::printable;
use crate::value::span_kind;
use tailweir_otlp::{LinkView, SpanEventView, SpanView};

pub(super) fn render(page: &mut Page, index: usize, span: SpanView<'_>) {
    page.line(format!("Span #{index}"));
    let (trace, parent, own) = (span.trace_id(), span.parent_span_id(), span.span_id());
    page.entry("Trace ID", id(&trace, trace.is_zero()));
    page.entry("Parent ID", id(&parent, parent.is_zero()));
    page.entry("ID", id(&own, own.is_zero()));
    page.entry("Name", printable(span.name()));
    page.entry("Kind", span_kind(span.kind()));
    if !span.trace_state().is_empty() {
        page.entry("TraceState", printable(span.trace_state()));
    }
    page.entry("Start time", time(span.start()));
    page.entry("End time", time(span.end()));
    page.entry("Status code", status(span.status().code));
    page.entry("Status message", printable(span.status().message));
    page.attributes("Attributes:", "     ", span.attributes());
    let attributes = span.dropped_attributes_count();
    dropped(page, "DroppedAttributesCount", attributes);
    events(page, span.events());
    dropped(page, "DroppedEventsCount", span.dropped_events_count());
    links(page, span.links());
    dropped(page, "DroppedLinksCount", span.dropped_links_count());
}

fn dropped(page: &mut Page, name: &str, count: u32) {
    if count > 0 {
        page.entry(name, count);
    }
}

fn events<'a>(page: &mut Page, events: impl Iterator<Item = SpanEventView<'a>>) {
    for (index, event) in events.enumerate() {
        if index == 0 {
            page.line("Events:");
        }
        page.line(format!("SpanEvent #{index}"));
        page.line(format!("     -> Name: {}", printable(event.name())));
        page.line(format!("     -> Timestamp: {}", time(event.time())));
        page.line(format!(
            "     -> DroppedAttributesCount: {}",
            event.dropped_attributes_count()
        ));
        page.attributes("     -> Attributes::", "          ", event.attributes());
    }
}

fn links<'a>(page: &mut Page, links: impl Iterator<Item = LinkView<'a>>) {
    for (index, link) in links.enumerate() {
        if index == 0 {
            page.line("Links:");
        }
        let (trace, span) = (link.trace_id(), link.span_id());
        page.line(format!("SpanLink #{index}"));
        page.line(format!("     -> Trace ID: {}", id(&trace, trace.is_zero())));
        page.line(format!("     -> ID: {}", id(&span, span.is_zero())));
        page.line(format!(
            "     -> TraceState: {}",
            printable(link.trace_state())
        ));
        page.line(format!(
            "     -> DroppedAttributesCount: {}",
            link.dropped_attributes_count()
        ));
        page.attributes("     -> Attributes::", "          ", link.attributes());
    }
}

fn status(code: i32) -> &'static str {
    match code {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}
