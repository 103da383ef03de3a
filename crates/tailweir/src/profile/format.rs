//! Profiles as `go tool pprof` reads them: the message `perftools.profiles.Profile`, compressed with gzip.

use super::stacks::Stacks;
use super::symbols::{Symbol, Symbols};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NANOSECONDS: i64 = 1_000_000_000;
/// Stands for the calls of stacks that found no room.
const BEYOND: &str = "[stacks beyond the limit]";

/// When and how often it was looked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) started: SystemTime,
    pub(super) duration: Duration,
    /// Looks for each second of processor time.
    pub(super) frequency: u32,
}

/// The compressed profile; nothing when no function has a name.
pub(super) fn write(stacks: &Stacks, symbols: &Symbols, timing: Timing) -> Option<Vec<u8>> {
    let profile = Writer::new(timing).profile(stacks, symbols)?;
    gzip(&profile.encode_to_vec()).ok()
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Numbers texts, functions and places in order of their first use.
struct Writer {
    profile: Profile,
    texts: HashMap<String, i64>,
    functions: HashMap<(String, String), u64>,
    locations: HashMap<usize, u64>,
    period: i64,
}

impl Writer {
    fn new(timing: Timing) -> Self {
        let mut writer = Self {
            profile: Profile::default(),
            texts: HashMap::new(),
            functions: HashMap::new(),
            locations: HashMap::new(),
            period: NANOSECONDS / i64::from(timing.frequency.max(1)),
        };
        // The first text is the empty one, which stands for none.
        writer.text("");
        let samples = writer.value("samples", "count");
        let time = writer.value("cpu", "nanoseconds");
        writer.profile.sample_types = vec![samples, time];
        writer.profile.period_type = Some(time);
        writer.profile.period = writer.period;
        let since = timing.started.duration_since(UNIX_EPOCH);
        writer.profile.time_nanos = since.unwrap_or_default().as_nanos() as i64;
        writer.profile.duration_nanos = timing.duration.as_nanos() as i64;
        writer
    }

    fn profile(mut self, stacks: &Stacks, symbols: &Symbols) -> Option<Profile> {
        let mut has_stack = false;
        let mut is_named = false;
        for (stack, count) in stacks.iter() {
            has_stack = true;
            let Some(work) = symbols.work(stack) else {
                continue;
            };
            is_named = true;
            let places = work.iter().filter(|&&address| address != 0);
            let places = places.map(|&address| self.location(address, symbols.at(address)));
            let places = places.collect();
            self.sample(places, count, Some(&stack.thread));
        }
        if has_stack && !is_named {
            return None;
        }
        if stacks.beyond() > 0 {
            let place = self.location(0, &[named(BEYOND)]);
            self.sample(vec![place], stacks.beyond(), None);
        }
        Some(self.profile)
    }

    fn sample(&mut self, location_ids: Vec<u64>, count: u64, thread: Option<&str>) {
        let count = count as i64;
        let labels = thread.map(|thread| Label {
            key: self.text("thread"),
            text: self.text(thread),
        });
        self.profile.samples.push(Sample {
            location_ids,
            values: vec![count, count.saturating_mul(self.period)],
            labels: labels.into_iter().collect(),
        });
    }

    fn location(&mut self, address: usize, symbols: &[Symbol]) -> u64 {
        if let Some(&id) = self.locations.get(&address) {
            return id;
        }
        let lines = match symbols {
            [] => vec![self.line(&named(&format!("{address:#x}")))],
            symbols => symbols.iter().map(|symbol| self.line(symbol)).collect(),
        };
        let id = self.locations.len() as u64 + 1;
        self.locations.insert(address, id);
        self.profile.locations.push(Location {
            id,
            address: address as u64,
            lines,
        });
        id
    }

    fn line(&mut self, symbol: &Symbol) -> Line {
        Line {
            function_id: self.function(symbol),
            line: i64::from(symbol.line),
        }
    }

    fn function(&mut self, symbol: &Symbol) -> u64 {
        let key = (symbol.system_name.clone(), symbol.file.clone());
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let id = self.functions.len() as u64 + 1;
        self.functions.insert(key, id);
        let function = Function {
            id,
            name: self.text(&symbol.name),
            system_name: self.text(&symbol.system_name),
            file: self.text(&symbol.file),
        };
        self.profile.functions.push(function);
        id
    }

    fn value(&mut self, kind: &str, unit: &str) -> ValueType {
        ValueType {
            kind: self.text(kind),
            unit: self.text(unit),
        }
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(&number) = self.texts.get(text) {
            return number;
        }
        let number = self.profile.texts.len() as i64;
        self.texts.insert(text.to_owned(), number);
        self.profile.texts.push(text.to_owned());
        number
    }
}

fn named(name: &str) -> Symbol {
    Symbol {
        name: name.to_owned(),
        system_name: name.to_owned(),
        file: String::new(),
        line: 0,
    }
}

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_types: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    locations: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    functions: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    texts: Vec<String>,
    #[prost(int64, tag = "9")]
    time_nanos: i64,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_ids: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    labels: Vec<Label>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    text: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
    #[prost(message, repeated, tag = "4")]
    lines: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    file: i64,
}
