//! Shards beside each other, with letters carried by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod books;
mod consent;
mod known;
mod logs;
mod pair;

use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_placement::{Command, Incarnation, MemberName, RoutingTable, Weight};
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Outbox, Part, Report, Shard, ShardSettings, Spans};
use tailweir_testkit::RequestBuilder;

/// The window of all tests.
const WAIT: Duration = Duration::from_secs(10);

struct Request {
    body: Vec<u8>,
    scan: Scan,
    selected: Vec<u32>,
}

impl Request {
    fn new(request: RequestBuilder) -> Self {
        let body = request.bytes();
        let mut scan = Scan::new();
        Scan::traces(&body, &ScanLimits::default(), &mut scan).unwrap();
        let selected = (0..scan.spans.len() as u32).collect();
        Self {
            body,
            scan,
            selected,
        }
    }
}

impl Spans for Request {
    fn body(&self) -> &[u8] {
        &self.body
    }

    fn scan(&self) -> &Scan {
        &self.scan
    }

    fn selected(&self) -> &[u32] {
        &self.selected
    }
}

/// What controllers make of reports.
fn take_over(table: &mut RoutingTable, reports: &[Report]) {
    let (mut in_sync, mut clear) = (Vec::new(), Vec::new());
    for report in reports {
        match *report {
            Report::InSync { tenure, view } => in_sync.push((tenure, view)),
            Report::Clear { tenure, into } => clear.push((tenure, into)),
        }
    }
    table.apply(&Command::InSync(in_sync));
    table.apply(&Command::Clear(clear));
}

/// Members that own and copy all slots, and what they want done.
struct Town {
    table: RoutingTable,
    shards: Vec<Shard<Request, u32>>,
    out: Vec<Outbox<u32>>,
    now: Moment,
    /// Hears nothing any more, and says nothing.
    lost: Option<usize>,
    /// Spans that each member has delivered, and their bytes.
    delivered: Vec<(u64, u64)>,
}

impl Town {
    /// Members with so many copies of each span, which keep traces with errors and remember `verdicts` verdicts.
    fn new(members: u64, copies: u8, verdicts: usize) -> Self {
        Self::with_room(members, copies, verdicts, 1 << 20)
    }

    /// As [`Self::new`], with so many bytes at each member for what others own.
    fn with_room(members: u64, copies: u8, verdicts: usize, copies_budget: usize) -> Self {
        let text = "tail_sampling:\n  policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]";
        let (settings, _) = tailweir_config::load_tail_sampling_block(
            "test",
            text,
            tailweir_config::LoadOptions::default(),
            &tailweir_config::EmptyEnvironment,
        );
        let policies = Arc::new(PolicySet::compile(&settings.unwrap()).unwrap());
        let mut table = RoutingTable::new(copies);
        for member in 1..=members {
            let name = MemberName::new(&format!("member-{member}")).unwrap();
            table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
        }
        table.apply(&Command::Rebalance);
        let shard = |member| {
            let settings = ShardSettings {
                incarnation: Incarnation(member),
                index: 0,
                shards: 1,
                slot_seed: 0,
                one_copy: copies == 1,
                hold: Duration::from_secs(2),
                verdict_life: Duration::from_secs(60),
                verdicts_max: verdicts,
                copies_budget,
                revision: 1,
                write_threshold: false,
                record_policy: false,
            };
            let engine = EngineSettings {
                decision_wait: WAIT,
                ..EngineSettings::default()
            };
            Shard::new(settings, engine, Arc::clone(&policies), 1)
        };
        let mut town = Self {
            table,
            shards: (1..=members).map(shard).collect(),
            out: (1..=members).map(|_| Outbox::default()).collect(),
            now: Moment::from_millis(1),
            lost: None,
            delivered: (1..=members).map(|_| (0, 0)).collect(),
        };
        town.tell_table();
        town
    }

    /// Brings a request to a member. The answer is in its outbox, or comes later.
    fn bring(&mut self, member: usize, ticket: u32, request: RequestBuilder) {
        let part = Part {
            spans: Request::new(request),
            epoch: self.table.epoch(),
            tenure: None,
            patience: self.now + Duration::from_secs(8),
            ticket,
        };
        self.shards[member].bring(self.now, part, &mut self.out[member]);
    }

    /// Carries letters until there are none.
    fn carry(&mut self) {
        while let Some(from) = self.out.iter().position(|out| !out.letters.is_empty()) {
            for (to, message) in std::mem::take(&mut self.out[from].letters) {
                let to = to.0 as usize - 1;
                if self.lost.is_some_and(|lost| lost == from || lost == to) {
                    continue;
                }
                let sender = Incarnation(from as u64 + 1);
                self.shards[to].letter(self.now, sender, vec![message], &mut self.out[to]);
            }
        }
    }

    /// The table changes, and everything that follows from it happens.
    fn change(&mut self, command: &Command) {
        self.table.apply(command);
        self.tell_table();
        loop {
            let living = self.out.iter_mut().enumerate();
            let living = living.filter(|(member, _)| self.lost != Some(*member));
            let reports: Vec<Report> = living
                .flat_map(|(_, out)| std::mem::take(&mut out.reports))
                .collect();
            if reports.is_empty() {
                return;
            }
            take_over(&mut self.table, &reports);
            self.tell_table();
        }
    }

    fn tell_table(&mut self) {
        let all = self.shards.iter_mut().zip(&mut self.out).enumerate();
        for (_, (shard, out)) in all.filter(|(member, _)| self.lost != Some(*member)) {
            shard.learn(self.now, &self.table, out);
        }
        self.carry();
    }

    /// Who owns the slot of a trace.
    fn owner(&self, trace: TraceId) -> usize {
        let tenures = self.table.tenures(Slot::of(trace, 0)).unwrap();
        tenures.current().owner.0 as usize - 1
    }

    /// What a member hands out reaches the backend: how many spans.
    fn deliver(&mut self, member: usize) -> u64 {
        let kept = std::mem::take(&mut self.out[member].kept);
        for kept in &kept {
            self.delivered[member].0 += kept.spans;
            self.delivered[member].1 += kept.span_bytes;
            let out = &mut self.out[member];
            self.shards[member].delivered(self.now, kept.tenure, &kept.numbers, out);
        }
        self.carry();
        kept.iter().map(|kept| kept.spans).sum()
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for (shard, out) in self.shards.iter_mut().zip(&mut self.out) {
            shard.tick(self.now, out);
        }
        self.carry();
    }

    fn answers(&mut self, member: usize) -> Vec<(u32, Answer)> {
        std::mem::take(&mut self.out[member].answers)
    }
}
