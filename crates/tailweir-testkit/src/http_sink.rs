//! A backend for tests that speaks HTTP/1.1 on loopback and keeps what it is asked.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its path, with the query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Its body as it was sent.
    pub body: Vec<u8>,
}

impl Posted {
    /// The value of the header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    next: VecDeque<u16>,
    posted: Vec<Posted>,
    /// Whole answers by path, or by path and query.
    pages: BTreeMap<String, Vec<u8>>,
}

/// See the module. Answers 204 unless something else was scripted.
pub struct HttpSink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    ends: Arc<AtomicBool>,
}

impl HttpSink {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of loopback");
        let sink = Self {
            address: listener.local_addr().expect("a bound address"),
            state: Arc::default(),
            ends: Arc::default(),
        };
        let (state, ends) = (sink.state.clone(), sink.ends.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let state = state.clone();
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        sink
    }

    /// Where it listens: a URL with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers one request to come with this status, after those already scripted.
    pub fn answer_next(&self, status: u16) {
        lock(&self.state).next.push_back(status);
    }

    /// Answers requests for this path with this from now on: those with any query, or with this one if it has one. `head` is the status line without
    /// the version, and further headers: `200 OK\r\ncontent-type: text/plain`.
    pub fn show(&self, path: &str, head: &str, body: &[u8]) {
        let length = body.len();
        let mut answer =
            format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
        answer.extend_from_slice(body);
        lock(&self.state).pages.insert(path.to_owned(), answer);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was posted so far, in order of arrival.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.state).posted.clone()
    }

    /// Waits until `done` holds of what was posted.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`](crate::PATIENCE).
    pub async fn until(&self, what: &str, done: impl Fn(&[Posted]) -> bool) {
        const PAUSE: Duration = Duration::from_millis(2);
        let looking = async {
            while !done(&self.posted()) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let waited = tokio::time::timeout(crate::PATIENCE, looking).await;
        assert!(waited.is_ok(), "no {what}: {:?}", self.posted());
    }
}

impl Drop for HttpSink {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // Wakes the listener, which looks and ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves a connection until its client closes it.
fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(posted) = read(&mut reader) {
        let path = posted.path.split('?').next().unwrap_or_default();
        let (page, status) = {
            let mut state = lock(state);
            let page = state.pages.get(&posted.path);
            let page = page.or_else(|| state.pages.get(path)).cloned();
            let status = state.next.pop_front().unwrap_or(204);
            state.posted.push(posted);
            (page, status)
        };
        if let Some(page) = page {
            if writer.write_all(&page).is_err() {
                return;
            }
            continue;
        }
        let length = if status == 204 {
            ""
        } else {
            "content-length: 0\r\n"
        };
        let answer = format!("HTTP/1.1 {status} Scripted\r\n{length}\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Posted> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut posted = Posted {
        path,
        headers,
        body: Vec::new(),
    };
    let length = posted
        .header("content-length")
        .and_then(|length| length.parse().ok());
    posted.body.resize(length.unwrap_or_default(), 0);
    reader.read_exact(&mut posted.body).ok()?;
    Some(posted)
}
