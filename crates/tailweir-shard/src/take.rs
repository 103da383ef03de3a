//! Parts of requests: taken, sent elsewhere, held for a while or refused.

use crate::shard::Shard;
use crate::upkeep::FETCHED;
use crate::voice::Fresh;
use crate::{Answer, Outbox, Part, Piece, Redirect, Refusal, Spans};
use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::ops::Range;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_otlp::Assembler;
use tailweir_placement::TenureId;
use tailweir_tenure::{Fragment, Number, Ruling, Until};

/// Parts whose fragments are proposed and not yet acknowledged.
pub(crate) struct Waiting<T> {
    parts: HashMap<u64, Open<T>, FixedState>,
    fragments: HashMap<(TenureId, Number), (u64, TraceId), FixedState>,
    next: u64,
}

struct Open<T> {
    ticket: T,
    left: usize,
    redirects: Vec<Redirect>,
    patience: Moment,
}

impl<T> Waiting<T> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            parts: HashMap::with_hasher(FixedState::with_seed(seed)),
            fragments: HashMap::with_hasher(FixedState::with_seed(seed)),
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Fragments that are not settled.
    pub(crate) fn fragments(&self) -> usize {
        self.fragments.len()
    }

    /// A part is answered when these fragments are settled, at once when there are none.
    pub(crate) fn begin(
        &mut self,
        ticket: T,
        patience: Moment,
        fragments: Vec<((TenureId, Number), TraceId)>,
        redirects: Vec<Redirect>,
        answers: &mut Vec<(T, Answer)>,
    ) {
        if fragments.is_empty() {
            answers.push((ticket, Answer::Taken(redirects)));
            return;
        }
        self.next += 1;
        let (key, left) = (self.next, fragments.len());
        let open = Open {
            ticket,
            left,
            redirects,
            patience,
        };
        self.parts.insert(key, open);
        let fragments = fragments.into_iter();
        self.fragments
            .extend(fragments.map(|(at, trace)| (at, (key, trace))));
    }

    /// Refuses parts whose fragments were not confirmed in time. The fragments stay: their client sends them again,
    /// and they are known then.
    pub(crate) fn give_up(&mut self, now: Moment, answers: &mut Vec<(T, Answer)>) {
        let late = |_: &u64, open: &mut Open<T>| open.patience <= now;
        for (_, open) in self.parts.extract_if(late) {
            let answer = Answer::Refused(Refusal::Unconfirmed);
            answers.push((open.ticket, answer));
        }
    }

    /// Refuses the part of a fragment that will not be settled soon; nothing when it is answered. Its fragments stay.
    pub(crate) fn refuse(
        &mut self,
        tenure: TenureId,
        number: Number,
        refusal: Refusal,
    ) -> Option<(T, Answer)> {
        let (key, _) = self.fragments.get(&(tenure, number))?;
        let open = self.parts.remove(key)?;
        Some((open.ticket, Answer::Refused(refusal)))
    }

    /// A fragment is settled: safe, or somebody else's. The part's answer, when it was the last one.
    pub(crate) fn settle(
        &mut self,
        tenure: TenureId,
        number: Number,
        redirect: Option<Redirect>,
    ) -> Option<(T, Answer)> {
        let (key, _) = self.fragments.remove(&(tenure, number))?;
        let open = self.parts.get_mut(&key)?;
        open.redirects.extend(redirect);
        open.left -= 1;
        if open.left > 0 {
            return None;
        }
        let open = self.parts.remove(&key)?;
        Some((open.ticket, Answer::Taken(open.redirects)))
    }

    /// The fragments of tenures in which this member has no part any more. Looks at all that wait, once for all tenures.
    pub(crate) fn of(
        &self,
        is_dropped: impl Fn(&TenureId) -> bool,
    ) -> Vec<((TenureId, Number), TraceId)> {
        let all = self.fragments.iter();
        let found = all.filter(|((tenure, _), _)| is_dropped(tenure));
        found.map(|(at, (_, trace))| (*at, *trace)).collect()
    }
}

/// The spans of a part, those of a trace together.
struct Runs {
    runs: Vec<Run>,
    /// Numbers of spans, run after run.
    order: Vec<u32>,
}

/// The spans of one trace in a part.
struct Run {
    trace: TraceId,
    /// Where they are in the order.
    spans: Range<usize>,
    way: Way,
}

#[derive(Clone, Copy)]
enum Way {
    Take(TenureId),
    /// Its trace is dropped: nothing needs to be kept, but it counts.
    Drop,
    Elsewhere,
}

impl<S: Spans, T> Shard<S, T> {
    /// Takes a part, or says who should, or waits, or refuses. The answer may come with a later call.
    pub fn bring(&mut self, now: Moment, mut part: Part<S, T>, out: &mut Outbox<T>) {
        part.patience = part.patience.min(now + self.settings.hold);
        self.take_or_hold(now, part, out);
        self.work(now, out);
    }

    /// Tries parts again that could not be answered.
    pub(crate) fn retry_held(&mut self, now: Moment, out: &mut Outbox<T>) {
        if self.held.is_empty() {
            return;
        }
        for (part, refusal) in std::mem::take(&mut self.held) {
            if part.patience <= now {
                out.answers.push((part.ticket, Answer::Refused(refusal)));
            } else {
                self.take_or_hold(now, part, out);
            }
        }
        self.work(now, out);
    }

    fn take_or_hold(&mut self, now: Moment, part: Part<S, T>, out: &mut Outbox<T>) {
        let mut redirects = Vec::new();
        match self.look(now, &part, &mut redirects) {
            Ok(runs) => self.take(now, part, &runs, redirects, out),
            Err(refusal) if refusal.passes_soon() => self.held.push((part, refusal)),
            Err(refusal) => out.answers.push((part.ticket, Answer::Refused(refusal))),
        }
    }

    /// Says of each run of spans where it goes, before anything is changed.
    fn look(
        &self,
        now: Moment,
        part: &Part<S, T>,
        redirects: &mut Vec<Redirect>,
    ) -> Result<Runs, Refusal> {
        let mut runs = Runs::of(&part.spans);
        for some in runs.runs.chunks_mut(FETCHED) {
            let traces = some.iter().map(|run| (self.slot_of(run.trace), run.trace));
            self.tenancy.fetch(&traces.collect::<Vec<_>>());
            for run in some {
                run.way = self.way(now, part, run.trace, redirects)?;
            }
        }
        Ok(runs)
    }

    fn way(
        &self,
        now: Moment,
        part: &Part<S, T>,
        trace: TraceId,
        redirects: &mut Vec<Redirect>,
    ) -> Result<Way, Refusal> {
        let slot = self.slot_of(trace);
        let admitted = self.tenancy.admit(part.epoch, slot, part.tenure, trace);
        match admitted {
            // Its spans may be known from a fragment that the second member does not have. Taken as known they would be
            // acknowledged, and be gone with this member.
            Ok(_) if self.waits_for_copy(slot, trace) => return Err(Refusal::Unconfirmed),
            Ok(tenure) if self.crowded.has(now, self.tenancy.second(tenure)) => {
                return Err(Refusal::NoRoom);
            }
            Ok(tenure) => return Ok(Way::Take(tenure)),
            Err(reply) => match Redirect::of(trace, reply)? {
                Some(redirect) => redirects.push(redirect),
                None => return Ok(Way::Drop),
            },
        }
        Ok(Way::Elsewhere)
    }

    /// Whether a late fragment of a kept trace is not stored twice yet.
    fn waits_for_copy(&self, slot: Slot, trace: TraceId) -> bool {
        let ruled = self.tenancy.owned_verdict(slot, trace);
        ruled.is_some_and(Ruling::keeps) && self.tenancy.unsafe_in(slot, trace).next().is_some()
    }

    fn take(
        &mut self,
        now: Moment,
        part: Part<S, T>,
        runs: &Runs,
        redirects: Vec<Redirect>,
        out: &mut Outbox<T>,
    ) {
        let all = runs.runs.iter();
        let taken = all.filter(|run| !matches!(run.way, Way::Elsewhere));
        let mut spans = Vec::with_capacity(runs.order.len());
        for run in taken {
            self.agree(now, run.trace);
            spans.extend_from_slice(&runs.order[run.spans.clone()]);
        }
        let (body, scan) = (part.spans.body(), part.spans.scan());
        let appended = self.with_engine(now, |engine, voice| {
            engine.append(now, body, scan, &spans, voice)
        });
        if let Err(refusal) = appended {
            let answer = Answer::Refused(Refusal::Full(refusal));
            out.answers.push((part.ticket, answer));
            return;
        }
        self.claim_fresh();
        let numbers = self.propose(now, &part.spans, runs);
        self.waiting.begin(
            part.ticket,
            part.patience,
            numbers,
            redirects,
            &mut out.answers,
        );
    }

    /// The engine and the tenancy remember decisions for different times. Before spans of a trace go in, the engine
    /// knows what the tenancy knows about it, and no more; it knows it until the spans of all traces of a part are in.
    pub(crate) fn agree(&mut self, now: Moment, trace: TraceId) {
        let slot = self.slot_of(trace);
        match self.verdict(slot, trace) {
            Some(ruled) => {
                let decision = ruled.decision(self.settings.revision);
                self.with_engine(now, |engine, voice| {
                    engine.agree(now, trace, decision, voice);
                });
            }
            None => self.engine.forget(trace),
        }
    }

    /// Proposes each fragment that is taken. The engine has its spans, unless they are late for a kept trace: then
    /// they have been let go, to be delivered once the fragment is stored.
    fn propose(
        &mut self,
        now: Moment,
        spans: &S,
        runs: &Runs,
    ) -> Vec<((TenureId, Number), TraceId)> {
        let until = now + self.engine.settings().decision_wait;
        // What nobody stores a second time is not written down a second time.
        let is_copied = |tenure| self.tenancy.second(tenure).is_some();
        let copied = runs.taken().filter(|(_, tenure)| is_copied(*tenure));
        let copied = copied.map(|(run, _)| &runs.order[run.spans.clone()]);
        let mut pieces = raw(spans, copied).into_iter();
        let mut numbers = Vec::with_capacity(runs.runs.len());
        for (run, tenure) in runs.taken() {
            let copy = self.tenancy.second(tenure).map(|_| pieces.next());
            let fragment = Fragment {
                trace: run.trace,
                data: copy.flatten().map_or(Piece::Held, Piece::Raw),
            };
            let fragment = Until {
                value: fragment,
                until,
            };
            let taken = self.tenancy.take(now, tenure, fragment, &mut self.effects);
            if let Some(number) = taken {
                let piece = self.piece_of(run.trace, tenure.slot);
                self.exports
                    .wait_for_copy((tenure, number), run.trace, &piece);
                self.tenancy.replace(tenure, number, piece);
                numbers.push(((tenure, number), run.trace));
            }
        }
        numbers
    }

    fn piece_of(&mut self, trace: TraceId, slot: Slot) -> Piece {
        if self.verdict(slot, trace).is_none() {
            return Piece::Held;
        }
        let fresh = self.unclaimed.remove(&trace);
        fresh.map_or_else(Piece::elsewhere, Fresh::into_piece)
    }
}

impl Runs {
    /// Those that are taken, and for which tenure.
    fn taken(&self) -> impl Iterator<Item = (&Run, TenureId)> {
        self.runs.iter().filter_map(|run| match run.way {
            Way::Take(tenure) => Some((run, tenure)),
            Way::Drop | Way::Elsewhere => None,
        })
    }

    /// Gathers the spans of each trace, which mostly stand together already.
    fn of<S: Spans>(spans: &S) -> Self {
        let (scan, selected) = (spans.scan(), spans.selected());
        let mut stretches: Vec<(TraceId, Range<usize>)> = Vec::new();
        for (position, &number) in selected.iter().enumerate() {
            let trace = scan.spans[number as usize].head.trace_id;
            match stretches.last_mut() {
                Some((of, stretch)) if *of == trace => stretch.end = position + 1,
                _ => stretches.push((trace, position..position + 1)),
            }
        }
        stretches.sort_by_key(|(trace, stretch)| (*trace, stretch.start));
        let mut runs: Vec<Run> = Vec::with_capacity(stretches.len());
        let mut order = Vec::with_capacity(selected.len());
        for (trace, stretch) in stretches {
            let start = order.len();
            order.extend_from_slice(&selected[stretch]);
            match runs.last_mut() {
                Some(run) if run.trace == trace => run.spans.end = order.len(),
                _ => runs.push(Run {
                    trace,
                    spans: start..order.len(),
                    way: Way::Elsewhere,
                }),
            }
        }
        Self { runs, order }
    }
}

/// These runs of spans as requests of their own, all in one piece of memory.
fn raw<'a, S: Spans>(spans: &S, runs: impl Iterator<Item = &'a [u32]>) -> Vec<Bytes> {
    let (scan, body) = (spans.scan(), spans.body());
    let mut assembler = Assembler::new();
    let (mut all, mut ends) = (Vec::new(), Vec::new());
    for numbers in runs {
        if all.is_empty() {
            // Each run has its resource and scope with it, which its neighbours shared.
            all.reserve(body.len() * 3 / 2);
        }
        let parts = numbers
            .iter()
            .map(|&number| scan.part(body, &scan.spans[number as usize]));
        assembler.assemble(parts, &mut all);
        ends.push(all.len());
    }
    let all = Bytes::from(all);
    let mut start = 0;
    let pieces = ends.into_iter().map(|end| {
        let piece = all.slice(start..end);
        start = end;
        piece
    });
    pieces.collect()
}
