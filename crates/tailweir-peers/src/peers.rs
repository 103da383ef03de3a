//! The way to the other members.

use crate::PeersSettings;
use crate::counts::Register;
use crate::line::{Hosts, Line, Remote};
use crate::lives::Lives;
use arc_swap::ArcSwap;
use futures_core::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tailweir_gateway::{Brought, Members, OutgoingPart, PeerRow, Post};
use tailweir_link::{Link, Peer, Role};
use tailweir_placement::{Incarnation, Member, MemberName, RoutingTable};
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::Message;

/// Connections to every other sampler of the routing table, by incarnation. Each is opened when there is something to
/// say, and closed when its member leaves the table.
pub struct Peers {
    link: Link,
    settings: PeersSettings,
    register: Arc<Register>,
    hosts: Hosts,
    lives: Arc<Lives>,
    /// Read by every shard, written when the table changes.
    lines: ArcSwap<HashMap<Incarnation, Arc<Line>>>,
    following: Mutex<()>,
}

impl Peers {
    /// Connections over `link`, to nobody yet.
    #[must_use]
    pub fn new(link: Link, settings: PeersSettings) -> Arc<Self> {
        Arc::new(Self {
            link,
            settings,
            register: Arc::default(),
            hosts: Hosts::default(),
            lives: Arc::default(),
            lines: ArcSwap::default(),
            following: Mutex::new(()),
        })
    }

    /// Tells whom to remind when letters were lost. The first one stays; it is not kept alive.
    pub fn attend(&self, members: &Arc<dyn Members>) {
        // A second one would be of the same gateway.
        let _ = self.hosts.set(Arc::downgrade(members));
    }

    pub(crate) fn register(&self) -> &Arc<Register> {
        &self.register
    }

    pub(crate) fn lives(&self) -> &Arc<Lives> {
        &self.lives
    }

    fn open(&self, name: &MemberName, member: &Member) -> Option<Line> {
        let peer = Peer {
            address: Arc::clone(&member.address),
            role: Role::Sampler,
            name: Some(name.as_str().into()),
            incarnation: Some(member.incarnation.0),
        };
        let channel = self.link.channel(&peer);
        let channel = channel.inspect_err(
            |error| tracing::error!(member = %name, %error, "a member cannot be reached"),
        );
        let remote = Remote {
            incarnation: member.incarnation,
            name: name.as_str().into(),
            channel: channel.ok()?,
            settings: self.settings.clone(),
            counts: self.register.of(name.as_str()),
            hosts: Arc::clone(&self.hosts),
        };
        Some(Line::open(remote, Arc::clone(&member.address)))
    }
}

impl Post for Peers {
    fn tell(&self, to: Incarnation, sampler: &Arc<str>, messages: Vec<Message<Piece, Ruled>>) {
        if let Some(line) = self.lines.load().get(&to) {
            line.tell(sampler, messages);
        }
    }

    fn bring(&self, to: Incarnation, part: OutgoingPart) -> BoxFuture<'static, Option<Brought>> {
        match self.lines.load().get(&to) {
            Some(line) => line.bring(part),
            None => Box::pin(std::future::ready(None)),
        }
    }

    fn follow(&self, table: &Arc<RoutingTable>) {
        let _one_at_a_time = self.following.lock();
        self.lives.follow(table);
        let before = self.lines.load();
        let own = self.link.incarnation().map(Incarnation);
        let mut after = HashMap::new();
        for (name, member) in table.members() {
            let incarnation = member.incarnation;
            if Some(incarnation) == own {
                continue;
            }
            let kept = before.get(&incarnation);
            let kept = kept.filter(|line| line.address == member.address);
            let line = kept.cloned();
            let line = line.or_else(|| self.open(name, member).map(Arc::new));
            after.extend(line.map(|line| (incarnation, line)));
        }
        self.lines.store(Arc::new(after));
    }

    fn rows(&self) -> Vec<PeerRow> {
        self.register.rows()
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.load();
        let mut members: Vec<u64> = lines.keys().map(|member| member.0).collect();
        members.sort_unstable();
        f.debug_struct("Peers")
            .field("link", &self.link)
            .field("members", &members)
            .finish_non_exhaustive()
    }
}
