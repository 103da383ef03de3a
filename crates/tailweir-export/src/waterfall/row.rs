//! One span in one line.

use super::tree::{Placed, Span, Trace};
use crate::terminal::{clipped, printable};
use crate::value::plain;
use tailweir_otlp::{SpanView, StatusCode};

/// Most bytes of a name, and of a value, that are looked at.
const TEXT_MAX: usize = 512;
/// Room of the column with durations.
const DURATION_WIDTH: usize = 8;
/// Most attributes beside a span.
const ATTRIBUTES_MAX: usize = 3;

/// Attributes that say what a span did, the most telling first.
const TELLING: [&str; 22] = [
    "exception.message",
    "error.type",
    "http.response.status_code",
    "http.status_code",
    "rpc.grpc.status_code",
    "http.route",
    "url.path",
    "url.full",
    "http.target",
    "http.url",
    "db.query.text",
    "db.statement",
    "db.collection.name",
    "db.system.name",
    "db.system",
    "messaging.destination.name",
    "messaging.system",
    "rpc.service",
    "rpc.method",
    "peer.service",
    "server.address",
    "user.id",
];

/// The widths of the columns, in characters.
pub(super) struct Layout {
    service: usize,
    name: usize,
    bar: usize,
    note: usize,
}

impl Layout {
    /// Columns are as wide as their widest cell, within their share of `width`.
    pub(super) fn of(trace: &Trace<'_>, placed: &[Placed], width: usize) -> Self {
        let widest = |length: &dyn Fn(&Placed) -> usize, most: usize| {
            placed.iter().map(length).max().unwrap_or(0).min(most)
        };
        let span = |place: &Placed| &trace.spans[place.index];
        let length = |text: &[u8]| text_of(text).chars().count();
        let service = widest(&|place| length(span(place).service), width / 6);
        let name = widest(
            &|place| place.branch.chars().count() + length(span(place).view.name()),
            width * 7 / 20,
        );
        let rest = width.saturating_sub(service + name + DURATION_WIDTH + 3);
        let bar = (rest * 3 / 5).clamp(8, 48).min(rest);
        Self {
            service,
            name,
            bar,
            note: rest.saturating_sub(bar + 1),
        }
    }

    pub(super) fn row(&self, trace: &Trace<'_>, place: &Placed, paint: Paint) -> String {
        let span = &trace.spans[place.index];
        let is_error = StatusCode::of(span.view.status().code) == StatusCode::Error;
        let service = padded(&text_of(span.service), self.service);
        let name = padded(
            &format!("{}{}", place.branch, text_of(span.view.name())),
            self.name,
        );
        let duration = duration_text(span.end - span.start);
        let note = clipped(&note(span.view, is_error), self.note);
        let bar = padded(&bar(trace, span, self.bar), self.bar);
        let (bar, note) = if is_error {
            (paint.red(&bar), paint.red(&note))
        } else {
            (paint.service(span.service, &bar), paint.dim(&note))
        };
        let service = paint.service(span.service, &service);
        let line = format!("{service} {name} {bar} {duration:<DURATION_WIDTH$} {note}");
        line.trim_end().to_owned()
    }
}

fn text_of(text: &[u8]) -> String {
    printable(&text[..text.len().min(TEXT_MAX)])
}

fn padded(text: &str, width: usize) -> String {
    format!("{:<width$}", clipped(text, width))
}

/// A line from where the span begins to where it ends; at least one character.
fn bar(trace: &Trace<'_>, span: &Span<'_>, width: usize) -> String {
    let total = u128::from((trace.end - trace.start).max(1));
    let place = |time: u64| u128::from(time - trace.start) * width as u128;
    let last = width.saturating_sub(1);
    let begin = ((place(span.start) / total) as usize).min(last);
    let end = (place(span.end).div_ceil(total) as usize).clamp(begin + 1, width.max(begin + 1));
    format!("{}{}", " ".repeat(begin), "━".repeat(end - begin))
}

/// What is wrong with the span, then what it did.
fn note(span: SpanView<'_>, is_error: bool) -> String {
    let mut words = Vec::new();
    if is_error {
        words.push(format!("✗ {}", error_text(span)).trim_end().to_owned());
    }
    let attributes = span.attributes();
    let telling = TELLING
        .iter()
        .filter_map(|key| attributes.get(key.as_bytes()).map(|value| (key, value)))
        .map(|(key, value)| format!("{key}={}", clipped(&plain(value), TEXT_MAX)));
    words.extend(telling.take(ATTRIBUTES_MAX));
    words.join("  ")
}

/// The message of the status, else of the first exception.
fn error_text(span: SpanView<'_>) -> String {
    let message = span.status().message;
    if !message.is_empty() {
        return text_of(message);
    }
    let exception = span.events().find(|event| event.name() == b"exception");
    let attributes = exception.map(|event| event.attributes());
    attributes
        .and_then(|attributes| {
            attributes
                .get(b"exception.message")
                .or_else(|| attributes.get(b"exception.type"))
        })
        .map(|value| clipped(&plain(value), TEXT_MAX))
        .unwrap_or_default()
}

/// Three digits and a unit: `850 ns`, `12.3 µs`, `120 ms`, `1.24 s`, `2m 05s`, `3h 20m`.
pub(super) fn duration_text(nanos: u64) -> String {
    let value = |unit: u64| {
        let value = nanos as f64 / unit as f64;
        let decimals = if value < 9.995 {
            2
        } else {
            usize::from(value < 99.95)
        };
        format!("{value:.decimals$}")
    };
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{} µs", value(1_000)),
        1_000_000..1_000_000_000 => format!("{} ms", value(1_000_000)),
        1_000_000_000..60_000_000_000 => format!("{} s", value(1_000_000_000)),
        _ => {
            let seconds = nanos / 1_000_000_000;
            match seconds / 3600 {
                0 => format!("{}m {:02}s", seconds / 60, seconds % 60),
                hours => format!("{hours}h {:02}m", seconds / 60 % 60),
            }
        }
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    colours: bool,
}

impl Paint {
    pub(super) fn new(colours: bool) -> Self {
        Self { colours }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Each service in a colour of its own, as far as there are colours; red means an error.
    fn service(self, name: &[u8], text: &str) -> String {
        const CODES: [&str; 10] = ["36", "32", "33", "35", "34", "96", "92", "93", "95", "94"];
        let hash = name.iter().fold(0_u32, |hash, &byte| {
            hash.wrapping_mul(16_777_619) ^ u32::from(byte)
        });
        self.with(CODES[hash as usize % CODES.len()], text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
