//! Two shards of a cluster in process: one owns a slot, the other copies it, letters go by hand, as they are or as gRPC has
//! them.

use crate::window::{compile, ids};
use crate::workload::{REQUESTS, SPANS, Template};
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::PolicyKind;
use tailweir_core::{ByteSize, Moment, Slot};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_placement::{Command, Epoch, Incarnation, MemberName, RoutingTable, Weight};
use tailweir_proto::{WholeCodec, peer};
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Outbox, Part, Piece, Ruled, Shard, ShardSettings, Spans};
use tailweir_tenure::Message;
use tailweir_wire::{read_letter, write_letters};
use tokio::runtime::Runtime;
use tonic::codec::{Codec, EncodeBody, Streaming};

/// Size at which a letter is closed, in bytes: that of the product.
const LETTER_SIZE: usize = 1 << 20;
/// Size of the largest message, in bytes: that of the product.
const MESSAGE_MAX: usize = 64 << 20;

/// How a cluster of two is arranged.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    /// Copies of a span, 1 or 2.
    pub(crate) copies: u8,
    /// Whether letters are written as bytes and read again.
    pub(crate) by_wire: bool,
}

/// Two members under a steady load on a virtual clock.
pub(crate) struct Members {
    shards: Vec<Shard<Request, u64>>,
    table: RoutingTable,
    rounds: Arc<Vec<[Template; REQUESTS]>>,
    sent: u64,
    spacing: Duration,
    taken: u64,
    /// Carries letters as messages of gRPC; nothing where they stay as they are.
    wire: Option<Runtime>,
}

struct Request {
    body: Arc<Vec<u8>>,
    scan: Arc<Scan>,
    selected: Vec<u32>,
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

impl Members {
    /// A window of ten seconds that will hold this many spans.
    pub(crate) fn new(
        rounds: &Arc<Vec<[Template; REQUESTS]>>,
        policies: &[PolicyKind],
        held: u64,
        Pair { copies, by_wire }: Pair,
    ) -> Result<Self> {
        let wait = Duration::from_secs(10);
        let mut table = RoutingTable::new(copies);
        for name in ["a", "b"] {
            let name = MemberName::new(name)?;
            table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
        }
        table.apply(&Command::Rebalance);
        let policies = Arc::new(compile(policies)?);
        let engine = EngineSettings {
            decision_wait: wait,
            traces_max: usize::MAX,
            memory_budget: ByteSize::mib(16 << 10),
            ..EngineSettings::default()
        };
        let shard = |incarnation| {
            let settings = ShardSettings {
                incarnation: Incarnation(incarnation),
                index: 0,
                shards: 1,
                slot_seed: 0,
                one_copy: copies == 1,
                hold: Duration::from_secs(2),
                verdict_life: Duration::from_secs(20),
                verdicts_max: usize::MAX,
                copies_budget: 16 << 30,
                revision: 1,
                write_threshold: false,
                record_policy: false,
            };
            Shard::new(settings, engine.clone(), Arc::clone(&policies), 7)
        };
        let requests = (held / SPANS as u64).max(1);
        let mut members = Self {
            shards: vec![shard(1), shard(2)],
            table,
            rounds: Arc::clone(rounds),
            sent: 0,
            spacing: wait / u32::try_from(requests)?,
            taken: 0,
            wire: by_wire.then(single_thread).transpose()?,
        };
        let mut out = [Outbox::default(), Outbox::default()];
        for (shard, out) in members.shards.iter_mut().zip(&mut out) {
            shard.learn(Moment::ZERO, &members.table, out);
        }
        members.deliver(Moment::ZERO, out)?;
        Ok(members)
    }

    /// Brings one request and lets all letters arrive.
    pub(crate) fn step(&mut self) -> Result<()> {
        let (round, request) = (self.sent / REQUESTS as u64, self.sent % REQUESTS as u64);
        let template = &self.rounds[round as usize % self.rounds.len()][request as usize];
        let body = Arc::new(template.with_ids(&ids(round)));
        let mut scan = Scan::new();
        Scan::traces(&body, &ScanLimits::default(), &mut scan)?;
        let scan = Arc::new(scan);
        let now = Moment::ZERO + self.spacing.saturating_mul(u32::try_from(self.sent)?);
        let mut selected = vec![Vec::new(), Vec::new()];
        for (number, span) in scan.spans.iter().enumerate() {
            let slot = Slot::of(span.head.trace_id, 0);
            let tenures = self.table.tenures(slot).context("a slot without a row")?;
            let owner = tenures.current().owner.0 as usize - 1;
            selected[owner].push(number as u32);
        }
        for (index, selected) in selected.into_iter().enumerate() {
            let mut out = [Outbox::default(), Outbox::default()];
            let part = Part {
                spans: Request {
                    body: Arc::clone(&body),
                    scan: Arc::clone(&scan),
                    selected,
                },
                epoch: self.epoch(),
                tenure: None,
                patience: now + Duration::from_secs(8),
                ticket: self.sent,
            };
            self.shards[index].bring(now, part, &mut out[index]);
            self.deliver(now, out)?;
        }
        for index in 0..2 {
            let mut out = [Outbox::default(), Outbox::default()];
            self.shards[index].tick(now, &mut out[index]);
            self.deliver(now, out)?;
        }
        self.sent += 1;
        if self.taken != 2 * self.sent {
            bail!("{} of {} parts were taken", self.taken, 2 * self.sent);
        }
        Ok(())
    }

    fn epoch(&self) -> Epoch {
        self.table.epoch()
    }

    fn deliver(&mut self, now: Moment, mut out: [Outbox<u64>; 2]) -> Result<()> {
        while out
            .iter()
            .any(|out| !out.letters.is_empty() || !out.kept.is_empty())
        {
            for index in 0..2 {
                for kept in std::mem::take(&mut out[index].kept) {
                    self.shards[index].delivered(now, kept.tenure, &kept.numbers, &mut out[index]);
                }
                let letters = std::mem::take(&mut out[index].letters);
                let mut messages = letters.into_iter().map(|(_, message)| message).collect();
                if let Some(wire) = &self.wire {
                    messages = wire.block_on(carry(messages))?;
                }
                let from = Incarnation(index as u64 + 1);
                let other = 1 - index;
                self.shards[other].letter(now, from, messages, &mut out[other]);
            }
        }
        for out in &out {
            let taken = |answer: &&(u64, Answer)| matches!(answer.1, Answer::Taken(_));
            self.taken += out.answers.iter().filter(taken).count() as u64;
        }
        Ok(())
    }

    /// Steps until as many spans are held as ever will be.
    pub(crate) fn fill(&mut self, held: u64) -> Result<()> {
        (0..held / SPANS as u64 + 8).try_for_each(|_| self.step())
    }
}

fn single_thread() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().build()
}

/// Messages as they are after their way over a stream of gRPC, without the connection.
async fn carry(messages: Vec<Message<Piece, Ruled>>) -> Result<Vec<Message<Piece, Ruled>>> {
    let letters = write_letters("traces/tail_sampling", messages, LETTER_SIZE);
    let letters = tokio_stream::iter(letters.into_iter().map(|(letter, _)| Ok(letter)));
    let mut codec = WholeCodec::<peer::Letter, peer::Letter>::default();
    let body = EncodeBody::new_client(codec.encoder(), letters, None, None);
    let mut arriving = Streaming::new_request(codec.decoder(), body, None, Some(MESSAGE_MAX));
    let mut carried = Vec::new();
    while let Some(letter) = arriving.message().await? {
        carried.append(&mut read_letter(letter)?.messages);
    }
    Ok(carried)
}
