//! Samplers on a network that delivers in order, at once and at the same time.

use std::collections::VecDeque;
use std::time::Duration;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_placement::{Epoch, Incarnation, Second, TenureId, Tenures};
use tailweir_tenure::{
    Effect, Fragment, Message, Number, Received, Record, Reply, Ruling, Tenancy, Until,
};

/// Keeps or drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Keep(pub(crate) bool);

impl Ruling for Keep {
    fn keeps(&self) -> bool {
        self.0
    }
}

pub(crate) type Happened = Effect<&'static str, Keep>;
pub(crate) type Sent = Message<&'static str, Keep>;

pub(crate) const A: Incarnation = Incarnation(1);
pub(crate) const B: Incarnation = Incarnation(2);
pub(crate) const C: Incarnation = Incarnation(3);

pub(crate) fn slot() -> Slot {
    Slot::new(0).unwrap()
}

pub(crate) fn tenure(created: u64) -> TenureId {
    TenureId {
        slot: slot(),
        created: Epoch(created),
    }
}

pub(crate) fn trace(number: u8) -> TraceId {
    TraceId([number; 16])
}

pub(crate) fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

/// Three samplers and the table of one slot.
pub(crate) struct Network {
    pub(crate) now: Moment,
    pub(crate) epoch: Epoch,
    pub(crate) tenures: Tenures,
    nodes: Vec<(Incarnation, Tenancy<&'static str, Keep>)>,
    queue: VecDeque<(Incarnation, Incarnation, Sent)>,
    /// What nodes were asked to do beside sending, in order.
    pub(crate) happened: Vec<(Incarnation, Happened)>,
    /// Everything that was sent.
    pub(crate) sent: Vec<(Incarnation, Incarnation, Sent)>,
}

impl Network {
    /// The slot's first tenure, open at A with its replica B.
    pub(crate) fn open() -> Self {
        let mut network = Self::closed();
        network.learn_all();
        network.settle();
        network
    }

    /// The same before anybody knows of it.
    pub(crate) fn closed() -> Self {
        Self {
            now: Moment::ZERO,
            epoch: Epoch(1),
            tenures: Tenures::first(Epoch(1), A, Second::Replica(B)),
            nodes: [A, B, C]
                .map(|member| (member, Tenancy::new(member, false)))
                .into(),
            queue: VecDeque::new(),
            happened: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn node(&mut self, member: Incarnation) -> &mut Tenancy<&'static str, Keep> {
        let mut nodes = self.nodes.iter_mut();
        &mut nodes.find(|(found, _)| *found == member).unwrap().1
    }

    /// A reload has added the sampler to a member that is in the table already.
    pub(crate) fn add_sampler(&mut self, member: Incarnation) {
        *self.node(member) = Tenancy::new(member, false);
        self.learn(member);
    }

    /// Lets a node do something.
    pub(crate) fn run<R>(
        &mut self,
        member: Incarnation,
        act: impl FnOnce(&mut Tenancy<&'static str, Keep>, Moment, &mut Vec<Happened>) -> R,
    ) -> R {
        let (now, mut out) = (self.now, Vec::new());
        let result = act(self.node(member), now, &mut out);
        for effect in out {
            match effect {
                Effect::Send { to, message } => {
                    self.sent.push((member, to, message.clone()));
                    self.queue.push_back((member, to, message));
                }
                other => self.happened.push((member, other)),
            }
        }
        result
    }

    pub(crate) fn learn(&mut self, member: Incarnation) {
        let (epoch, tenures) = (self.epoch, self.tenures.clone());
        self.run(member, |node, now, out| {
            node.learn(now, epoch, slot(), &tenures, out);
        });
    }

    pub(crate) fn learn_all(&mut self) {
        for member in [A, B, C] {
            self.learn(member);
        }
    }

    /// Delivers what is under way until nothing is.
    pub(crate) fn settle(&mut self) {
        while let Some((from, to, message)) = self.queue.pop_front() {
            self.run(to, |node, now, out| node.receive(now, from, message, out));
        }
    }

    /// The same, after every question that was put too early is put once more.
    pub(crate) fn settle_again(&mut self) {
        self.settle();
        for member in [A, B, C] {
            self.run(member, |node, now, out| node.remind(now, out));
        }
        self.settle();
    }

    /// Loses what is under way.
    pub(crate) fn lose(&mut self) {
        self.queue.clear();
    }

    /// Gives a node a message that is not under way.
    pub(crate) fn inject(
        &mut self,
        from: Incarnation,
        to: Incarnation,
        message: Sent,
    ) -> Received<&'static str, Keep> {
        self.run(to, |node, now, out| node.receive(now, from, message, out))
    }

    /// The slot moves.
    pub(crate) fn begin(&mut self, owner: Incarnation, replica: Incarnation) {
        self.epoch = self.epoch.next();
        self.tenures
            .begin(self.epoch, owner, Second::Replica(replica))
            .unwrap();
    }

    /// The first tenure gets another pair, and with it a view.
    pub(crate) fn repair(&mut self, owner: Incarnation, second: Second) {
        self.epoch = self.epoch.next();
        let mut rows = self.tenures.all().to_vec();
        rows[0].owner = owner;
        rows[0].second = second;
        rows[0].view = self.epoch;
        self.tenures = Tenures::from_rows(rows).unwrap();
    }

    /// Brings a span of a trace, due at a moment of the node's clock, for a tenure.
    pub(crate) fn offer(
        &mut self,
        member: Incarnation,
        created: u64,
        trace: TraceId,
        due: Moment,
    ) -> Result<Number, Reply> {
        let named = Some(Epoch(created));
        let id = self.node(member).admit(Epoch(0), slot(), named, trace)?;
        let value = Fragment {
            trace,
            data: "span",
        };
        let fragment = Until { value, until: due };
        let taken = self.run(member, |node, now, out| node.take(now, id, fragment, out));
        Ok(taken.unwrap())
    }

    pub(crate) fn decide(&mut self, member: Incarnation, created: u64, trace: TraceId, keep: bool) {
        let until = self.now + Duration::from_secs(60);
        let verdict = Until {
            value: Keep(keep),
            until,
        };
        self.run(member, |node, now, out| {
            node.decide(now, tenure(created), trace, verdict, out);
        });
    }

    pub(crate) fn deliver(&mut self, member: Incarnation, created: u64, number: Number) {
        self.run(member, |node, now, out| {
            node.delivered(now, tenure(created), &[number], out);
        });
    }

    /// Whether a node was asked to do something like this.
    pub(crate) fn did(&self, member: Incarnation, like: impl Fn(&Happened) -> bool) -> bool {
        let mut happened = self.happened.iter();
        happened.any(|(by, effect)| *by == member && like(effect))
    }

    pub(crate) fn acknowledged(&self, member: Incarnation, wanted: Number) -> bool {
        self.did(
            member,
            |effect| matches!(effect, Effect::Acknowledge { number, .. } if *number == wanted),
        )
    }

    /// The records that were sent to a node, in order.
    pub(crate) fn records_to(&self, member: Incarnation) -> Vec<&Record<&'static str, Keep>> {
        let sent = self.sent.iter();
        sent.filter_map(|(_, to, message)| match message {
            Message::Record { record, .. } if *to == member => Some(record),
            _ => None,
        })
        .collect()
    }
}
