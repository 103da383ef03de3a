//! Members with a log shard each.

use crate::take_over;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, Signal, Slot, TraceId};
use tailweir_placement::{Command, Epoch, Incarnation, MemberName, RoutingTable, Weight};
use tailweir_sampler::TraceHoldSettings;
use tailweir_shard::{
    Answer, LogBooks, LogBounds, LogFragment, LogOutbox, LogShard, LogShardSettings, Logs, Part,
    Report,
};

/// How long records wait for a decision.
pub(super) const WAIT: Duration = Duration::from_secs(20);
/// What a gateway or a member has under way at a time.
pub(super) const ROUNDS: usize = 200;

/// Members with a log shard each, and what connects them. Everything that they want done is done at once, but for what
/// tests hold back.
pub(super) struct Town {
    pub(super) table: RoutingTable,
    pub(super) shards: BTreeMap<u64, LogShard<u32>>,
    pub(super) out: BTreeMap<u64, LogOutbox<u32>>,
    pub(super) now: Moment,
    /// Texts of the records that left, by member.
    pub(super) left: Vec<(u64, String)>,
    pub(super) answers: BTreeMap<u32, Answer>,
    /// Whether what leaves is delivered.
    pub(super) delivers: bool,
    /// A member whose letters are lost, to it and from it.
    pub(super) cut_off: Option<u64>,
}

pub(super) fn settings(member: u64, budget: ByteSize) -> LogShardSettings {
    LogShardSettings {
        incarnation: Incarnation(member),
        index: 0,
        shards: 1,
        slot_seed: 0,
        seed: 1,
        one_copy: false,
        patience: Duration::from_secs(2),
        bounds: LogBounds {
            hold: TraceHoldSettings {
                wait: WAIT,
                memory_budget: ByteSize::mib(2),
                decisions_max: 1000,
            },
            keeps_undecided: true,
            own: budget.bytes(),
            copies: 1 << 20,
        },
    }
}

pub(super) fn body(trace: TraceId, text: &str, time: u64) -> Bytes {
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"traceId":"{trace}","timeUnixNano":"{time}","body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    );
    let mut wire = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Logs, json.as_bytes(), &mut wire).unwrap();
    wire.into()
}

pub(super) fn text(body: &[u8]) -> String {
    let record = tailweir_otlp::RequestView(body)
        .scopes()
        .flat_map(|scope| scope.items())
        .next()
        .unwrap();
    match tailweir_otlp::LogRecordView(record).body() {
        tailweir_otlp::AnyValue::String(text) => String::from_utf8(text.to_vec()).unwrap(),
        other => panic!("no text: {other:?}"),
    }
}

pub(super) fn fragment(trace: TraceId, text: &str) -> LogFragment {
    LogFragment {
        trace,
        body: body(trace, text, 5),
        records: 1,
    }
}

impl Town {
    pub(super) fn new(members: u64) -> Self {
        Self::with_budget(members, ByteSize::mib(1))
    }

    pub(super) fn with_budget(members: u64, budget: ByteSize) -> Self {
        let mut table = RoutingTable::new(2);
        for member in 1..=members {
            let name = MemberName::new(&format!("member-{member}")).unwrap();
            table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
        }
        table.apply(&Command::Rebalance);
        let all = 1..=members;
        let shard = |member| (member, LogShard::new(settings(member, budget)));
        let mut town = Self {
            table,
            shards: all.clone().map(shard).collect(),
            out: all.map(|member| (member, LogOutbox::default())).collect(),
            now: Moment::from_millis(1),
            left: Vec::new(),
            answers: BTreeMap::new(),
            delivers: true,
            cut_off: None,
        };
        town.tell_table();
        town.settle();
        town
    }

    pub(super) fn tell_table(&mut self) {
        for (member, shard) in &mut self.shards {
            let out = self.out.get_mut(member).unwrap();
            shard.learn(self.now, &self.table, out);
        }
    }

    pub(super) fn change(&mut self, command: &Command) {
        self.table.apply(command);
        self.tell_table();
        self.settle();
    }

    pub(super) fn owner(&self, trace: TraceId) -> u64 {
        let tenures = self.table.tenures(Slot::of(trace, 0)).unwrap();
        tenures.current().owner.0
    }

    pub(super) fn bring(&mut self, member: u64, ticket: u32, fragments: Vec<LogFragment>) {
        self.bring_to(member, None, None, ticket, fragments);
    }

    pub(super) fn bring_to(
        &mut self,
        member: u64,
        tenure: Option<Epoch>,
        handed_on: Option<Epoch>,
        ticket: u32,
        fragments: Vec<LogFragment>,
    ) {
        let part = Part {
            spans: Logs {
                fragments,
                handed_on,
            },
            epoch: self.table.epoch(),
            tenure,
            patience: self.now + Duration::from_secs(8),
            ticket,
        };
        let out = self.out.get_mut(&member).unwrap();
        self.shards
            .get_mut(&member)
            .unwrap()
            .bring(self.now, part, out);
    }

    pub(super) fn decide(&mut self, member: u64, trace: TraceId, is_kept: bool) {
        let out = self.out.get_mut(&member).unwrap();
        let shard = self.shards.get_mut(&member).unwrap();
        shard.decided(self.now, &[(trace, is_kept)], out);
    }

    /// A member ends without a word, and is found out.
    pub(super) fn crash(&mut self, member: u64) {
        self.shards.remove(&member);
        self.change(&Command::Expire(vec![Incarnation(member)]));
    }

    /// Letters arrive again, and members are told that some were lost.
    pub(super) fn reconnect(&mut self) {
        let Some(member) = self.cut_off.take() else {
            return;
        };
        let others: Vec<u64> = self.shards.keys().copied().collect();
        for (one, shard) in &mut self.shards {
            let out = self.out.get_mut(one).unwrap();
            let lost = others.iter().filter(|_| *one == member);
            let lost = lost.chain((*one != member).then_some(&member));
            for to in lost {
                shard.remind(self.now, Incarnation(*to), out);
            }
        }
        self.settle();
    }

    /// Does what members want done until nothing is left to do.
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
        panic!("it goes round and round");
    }

    pub(super) fn round(&mut self) -> bool {
        let mut is_busy = false;
        let members: Vec<u64> = self.out.keys().copied().collect();
        for member in members {
            let out = std::mem::take(self.out.get_mut(&member).unwrap());
            if !self.shards.contains_key(&member) {
                continue;
            }
            let is_quiet = out.letters.is_empty()
                && out.answers.is_empty()
                && out.reports.is_empty()
                && out.leaving.is_empty()
                && out.onward.is_empty();
            is_busy |= !is_quiet;
            self.dispatch(member, out);
        }
        is_busy
    }

    pub(super) fn dispatch(&mut self, member: u64, out: LogOutbox<u32>) {
        self.answers.extend(out.answers);
        for (to, message) in out.letters {
            if [Some(member), Some(to.0)].contains(&self.cut_off) {
                continue;
            }
            if let Some(shard) = self.shards.get_mut(&to.0) {
                let there = self.out.get_mut(&to.0).unwrap();
                shard.letter(self.now, Incarnation(member), vec![message], there);
            }
        }
        for leaving in out.leaving {
            self.left.push((member, text(&leaving.bytes)));
            if let Some(at) = leaving.place.filter(|_| self.delivers) {
                let here = self.out.get_mut(&member).unwrap();
                let shard = self.shards.get_mut(&member).unwrap();
                shard.delivered(self.now, &[at], here);
            }
        }
        for onward in out.onward {
            let ticket = u32::MAX - onward.number.0 as u32;
            let from = onward.tenure.created;
            let is_taken = self.hand_on(ticket, from, onward.fragment);
            let here = self.out.get_mut(&member).unwrap();
            let shard = self.shards.get_mut(&member).unwrap();
            shard.handed_on(self.now, onward.tenure, onward.number, is_taken, here);
        }
        self.report(&out.reports);
    }

    /// As the gateway of the member that hands on does.
    pub(super) fn hand_on(&mut self, ticket: u32, from: Epoch, fragment: LogFragment) -> bool {
        self.answers.remove(&ticket);
        let owner = self.owner(fragment.trace);
        self.bring_to(owner, None, Some(from), ticket, vec![fragment]);
        let to = self.out.get_mut(&owner).unwrap();
        let (answers, letters) = (
            std::mem::take(&mut to.answers),
            std::mem::take(&mut to.letters),
        );
        self.answers.extend(answers);
        let second = LogOutbox {
            letters,
            ..LogOutbox::default()
        };
        self.dispatch(owner, second);
        let members: Vec<u64> = self.shards.keys().copied().collect();
        for member in members {
            let letters = std::mem::take(&mut self.out.get_mut(&member).unwrap().letters);
            let back = LogOutbox {
                letters,
                ..LogOutbox::default()
            };
            self.dispatch(member, back);
        }
        let answers = std::mem::take(&mut self.out.get_mut(&owner).unwrap().answers);
        self.answers.extend(answers);
        self.answers.remove(&ticket) == Some(Answer::Taken(Vec::new()))
    }

    pub(super) fn report(&mut self, reports: &[Report]) {
        if reports.is_empty() {
            return;
        }
        take_over(&mut self.table, reports);
        self.tell_table();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for (member, shard) in &mut self.shards {
            shard.tick(self.now, self.out.get_mut(member).unwrap());
        }
        self.settle();
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = self.left.iter().map(|(_, text)| text.as_str()).collect();
        texts.sort_unstable();
        texts
    }

    pub(super) fn books(&self, member: u64) -> &LogBooks {
        self.shards[&member].books()
    }

    /// Whether no member keeps anything, and nothing of the slot is closing.
    pub(super) fn is_at_rest(&self) -> bool {
        let shards = self.shards.values();
        let mut idle = shards.map(|shard| shard.is_empty() && shard.copied_bytes() == 0);
        let mut runs = self.table.rows().runs().iter();
        idle.all(|idle| idle) && runs.all(|run| run.tenures.closing().is_empty())
    }
}

pub(super) fn taken() -> Answer {
    Answer::Taken(Vec::new())
}
