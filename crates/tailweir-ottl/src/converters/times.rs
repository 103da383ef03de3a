//! Moments and durations: made from text and numbers, taken apart, written as text.

use super::{
    Arguments, Body, Converter, Literals, Outcome, Parameter, Refusal, converter, optional,
    required,
};
use crate::calendar::Civil;
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::{Duration, Time, Value};

mod duration;
mod format;
mod languages;
mod parse;
mod zone;

const TIME: &[Parameter] = &[required("time", Kind::Time)];
const DURATION: &[Parameter] = &[required("duration", Kind::Duration)];

pub(super) const TABLE: &[Converter] = &[
    converter(
        "Day",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.day)),
    ),
    converter(
        "Duration",
        &[required("duration", Kind::String)],
        Body::Plain(duration_of),
    ),
    converter(
        "FormatTime",
        &[
            required("time", Kind::Time),
            required("format", Kind::LiteralString),
        ],
        Body::Prepared(format_time),
    ),
    converter(
        "Hour",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.hour)),
    ),
    converter(
        "Hours",
        DURATION,
        Body::Plain(|arguments| in_units(arguments, 3_600_000_000_000)),
    ),
    converter(
        "Microseconds",
        DURATION,
        Body::Plain(|arguments| whole_units(arguments, 1000)),
    ),
    converter(
        "Milliseconds",
        DURATION,
        Body::Plain(|arguments| whole_units(arguments, 1_000_000)),
    ),
    converter(
        "Minute",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.minute)),
    ),
    converter(
        "Minutes",
        DURATION,
        Body::Plain(|arguments| in_units(arguments, 60_000_000_000)),
    ),
    converter(
        "Month",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.month)),
    ),
    converter(
        "Nanosecond",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.nanosecond)),
    ),
    converter(
        "Nanoseconds",
        DURATION,
        Body::Plain(|arguments| whole_units(arguments, 1)),
    ),
    converter(
        "Second",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.second)),
    ),
    converter(
        "Seconds",
        DURATION,
        Body::Plain(|arguments| in_units(arguments, 1_000_000_000)),
    ),
    converter(
        "Time",
        &[
            required("time", Kind::String),
            required("format", Kind::LiteralString),
            optional("location", Kind::LiteralString),
            optional("locale", Kind::LiteralString),
        ],
        Body::Prepared(time_of),
    ),
    converter(
        "TruncateTime",
        &[
            required("time", Kind::Time),
            required("duration", Kind::Duration),
        ],
        Body::Plain(truncate),
    ),
    converter(
        "Unix",
        &[
            required("seconds", Kind::Int),
            optional("nanoseconds", Kind::Int),
        ],
        Body::Plain(unix),
    ),
    converter(
        "UnixMicro",
        TIME,
        Body::Plain(|arguments| since_1970(arguments, 1000)),
    ),
    converter(
        "UnixMilli",
        TIME,
        Body::Plain(|arguments| since_1970(arguments, 1_000_000)),
    ),
    converter(
        "UnixNano",
        TIME,
        Body::Plain(|arguments| since_1970(arguments, 1)),
    ),
    converter(
        "UnixSeconds",
        TIME,
        Body::Plain(|arguments| since_1970(arguments, 1_000_000_000)),
    ),
    converter(
        "Weekday",
        TIME,
        Body::Plain(|arguments| part(arguments, |civil| civil.weekday)),
    ),
    converter("Year", TIME, Body::Plain(year)),
];

fn part(mut arguments: Arguments<'_>, part: fn(Civil) -> u32) -> Outcome<'_> {
    Ok(Value::Int(part(Civil::of(arguments.time(0))).into()))
}

fn year(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Int(Civil::of(arguments.time(0)).year))
}

fn since_1970(mut arguments: Arguments<'_>, nanoseconds_each: i64) -> Outcome<'_> {
    Ok(Value::Int(arguments.time(0).unix_units(nanoseconds_each)))
}

/// As a float, such as 1.5 minutes.
fn in_units(mut arguments: Arguments<'_>, nanoseconds_each: i64) -> Outcome<'_> {
    let nanoseconds = arguments.duration(0).nanoseconds();
    let (whole, rest) = (
        nanoseconds / nanoseconds_each,
        nanoseconds % nanoseconds_each,
    );
    Ok(Value::Double(
        whole as f64 + rest as f64 / nanoseconds_each as f64,
    ))
}

/// As an integer, rounded towards zero.
fn whole_units(mut arguments: Arguments<'_>, nanoseconds_each: i64) -> Outcome<'_> {
    Ok(Value::Int(
        arguments.duration(0).nanoseconds() / nanoseconds_each,
    ))
}

fn truncate(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Time(
        arguments.time(0).truncated(arguments.duration(1)),
    ))
}

fn unix(mut arguments: Arguments<'_>) -> Outcome<'_> {
    Ok(Value::Time(Time::from_unix(
        arguments.int(0),
        arguments.int(1),
    )))
}

fn duration_of(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let text = arguments.text(0);
    match duration::parse(&text) {
        Some(nanoseconds) => Ok(Value::Duration(Duration::from_nanoseconds(nanoseconds))),
        None => Err(format!("{:?} is no duration such as 1h2m3.5s", readable(&text)).into()),
    }
}

fn format_time(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let layout = format::Layout::new(literals.text(1).unwrap_or_default())
        .map_err(|reason| Refusal::new(1, reason))?;
    Ok(Box::new(move |mut arguments| {
        Ok(Value::text(layout.write(arguments.time(0))))
    }))
}

fn time_of(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let text = literals.text(1).unwrap_or_default();
    let layout = format::Layout::new(text).map_err(|reason| Refusal::new(1, reason))?;
    if layout.lacks_year() {
        return Err(Refusal::new(
            1,
            "a format without a year depends on the year in which it is read",
        ));
    }
    let zone = match literals.text(2) {
        None | Some("") => zone::Zone::Utc,
        Some(name) => zone::Zone::named(name)
            .ok_or_else(|| Refusal::new(2, format!("{name:?} is no time zone")))?,
    };
    let names = match literals.text(3) {
        None => None,
        Some(tag) => {
            let unknown = || {
                format!(
                    "no names for the locale {tag:?}; there are names for {}",
                    languages::languages()
                )
            };
            Some(languages::names(tag).ok_or_else(|| Refusal::new(3, unknown()))?)
        }
    };
    Ok(Box::new(move |mut arguments| {
        let text = arguments.text(0);
        let text = readable(&text);
        match parse::parse(&layout, &text, &zone, names) {
            Some(time) => Ok(Value::Time(time)),
            None => Err(format!("{text:?} does not fit the format").into()),
        }
    }))
}
