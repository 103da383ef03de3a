//! Verbosity `detailed`: every field of every item.

mod log;
mod metric;
mod span;

use crate::civil::Civil;
use crate::terminal::printable;
use crate::value::typed;
use tailweir_core::Signal;
use tailweir_otlp::{Attributes, LogRecordView, MetricView, RequestView, SpanView};

/// The block of each resource, scope and item.
pub(super) fn render(signal: Signal, body: &[u8]) -> String {
    let (resource_name, scope_name) = match signal {
        Signal::Traces => ("ResourceSpans", "ScopeSpans"),
        Signal::Metrics => ("ResourceMetrics", "ScopeMetrics"),
        Signal::Logs => ("ResourceLog", "ScopeLogs"),
    };
    let mut page = Page::default();
    for (index, resource) in RequestView(body).resources().enumerate() {
        page.line(format!("{resource_name} #{index}"));
        page.line(format!(
            "Resource SchemaURL: {}",
            printable(resource.schema_url())
        ));
        page.attributes(
            "Resource attributes:",
            "     ",
            resource.resource().attributes(),
        );
        for (index, scope) in resource.scopes().enumerate() {
            page.line(format!("{scope_name} #{index}"));
            page.line(format!(
                "{scope_name} SchemaURL: {}",
                printable(scope.schema_url())
            ));
            let library = scope.scope();
            let (name, version) = (printable(library.name()), printable(library.version()));
            page.line(format!("InstrumentationScope {name} {version}"));
            page.attributes(
                "InstrumentationScope attributes:",
                "     ",
                library.attributes(),
            );
            for (index, item) in scope.items().enumerate() {
                match signal {
                    Signal::Traces => span::render(&mut page, index, SpanView(item)),
                    Signal::Logs => log::render(&mut page, index, LogRecordView(item)),
                    Signal::Metrics => metric::render(&mut page, index, MetricView(item)),
                }
            }
        }
    }
    page.0
}

/// Text under way.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    /// `    Name           : value`.
    fn entry(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(format!("    {name:<15}: {value}"));
    }

    /// A title and a line for each; nothing where there are none.
    fn attributes(&mut self, title: &str, indent: &str, attributes: Attributes<'_>) {
        if attributes.is_empty() {
            return;
        }
        self.line(title);
        for entry in attributes.iter() {
            self.line(format!(
                "{indent}-> {}: {}",
                printable(entry.key),
                typed(entry.value)
            ));
        }
    }
}

fn time(nanos: u64) -> String {
    Civil::of(nanos).go()
}

/// As Go prints ids: nothing for one of zeros.
fn id(text: &impl std::fmt::Display, is_zero: bool) -> String {
    if is_zero {
        String::new()
    } else {
        text.to_string()
    }
}
