//! One value, written by one directive.

use crate::calendar::offset_text;
use crate::coerce::{hexadecimal, readable};
use crate::number::plain_double;
use crate::{Duration, Time, Value};

/// The flags, width and precision of a directive.
#[derive(Debug, Default)]
pub(super) struct Directive {
    pub(super) plus: bool,
    pub(super) left: bool,
    pub(super) alternate: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Appends the value by the verb, or what Go says about a verb that the value does not have.
pub(super) fn render(text: &mut String, verb: char, directive: &Directive, value: &Value<'_>) {
    if verb == 'T' {
        return pad(text, type_name(value), directive, false);
    }
    if let Some(written) = written(verb, directive, value) {
        return pad(text, &written, directive, is_number(value));
    }
    text.push_str(&format!("%!{verb}("));
    if matches!(value, Value::Nil) {
        text.push_str("<nil>)");
        return;
    }
    text.push_str(&format!("{}=", type_name(value)));
    // A duration has shown by now that it is a number.
    let number = match value {
        Value::Duration(duration) => Value::Int(duration.nanoseconds()),
        other => other.borrowed(),
    };
    let plain = written('v', directive, &number).unwrap_or_default();
    pad(text, &plain, directive, is_number(&number));
    text.push(')');
}

fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Int(_) | Value::Double(_))
}

/// The value by the verb, not yet padded, or nothing when it does not have the verb.
fn written(verb: char, directive: &Directive, value: &Value<'_>) -> Option<String> {
    match value {
        Value::Int(value) => int(verb, directive, *value),
        Value::Double(value) => double(verb, directive, *value),
        Value::String(value) => string(verb, directive, value),
        Value::Bytes(value) if matches!(verb, 's' | 'q' | 'x' | 'X') => {
            string(verb, directive, value)
        }
        Value::Bytes(value) => bytes(verb, directive, value),
        Value::Bool(value) => matches!(verb, 't' | 'v').then(|| value.to_string()),
        Value::Duration(value) => match verb {
            'v' | 's' | 'q' | 'x' | 'X' => string(verb, directive, duration(*value).as_bytes()),
            verb => int(verb, directive, value.nanoseconds()),
        },
        Value::Nil => (verb == 'v').then(|| plain(value)),
        other => matches!(verb, 'v' | 's').then(|| plain(other)),
    }
}

/// `int64=1`, as Go shows a value that has no place.
pub(super) fn with_type(value: &Value<'_>) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        value => format!("{}={}", type_name(value), plain(value)),
    }
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Double(_) => "float64",
        Value::String(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Time(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::TraceId(_) => "pcommon.TraceID",
        Value::SpanId(_) => "pcommon.SpanID",
        Value::ProfileId(_) => "pprofile.ProfileID",
        Value::List(_) => "pcommon.Slice",
        Value::Map(_) => "pcommon.Map",
        Value::Object(object) => object.kind,
    }
}

/// The value as `%v` writes it. Lists and maps are written so that they can be read; the Collector shows
/// addresses in memory for those of telemetry.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => plain_double(*value),
        Value::String(text) => readable(text).into_owned(),
        Value::Bytes(bytes) => {
            let bytes: Vec<_> = bytes.iter().map(u8::to_string).collect();
            format!("[{}]", bytes.join(" "))
        }
        Value::Time(value) => time(*value),
        Value::Duration(value) => duration(*value),
        Value::TraceId(id) | Value::ProfileId(id) => hexadecimal(id),
        Value::SpanId(id) => hexadecimal(id),
        Value::List(list) => {
            let items: Vec<_> = list.items().iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let entry = |(key, value): &(crate::Text<'_>, Value<'_>)| {
                format!("{}:{}", readable(key), plain(value))
            };
            let mut entries: Vec<_> = map.entries().iter().map(entry).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
        Value::Object(object) => format!("{{{}}}", object.kind),
    }
}

/// `2023-11-14 22:13:20.5 +0000 UTC`
fn time(value: Time) -> String {
    let text = crate::calendar::rfc3339(value.at_offset(0));
    let shown = Time::from_unix(
        value.unix_seconds().saturating_add(value.offset().into()),
        0,
    );
    let clock = crate::calendar::rfc3339(shown).replace('T', " ");
    let fraction = text
        .find('.')
        .map_or("", |point| text[point..].trim_end_matches('Z'));
    let zone = match value.offset() {
        0 => "+0000 UTC".to_owned(),
        offset => format!("{0} {0}", offset_text(offset, "")),
    };
    format!("{}{fraction} {zone}", clock.trim_end_matches('Z'))
}

/// `1h2m3.5s`
fn duration(value: Duration) -> String {
    let nanoseconds = value.nanoseconds();
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let decimal = |each: u64, unit: &str| {
        let digits = each.ilog10() as usize;
        let fraction = format!("{:0digits$}", magnitude % each);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() || digits == 0 {
            ""
        } else {
            "."
        };
        let fraction = if digits == 0 { "" } else { fraction };
        (magnitude / each, format!("{point}{fraction}{unit}"))
    };
    let (whole, rest) = match magnitude {
        0 => return "0s".to_owned(),
        1..1000 => decimal(1, "ns"),
        1000..1_000_000 => decimal(1000, "µs"),
        1_000_000..1_000_000_000 => decimal(1_000_000, "ms"),
        _ => decimal(1_000_000_000, "s"),
    };
    if magnitude < 60_000_000_000 {
        return format!("{sign}{whole}{rest}");
    }
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let hours = if hours > 0 {
        format!("{hours}h")
    } else {
        String::new()
    };
    format!("{sign}{hours}{minutes}m{seconds}{rest}")
}

fn int(verb: char, directive: &Directive, value: i64) -> Option<String> {
    let magnitude = value.unsigned_abs();
    let (prefix, digits) = match verb {
        'd' | 'v' => ("", magnitude.to_string()),
        'b' => ("0b", format!("{magnitude:b}")),
        'o' => ("0", format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'c' => {
            return u32::try_from(value)
                .ok()
                .and_then(char::from_u32)
                .or(Some('\u{fffd}'))
                .map(String::from);
        }
        'q' => {
            let character = u32::try_from(value)
                .ok()
                .and_then(char::from_u32)
                .unwrap_or('\u{fffd}');
            return Some(format!("'{character}'"));
        }
        'U' => return Some(format!("U+{magnitude:04X}")),
        _ => return None,
    };
    if directive.precision == Some(0) && value == 0 {
        return Some(String::new());
    }
    let prefix = if directive.alternate || verb == 'O' {
        prefix
    } else {
        ""
    };
    let sign = sign(value < 0, directive);
    let width = match (directive.precision, directive.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if directive.zero && !directive.left => {
            width.saturating_sub(sign.len())
        }
        _ => 0,
    };
    Some(format!("{sign}{prefix}{digits:0>width$}"))
}

fn sign(negative: bool, directive: &Directive) -> &'static str {
    match (negative, directive.plus, directive.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn double(verb: char, directive: &Directive, value: f64) -> Option<String> {
    if !value.is_finite() {
        let plus = directive.plus || value.is_sign_negative();
        let text = plain_double(value);
        return "efgEFGv".contains(verb).then(|| {
            if plus {
                text
            } else {
                text.trim_start_matches('+').to_owned()
            }
        });
    }
    let magnitude = value.abs();
    let precision = directive.precision;
    let digits = match verb {
        'f' | 'F' => format!("{magnitude:.*}", precision.unwrap_or(6)),
        'e' => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6))),
        'E' => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6))).to_uppercase(),
        'b' => binary(magnitude),
        'g' | 'v' | 'G' => {
            let text = match precision {
                None => plain_double(magnitude),
                Some(precision) => significant(magnitude, precision.max(1)),
            };
            if verb == 'G' {
                text.to_uppercase()
            } else {
                text
            }
        }
        _ => return None,
    };
    let sign = sign(value.is_sign_negative(), directive);
    let width = match directive.width {
        Some(width) if directive.zero && !directive.left => width.saturating_sub(sign.len()),
        _ => 0,
    };
    Some(format!("{sign}{digits:0>width$}"))
}

/// The mantissa as an integer and the power of two.
fn binary(magnitude: f64) -> String {
    let bits = magnitude.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let (mantissa, exponent) = match exponent {
        0 => (fraction, 1),
        exponent => (fraction | 1 << 52, exponent),
    };
    format!("{mantissa}p{:+}", exponent - 1075)
}

/// `2.5e0` as `2.5e+00`.
fn exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// So many significant digits, with an exponent where that is shorter.
fn significant(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let power: i32 = scientific
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let trim = |text: &str| match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text.to_owned(),
    };
    if power < -4 || power >= digits as i32 {
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent(&format!("{}e{power}", trim(mantissa)));
    }
    trim(&format!(
        "{value:.*}",
        (digits as i32 - 1 - power).max(0) as usize
    ))
}

fn string(verb: char, directive: &Directive, value: &[u8]) -> Option<String> {
    let cut = |text: &str| match directive.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    let bytes = &value[..value.len().min(directive.precision.unwrap_or(usize::MAX))];
    match verb {
        's' | 'v' => Some(cut(&String::from_utf8_lossy(value))),
        'q' => Some(format!("{:?}", cut(&String::from_utf8_lossy(value)))),
        'x' | 'X' => {
            let prefix = if directive.alternate && !bytes.is_empty() {
                "0x"
            } else {
                ""
            };
            let digits = format!("{prefix}{}", hexadecimal(bytes));
            Some(if verb == 'X' {
                digits.to_uppercase()
            } else {
                digits
            })
        }
        _ => None,
    }
}

/// Each byte as a number.
fn bytes(verb: char, directive: &Directive, value: &[u8]) -> Option<String> {
    let numbers: Option<Vec<_>> = value
        .iter()
        .map(|byte| int(verb, directive, i64::from(*byte)))
        .collect();
    Some(format!("[{}]", numbers?.join(" ")))
}

fn pad(text: &mut String, written: &str, directive: &Directive, number: bool) {
    let missing = directive
        .width
        .unwrap_or(0)
        .saturating_sub(written.chars().count());
    if directive.left {
        text.push_str(written);
        text.extend(std::iter::repeat_n(' ', missing));
    } else {
        let filler = if directive.zero && !number { '0' } else { ' ' };
        text.extend(std::iter::repeat_n(filler, missing));
        text.push_str(written);
    }
}
