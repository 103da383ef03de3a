//! What the tests share: a member that listens, one that has a way to it, and a gateway that does as it is told.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Moment, Slot, TraceId};
use tailweir_gateway::{Brought, Members, OutgoingPart, PeerRow, PeerTraffic, Post};
use tailweir_link::{Link, Security, Server};
use tailweir_peers::{Peers, PeersSettings, serve};
use tailweir_placement::{
    Command, Epoch, Incarnation, MemberName, Outcome, RoutingTable, TenureId, Weight,
};
use tailweir_shard::{Piece, Ruled, Sequence};
use tailweir_tenure::{Answer, Fragment, Message, Number, Record, Remaining};
use tailweir_testkit::Authority;
use tokio::sync::{mpsc, oneshot};

/// Longest wait for what has to come, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The incarnation of the member that listens.
pub(crate) const HERE: Incarnation = Incarnation(1);
/// The incarnation of the member that calls.
pub(crate) const THERE: Incarnation = Incarnation(7);
/// Most events that wait for their test.
const ROOM: usize = 10_000;

/// What must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, what).await;
    came.expect("it came in time")
}

pub(crate) type Letter = (Incarnation, String, Vec<Message<Piece, Ruled>>);

/// Hands everything to the test.
pub(crate) struct Host {
    parts: mpsc::Sender<(OutgoingPart, oneshot::Sender<Brought>)>,
    letters: mpsc::Sender<Letter>,
    reminded: mpsc::Sender<Incarnation>,
}

/// The test's side of it.
pub(crate) struct Events {
    pub(crate) parts: mpsc::Receiver<(OutgoingPart, oneshot::Sender<Brought>)>,
    pub(crate) letters: mpsc::Receiver<Letter>,
    pub(crate) reminded: mpsc::Receiver<Incarnation>,
}

impl Host {
    /// One that takes as many letters as this before the test does.
    pub(crate) fn with_room(letters: usize) -> (Arc<dyn Members>, Events) {
        let (parts, parts_events) = mpsc::channel(ROOM);
        let (letters, letter_events) = mpsc::channel(letters);
        let (reminded, reminded_events) = mpsc::channel(ROOM);
        let host = Arc::new(Self {
            parts,
            letters,
            reminded,
        });
        let events = Events {
            parts: parts_events,
            letters: letter_events,
            reminded: reminded_events,
        };
        (host, events)
    }
}

impl Members for Host {
    fn part(&self, part: OutgoingPart) -> BoxFuture<'static, Brought> {
        let (reply, answer) = oneshot::channel();
        self.parts.try_send((part, reply)).unwrap();
        Box::pin(async move {
            match answer.await {
                Ok(brought) => brought,
                // The test does not answer.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn letters(
        &self,
        from: Incarnation,
        sampler: &str,
        messages: Vec<Message<Piece, Ruled>>,
    ) -> BoxFuture<'_, ()> {
        let letter = (from, sampler.to_owned(), messages);
        Box::pin(async move { self.letters.send(letter).await.unwrap() })
    }

    fn remind(&self, member: Incarnation) {
        self.reminded.try_send(member).unwrap();
    }
}

/// A cluster's certificates, or none.
pub(crate) struct Town {
    authority: Option<(Authority, tempfile::TempDir)>,
}

impl Town {
    pub(crate) fn with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            authority: Some((Authority::new(), folder)),
        }
    }

    pub(crate) fn in_plain_text() -> Self {
        Self { authority: None }
    }

    /// A member of `CLUSTER/ROLES/NAME`, in this life.
    pub(crate) fn link(&self, member: &str, incarnation: Incarnation) -> Link {
        let identity = format!("tailweir://{member}");
        let security = match &self.authority {
            None => Security::Insecure,
            Some((authority, folder)) => {
                let signed = authority.sign_uris(&[&identity]);
                let file = member.replace(['/', '+'], "-");
                Security::Tls(authority.write(folder.path(), &file, &signed))
            }
        };
        let link = Link::new(identity.parse().unwrap(), &security).unwrap();
        link.set_incarnation(incarnation.0);
        link
    }
}

/// The same table, after `here` has come back there as another life.
pub(crate) fn table_of_second(first: &str, second: &str) -> Arc<RoutingTable> {
    let mut table = RoutingTable::clone(&table(first));
    let name = MemberName::new("here").unwrap();
    table.apply(&Command::register(name, second, "", Weight::ONE));
    Arc::new(table)
}

/// A table in which `there` has this life and no other, after so many that are over.
pub(crate) fn table_of_there(life: Incarnation) -> Arc<RoutingTable> {
    let mut table = RoutingTable::new(1);
    let register = Command::register(
        MemberName::new("there").unwrap(),
        "127.0.0.1:1",
        "",
        Weight::ONE,
    );
    while table.apply(&register) != Outcome::Registered(life) {}
    Arc::new(table)
}

/// A table with one sampler, `here`, that listens there.
pub(crate) fn table(address: &str) -> Arc<RoutingTable> {
    let mut table = RoutingTable::new(1);
    let name = MemberName::new("here").unwrap();
    let outcome = table.apply(&Command::register(name, address, "", Weight::ONE));
    assert_eq!(outcome, Outcome::Registered(HERE));
    Arc::new(table)
}

/// The member `here`, listening.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) events: Events,
    peers: Arc<Peers>,
}

impl Here {
    pub(crate) async fn start(town: &Town, address: &str, letters: usize) -> Self {
        Self::start_as(town, HERE, address, letters).await
    }

    /// Another life of it.
    pub(crate) async fn start_as(
        town: &Town,
        incarnation: Incarnation,
        address: &str,
        letters: usize,
    ) -> Self {
        let link = town.link("a/sampler/here", incarnation);
        let server = link.listen(address).await.unwrap();
        let (host, events) = Host::with_room(letters);
        let peers = Peers::new(link, PeersSettings::default());
        serve(&server, &peers, host);
        Self {
            server,
            events,
            peers,
        }
    }

    /// So many messages of `there`, however many letters they are.
    pub(crate) async fn messages(&mut self, count: usize) -> Vec<Message<Piece, Ruled>> {
        let mut all = Vec::new();
        while all.len() < count {
            let (from, sampler, came) = soon(self.events.letters.recv()).await.unwrap();
            assert_eq!((from, sampler.as_str()), (THERE, SAMPLER));
            all.extend(came);
        }
        all
    }

    /// There is a newer table.
    pub(crate) fn follow(&self, table: &Arc<RoutingTable>) {
        self.peers.follow(table);
    }

    /// What came from this member.
    pub(crate) fn received(&self, member: &str) -> PeerTraffic {
        let rows = self.peers.rows();
        let row = rows.iter().find(|row| row.member == member);
        row.unwrap().received
    }

    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }
}

/// The member `there`, with a way to the other.
pub(crate) struct There {
    pub(crate) peers: Arc<Peers>,
    pub(crate) events: Events,
    _host: Arc<dyn Members>,
}

impl There {
    pub(crate) fn start(link: Link, settings: PeersSettings, address: &str) -> Self {
        let peers = Peers::new(link, settings);
        let (host, events) = Host::with_room(1);
        peers.attend(&host);
        peers.follow(&table(address));
        Self {
            peers,
            events,
            _host: host,
        }
    }

    /// The member, over a link of this town.
    pub(crate) fn of(town: &Town, address: &str) -> Self {
        let link = town.link("a/gateway+sampler/there", THERE);
        Self::start(link, quick(), address)
    }

    pub(crate) fn tell(&self, messages: Vec<Message<Piece, Ruled>>) {
        self.peers.tell(HERE, &SAMPLER.into(), messages);
    }

    pub(crate) fn row(&self) -> PeerRow {
        let [row] = <[_; 1]>::try_from(self.peers.rows()).unwrap();
        row
    }
}

pub(crate) const SAMPLER: &str = "traces/tail_sampling";

/// Settings without pauses worth mentioning.
pub(crate) fn quick() -> PeersSettings {
    PeersSettings {
        pause_min: Duration::from_millis(1),
        pause_max: Duration::from_millis(5),
        open_timeout: PATIENCE,
        ..PeersSettings::default()
    }
}

pub(crate) fn part(spans: impl Into<Bytes>) -> OutgoingPart {
    OutgoingPart {
        sampler: SAMPLER.into(),
        epoch: Epoch(3),
        tenure: Some(Epoch(2)),
        spans: spans.into(),
        patience: PATIENCE,
        handed_on: Some(Epoch(1)),
        sequence: Some(Sequence {
            origin: 7,
            number: 2,
            handed: Vec::new(),
        }),
    }
}

pub(crate) fn tenure() -> TenureId {
    TenureId {
        slot: Slot::new(5).unwrap(),
        created: Epoch(2),
    }
}

/// A small message with a number.
pub(crate) fn numbered(number: u64) -> Message<Piece, Ruled> {
    Message::Answer {
        tenure: tenure(),
        view: Epoch(2),
        asked: Moment::from_millis(1),
        answer: Answer::Appended(Number(number)),
    }
}

/// A message with so many bytes of spans.
pub(crate) fn append(number: u64, bytes: usize) -> Message<Piece, Ruled> {
    let value = Fragment {
        trace: TraceId([1; 16]),
        data: Piece::Raw(vec![7; bytes].into()),
    };
    let remaining = Duration::from_secs(1);
    Message::Record {
        tenure: tenure(),
        view: Epoch(2),
        asked: Moment::from_millis(1),
        record: Record::Append {
            number: Number(number),
            fragment: Remaining { value, remaining },
        },
    }
}
