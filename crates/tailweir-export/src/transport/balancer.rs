//! Spreads calls over the addresses of one name.

use super::{Client, Connector, chain};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Names are resolved again after this time, or sooner when an address fails.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);
/// But not more often than this.
const RESOLVE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// A look-up without an answer is given up after this time, and another one begins.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most addresses of a name that are used.
const ADDRESSES_MAX: usize = 256;
/// A connection is replaced after so many calls in a row that ended without an answer: the other end
/// may have vanished without a word, and TCP takes many minutes to notice.
const UNANSWERED_MAX: u32 = 2;

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name or address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Each call to the next address; false: all to the first that works.
    pub(crate) round_robin: bool,
}

/// The addresses of a target.
pub(crate) type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// One client for each address of a target.
pub(crate) struct Balancer {
    target: Target,
    connector: Connector,
    build: Box<dyn Fn(Connector) -> Client + Send + Sync>,
    resolve: fn(Target) -> Resolved,
    addresses: Mutex<Addresses>,
    next: AtomicUsize,
    failed: AtomicBool,
}

#[derive(Default)]
struct Addresses {
    entries: Vec<Entry>,
    /// When the last look-up began.
    asked: Option<Instant>,
    /// The look-up beside the calls, one at most. It ends with its balancer.
    look_up: JoinSet<io::Result<Vec<SocketAddr>>>,
}

#[derive(Clone)]
struct Entry {
    address: SocketAddr,
    client: Client,
    /// Calls in a row that were dropped before an answer came.
    unanswered: Arc<AtomicU32>,
}

impl Balancer {
    /// `build` makes the client of one address; addresses are those of the system's resolver.
    pub(crate) fn new(
        target: Target,
        connector: Connector,
        build: impl Fn(Connector) -> Client + Send + Sync + 'static,
    ) -> Self {
        Self {
            target,
            connector,
            build: Box::new(build),
            resolve: |target| Box::pin(look_up(target)),
            addresses: Mutex::default(),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// Sends the request to one address; where that cannot be connected, to the others in turn, and once more where the name has
    /// moved meanwhile.
    pub(crate) async fn call(
        &self,
        request: &Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let entries = self.entries().await?;
        let answer = self.call_in_turn(&entries, request).await;
        let is_lost = answer.as_ref().is_err_and(|error| error.is_unreachable);
        if !is_lost || !self.has_moved(&entries).await {
            return answer;
        }
        let entries = self.entries().await?;
        self.call_in_turn(&entries, request).await
    }

    /// Waits for the look-up beside the calls, if one is under way: nobody is there to serve until it has an answer. Says whether the
    /// addresses are others by then.
    async fn has_moved(&self, known: &[Entry]) -> bool {
        let mut look_up = std::mem::take(&mut self.addresses.lock().look_up);
        let found = look_up.join_next().await;
        let mut addresses = self.addresses.lock();
        if let Some(Ok(Ok(found))) = found {
            self.take_up(&mut addresses, found);
        }
        let now = addresses.entries.iter().map(|entry| entry.address);
        now.ne(known.iter().map(|entry| entry.address))
    }

    async fn call_in_turn(
        &self,
        entries: &[Entry],
        request: &Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let start = self.next.load(Relaxed);
        if self.target.round_robin {
            self.next.fetch_add(1, Relaxed);
        }
        let mut last = CallError::unreachable(format!("{} has no address", self.target.host));
        for turn in 0..entries.len() {
            let index = start.wrapping_add(turn);
            let entry = &entries[index % entries.len()];
            match self.call_entry(entry, index, request.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => last = error,
            }
            self.failed.store(true, Relaxed);
            if !last.is_unreachable {
                break;
            }
            self.move_on(index);
        }
        Err(last)
    }

    async fn call_entry(
        &self,
        entry: &Entry,
        index: usize,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let pending = Pending {
            balancer: self,
            entry,
            index,
        };
        let answer = entry.client.request(request).await;
        pending.answered();
        answer.map_err(|error| CallError {
            is_unreachable: error.is_connect(),
            message: chain(&error),
        })
    }

    /// Calls to the first that works stay with the one behind `index` from now on, unless another call has moved
    /// them on already.
    fn move_on(&self, index: usize) {
        if !self.target.round_robin {
            let behind = index.wrapping_add(1);
            let _ = self.next.compare_exchange(index, behind, Relaxed, Relaxed);
        }
    }

    async fn entries(&self) -> Result<Vec<Entry>, CallError> {
        if self.addresses.lock().entries.is_empty() {
            self.look_up_first().await?;
        } else {
            self.look_up_beside();
        }
        let mut addresses = self.addresses.lock();
        for entry in &mut addresses.entries {
            if entry.unanswered.load(Relaxed) >= UNANSWERED_MAX {
                *entry = self.entry(entry.address);
            }
        }
        Ok(addresses.entries.clone())
    }

    fn entry(&self, address: SocketAddr) -> Entry {
        Entry {
            address,
            client: (self.build)(self.connector.to(address)),
            unanswered: Arc::default(),
        }
    }

    /// Waits for the resolver: without an address there is nothing to call.
    async fn look_up_first(&self) -> Result<(), CallError> {
        let look_up = self.begin_look_up(&mut self.addresses.lock());
        let found = look_up.await;
        let mut addresses = self.addresses.lock();
        match found {
            Ok(found) => self.take_up(&mut addresses, found),
            Err(error) if addresses.entries.is_empty() => {
                let text = format!("{} cannot be resolved: {error}", self.target.host);
                return Err(CallError::unreachable(text));
            }
            // Another call has found some meanwhile.
            Err(_) => {}
        }
        Ok(())
    }

    /// Lets the addresses that are there serve until the resolver has answered: connections are fine while it is
    /// not, and no call is to run out of its time for it. The first call behind the answer takes it up.
    fn look_up_beside(&self) {
        let mut addresses = self.addresses.lock();
        if let Some(Ok(Ok(found))) = addresses.look_up.try_join_next() {
            self.take_up(&mut addresses, found);
        }
        if addresses.look_up.is_empty() && self.is_due(&addresses) {
            let look_up = self.begin_look_up(&mut addresses);
            addresses.look_up.spawn(look_up);
        }
    }

    fn is_due(&self, addresses: &Addresses) -> bool {
        let Some(asked) = addresses.asked else {
            return true;
        };
        let age = Instant::now().saturating_duration_since(asked);
        age >= RESOLVE_INTERVAL || (age >= RESOLVE_INTERVAL_MIN && self.failed.load(Relaxed))
    }

    /// Notes the beginning, not the end: who is asked may never answer.
    fn begin_look_up(
        &self,
        addresses: &mut Addresses,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + use<> {
        addresses.asked = Some(Instant::now());
        self.failed.store(false, Relaxed);
        bounded((self.resolve)(self.target.clone()))
    }

    /// From here on these are the addresses. Those that stay keep their connections.
    fn take_up(&self, addresses: &mut Addresses, mut found: Vec<SocketAddr>) {
        // Resolvers shuffle; a fixed order lets the turn reach everyone.
        found.sort_unstable();
        found.dedup();
        found.truncate(ADDRESSES_MAX);
        let mut old = std::mem::take(&mut addresses.entries);
        addresses.entries = found
            .into_iter()
            .map(|address| {
                let kept = old.iter().position(|entry| entry.address == address);
                kept.map_or_else(|| self.entry(address), |index| old.swap_remove(index))
            })
            .collect();
    }
}

async fn look_up(target: Target) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((target.host, target.port)).await?;
    Ok(found.collect())
}

async fn bounded(look_up: Resolved) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::time::timeout(RESOLVE_TIMEOUT, look_up).await;
    found.unwrap_or_else(|_| {
        let text = format!("the resolver has not answered within {RESOLVE_TIMEOUT:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// A call under way. Where it is dropped before its answer, because its caller lost patience, its address has failed:
/// callers have less patience than it takes to give a connection up.
struct Pending<'a> {
    balancer: &'a Balancer,
    entry: &'a Entry,
    index: usize,
}

impl Pending<'_> {
    fn answered(self) {
        self.entry.unanswered.store(0, Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.entry.unanswered.fetch_add(1, Relaxed);
        self.balancer.failed.store(true, Relaxed);
        self.balancer.move_on(self.index);
    }
}

/// A call that got no answer.
#[derive(Debug)]
pub(crate) struct CallError {
    /// No connection was made: the backend has seen nothing.
    pub(crate) is_unreachable: bool,
    pub(crate) message: String,
}

impl CallError {
    fn unreachable(message: String) -> Self {
        Self {
            is_unreachable: true,
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Balancer, Connector, Target};
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper_util::client::legacy;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::{Mutex, OnceLock};
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    /// The default of `timeout`.
    const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A server that answers everything, and counts.
    async fn server(served: &'static AtomicUsize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = hyper::service::service_fn(|_| async {
                    served.fetch_add(1, SeqCst);
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        address
    }

    fn balancer(round_robin: bool, resolve: fn(Target) -> super::Resolved) -> Balancer {
        let target = Target {
            host: "backend".to_owned(),
            port: 1,
            round_robin,
        };
        let build = |connector| legacy::Client::builder(TokioExecutor::new()).build(connector);
        Balancer {
            resolve,
            ..Balancer::new(target, Connector::new(None), build)
        }
    }

    fn request() -> Request<Full<Bytes>> {
        Request::post("http://backend/")
            .body(Full::default())
            .unwrap()
    }

    /// Scenario: a name with three addresses, at one of which nobody listens; six calls by turns, then six to
    /// the first that works.
    /// Guarantees: no call fails; by turns both servers get their share, else one gets all.
    #[tokio::test]
    async fn calls_are_spread_over_the_addresses_that_answer() {
        static SERVED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        static ADDRESSES: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let addresses = vec![server(&SERVED[0]).await, closed, server(&SERVED[1]).await];
        *ADDRESSES.lock().unwrap() = addresses;
        for (round_robin, least) in [(true, 2), (false, 0)] {
            let balancer = balancer(round_robin, |_| {
                Box::pin(std::future::ready(Ok(ADDRESSES.lock().unwrap().clone())))
            });
            for _ in 0..6 {
                balancer.call(&request()).await.unwrap();
            }
            let mut served = SERVED.each_ref().map(|served| served.swap(0, SeqCst));
            served.sort_unstable();
            assert_eq!(served.iter().sum::<usize>(), 6);
            assert_eq!(served[0] >= 2, least == 2, "{served:?}");
        }
    }

    /// Scenario: a name moves to another server; for a while it cannot be resolved at all.
    /// Guarantees: calls follow it after the interval, once the resolver has answered beside one of them; while it
    /// fails, the last addresses serve.
    #[tokio::test(start_paused = true)]
    async fn names_are_resolved_again() {
        static SERVED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        static ADDRESS: Mutex<Option<SocketAddr>> = Mutex::new(None);
        let balancer = balancer(true, |_| {
            let address = *ADDRESS.lock().unwrap();
            let missing = || std::io::Error::other("no such name");
            Box::pin(std::future::ready(
                address.map(|address| vec![address]).ok_or_else(missing),
            ))
        });
        let error = balancer.call(&request()).await.unwrap_err();
        assert!(
            error.is_unreachable && error.message.contains("no such name"),
            "{error:?}"
        );
        let places = [
            Some(server(&SERVED[0]).await),
            None,
            Some(server(&SERVED[1]).await),
        ];
        for place in places {
            *ADDRESS.lock().unwrap() = place;
            tokio::time::advance(Duration::from_secs(31)).await;
            balancer.call(&request()).await.unwrap();
            balancer.call(&request()).await.unwrap();
        }
        assert_eq!(SERVED.each_ref().map(|served| served.load(SeqCst)), [5, 1]);
    }

    /// A call with the time that an attempt has by default, on the real clock: a paused one does not wait for
    /// sockets.
    async fn attempt(balancer: &Balancer) {
        let call = tokio::time::timeout(ATTEMPT_TIMEOUT, balancer.call(&request())).await;
        call.expect("the call has waited").unwrap();
    }

    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    /// Scenario: a resolver answers once and never again, twice for more than the interval; then the balancer goes.
    /// Guarantees: calls reach the address that is known, within the time of an attempt; one look-up runs beside
    /// them, is given up for the next in time, and ends with the balancer.
    #[tokio::test]
    async fn a_resolver_that_does_not_answer_holds_no_call_up() {
        static SERVED: AtomicUsize = AtomicUsize::new(0);
        static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);
        struct Asked;
        impl Drop for Asked {
            fn drop(&mut self) {
                GIVEN_UP.fetch_add(1, SeqCst);
            }
        }
        ADDRESS.set(server(&SERVED).await).unwrap();
        let balancer = balancer(true, |_| match ASKED.fetch_add(1, SeqCst) {
            0 => Box::pin(std::future::ready(Ok(vec![
                ADDRESS.get().copied().unwrap(),
            ]))),
            _ => Box::pin(async {
                let _asked = Asked;
                std::future::pending().await
            }),
        });
        let look_ups = || (ASKED.load(SeqCst), GIVEN_UP.load(SeqCst));
        attempt(&balancer).await;
        for expected in [(2, 0), (3, 1)] {
            pass(Duration::from_secs(31)).await;
            for _ in 0..3 {
                attempt(&balancer).await;
            }
            assert_eq!(look_ups(), expected);
        }
        assert_eq!(SERVED.load(SeqCst), 7);
        drop(balancer);
        tokio::task::yield_now().await;
        assert_eq!(look_ups(), (3, 2));
    }

    /// Scenario: nobody listens any more at the only address of a name, which has moved, when a call comes after the interval.
    /// Guarantees: that call reaches the new address: it waits for the resolver once all else has failed.
    #[tokio::test]
    async fn a_call_that_reaches_nobody_follows_the_name() {
        static SERVED: AtomicUsize = AtomicUsize::new(0);
        static ADDRESS: Mutex<Option<SocketAddr>> = Mutex::new(None);
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *ADDRESS.lock().unwrap() = Some(gone.local_addr().unwrap());
        drop(gone);
        let balancer = balancer(true, |_| {
            let address = ADDRESS.lock().unwrap().unwrap();
            Box::pin(async move {
                // Not there yet when the call has failed.
                tokio::task::yield_now().await;
                Ok(vec![address])
            })
        });
        assert!(balancer.call(&request()).await.unwrap_err().is_unreachable);
        *ADDRESS.lock().unwrap() = Some(server(&SERVED).await);
        pass(Duration::from_secs(31)).await;
        attempt(&balancer).await;
        assert_eq!(SERVED.load(SeqCst), 1);
    }

    /// An address that takes no more connections: whoever connects there waits, while the second value lives.
    async fn black_hole() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        // The only place in its queue.
        let waiting = TcpStream::connect(address).await.unwrap();
        (address, (listener, waiting))
    }

    /// Scenario: calls go to the first address that works; connections to the first one are never made, and the two
    /// calls under way are dropped when their time is up.
    /// Guarantees: the calls after them reach the other address, and the name is looked up again.
    #[tokio::test]
    async fn an_address_that_never_connects_is_left_when_calls_are_dropped() {
        static SERVED: AtomicUsize = AtomicUsize::new(0);
        static ADDRESSES: OnceLock<[SocketAddr; 2]> = OnceLock::new();
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let (hole, _queue) = black_hole().await;
        let mut addresses = [hole, server(&SERVED).await];
        addresses.sort_unstable();
        let balancer = balancer(false, |_| {
            ASKED.fetch_add(1, SeqCst);
            Box::pin(std::future::ready(Ok(ADDRESSES.get().unwrap().to_vec())))
        });
        let index = usize::from(addresses[1] == hole);
        balancer.next.store(index, SeqCst);
        ADDRESSES.set(addresses).unwrap();
        tokio::time::pause();
        let call =
            || async { tokio::time::timeout(ATTEMPT_TIMEOUT, balancer.call(&request())).await };
        let (first, second) = tokio::join!(call(), call());
        assert!(first.is_err() && second.is_err());
        tokio::time::resume();
        attempt(&balancer).await;
        attempt(&balancer).await;
        assert_eq!((SERVED.load(SeqCst), ASKED.load(SeqCst)), (2, 2));
    }

    /// Scenario: a resolver never answers, and calls have no time of their own.
    /// Guarantees: a call ends all the same, and says why.
    #[tokio::test(start_paused = true)]
    async fn a_first_look_up_is_bounded_in_time() {
        let balancer = balancer(true, |_| Box::pin(std::future::pending()));
        let call = tokio::time::timeout(Duration::from_secs(31), balancer.call(&request())).await;
        let error = call.expect("the call ends").unwrap_err();
        assert!(error.is_unreachable);
        assert_eq!(
            error.message,
            "backend cannot be resolved: the resolver has not answered within 30s"
        );
    }
}
