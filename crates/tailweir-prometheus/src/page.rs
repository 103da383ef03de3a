//! Pages for scrapers, written piece by piece.

mod lines;
mod messages;
mod number;
mod pairs;

use crate::labels::Labels;
use crate::naming::Kind;
use crate::negotiation::{Format, Syntax};
use crate::store::{Series, Store, TARGET_HELP};
use crate::value::{Bucket, Data, Value};
use lines::Lines;
use messages::Messages;
use tailweir_core::Moment;
use tailweir_otlp::Number;

/// Bytes after which a piece ends.
const PART: usize = 64 << 10;

/// A page under way: where the next piece begins.
///
/// Between two pieces the store may change. A series is never written twice, and its lines are always of
/// one moment; those of two series need not be.
#[derive(Debug)]
pub struct Page {
    format: Format,
    /// The families that are asked for; empty: all.
    names: Vec<String>,
    position: Position,
    buffers: Buffers,
}

/// Memory that is used again for each series.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) labels: Vec<u8>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) content: Vec<u8>,
}

#[derive(Debug)]
enum Position {
    Start,
    /// Inside a family, or behind it where nothing is left of it.
    Family(Place),
    End,
}

/// A place inside a family.
#[derive(Debug, Default)]
struct Place {
    name: String,
    /// The last series that was written.
    after: Option<(Stage, Labels)>,
    /// Whether the lines above the first series are there.
    has_head: bool,
}

/// The two kinds of series that a family may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// What describes targets.
    Targets,
    /// What streams say.
    Members,
}

/// What is written of a family: lines or messages.
trait Scribe {
    /// One series.
    fn series(&mut self, labels: &Labels, value: &Value, buffers: &mut Buffers);
    /// Bytes since the piece of the family began.
    fn written(&self) -> usize;
    /// Ends the piece of the family; whether its head has been written by now.
    fn finish(self) -> bool;
}

/// The family that is written.
#[derive(Debug, Clone, Copy)]
struct Heading<'a> {
    name: &'a str,
    kind: Kind,
    help: &'a str,
}

/// How series are written.
#[derive(Debug, Clone, Copy)]
struct Manner {
    format: Format,
    timestamps: bool,
    as_collector: bool,
}

impl Page {
    /// A page of this format. Where names are given, only the families that are called so are on it.
    #[must_use]
    pub fn new(format: Format, names: Vec<String>) -> Self {
        Self {
            format,
            names,
            position: Position::Start,
            buffers: Buffers::default(),
        }
    }

    /// Appends the next piece, of about 64 KiB. False once the page is whole.
    pub fn write_part(&mut self, store: &mut Store, now: Moment, out: &mut Vec<u8>) -> bool {
        if matches!(self.position, Position::Start) {
            store.expire(now);
        }
        let start = out.len();
        while out.len() - start < PART {
            if !self.write_family(store, out) && !self.advance(store) {
                self.end(out);
                return false;
            }
        }
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let is_open = matches!(
            self.format.syntax,
            Syntax::OpenMetrics0 | Syntax::OpenMetrics1
        );
        if is_open && !matches!(self.position, Position::End) {
            out.extend_from_slice(b"# EOF\n");
        }
        self.position = Position::End;
    }

    /// Goes to the next family that is asked for; false behind the last.
    fn advance(&mut self, store: &Store) -> bool {
        let mut last = match &self.position {
            Position::Start => None,
            Position::Family(place) => Some(place.name.clone()),
            Position::End => return false,
        };
        loop {
            let Some(name) = next_name(store, last.as_deref()) else {
                return false;
            };
            if self.names.is_empty() || self.names.iter().any(|wanted| wanted == name) {
                self.position = Position::Family(Place {
                    name: name.to_owned(),
                    ..Place::default()
                });
                return true;
            }
            last = Some(name.to_owned());
        }
    }

    /// Writes of the family where the page is; false when it is whole.
    fn write_family(&mut self, store: &mut Store, out: &mut Vec<u8>) -> bool {
        let Position::Family(place) = &mut self.position else {
            return false;
        };
        store.tidy(&place.name);
        let Some(heading) = heading(store, &place.name) else {
            return false;
        };
        let options = store.options();
        let manner = Manner {
            format: self.format,
            timestamps: options.timestamps,
            as_collector: options.as_collector,
        };
        let entries = entries(store, place);
        let buffers = &mut self.buffers;
        let (last, has_head) = match self.format.syntax {
            Syntax::Protobuf => write_all(Messages::new(heading, manner, out), entries, buffers),
            _ => {
                let lines = Lines::new(heading, manner, place.has_head, out);
                write_all(lines, entries, buffers)
            }
        };
        place.has_head = has_head;
        let is_cut = last.is_some();
        place.after = last.or_else(|| place.after.take());
        is_cut
    }
}

/// The next name on the page: that of a family, or of the targets.
fn next_name<'a>(store: &'a Store, last: Option<&str>) -> Option<&'a str> {
    let family = store.name_after(last);
    let target = Some(store.target_name()).filter(|name| last.is_none_or(|last| last < *name));
    match (family, target) {
        (Some(family), Some(target)) => Some(family.min(target)),
        (family, target) => family.or(target),
    }
}

fn heading<'a>(store: &'a Store, name: &str) -> Option<Heading<'a>> {
    if name == store.target_name() {
        return Some(Heading {
            name: store.target_name(),
            kind: Kind::Gauge,
            help: TARGET_HELP,
        });
    }
    let family = store.family(name)?;
    Some(Heading {
        name: &family.name,
        kind: family.kind,
        help: &family.help,
    })
}

/// What is left to be written of a family.
fn entries<'a>(
    store: &'a Store,
    place: &Place,
) -> impl Iterator<Item = (Stage, &'a Labels, &'a Value)> + use<'a> {
    let is_target = place.name == store.target_name();
    let after = |stage| match &place.after {
        Some((at, labels)) if *at == stage => Some(labels),
        _ => None,
    };
    let are_targets_next = place
        .after
        .as_ref()
        .is_none_or(|(at, _)| *at == Stage::Targets);
    let targets = match is_target && are_targets_next {
        true => store.targets().from(after(Stage::Targets)),
        false => Vec::new(),
    };
    let targets = targets
        .into_iter()
        .map(|labels| (Stage::Targets, labels, &TARGET_VALUE));
    let members = store.members(&place.name, after(Stage::Members));
    let as_collector = store.options().as_collector;
    let members = members
        .filter(move |series| is_shown(series, as_collector))
        .map(|series| (Stage::Members, &series.labels, &series.value));
    targets.chain(members)
}

/// The Collector does not show what Prometheus could not take.
fn is_shown(series: &Series, as_collector: bool) -> bool {
    match &series.value.data {
        Data::Exponential(histogram) if as_collector => histogram.is_native(),
        _ => true,
    }
}

/// `target_info` says nothing by its value, and was not measured.
static TARGET_VALUE: Value = Value {
    start: 0,
    time: Value::NEVER,
    data: Data::Number(Number::Int(1), None),
};

/// Writes until the piece is full: then the last series that is in it. And whether the head is written.
fn write_all<'a>(
    mut scribe: impl Scribe,
    entries: impl Iterator<Item = (Stage, &'a Labels, &'a Value)>,
    buffers: &mut Buffers,
) -> (Option<(Stage, Labels)>, bool) {
    let mut last = None;
    for (stage, labels, value) in entries {
        if let Some((stage, labels)) = last
            && scribe.written() >= PART
        {
            let labels: &Labels = labels;
            return (Some((stage, labels.clone())), scribe.finish());
        }
        scribe.series(labels, value, buffers);
        last = Some((stage, labels));
    }
    (None, scribe.finish())
}
