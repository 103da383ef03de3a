//! A real process under test: starts it, reads what it writes line by line, signals and reaps it.
//!
//! Waiting is always for a line, an exit or an answer, never for a time; [`PATIENCE`] only bounds how
//! long a test that has failed takes to say so.

use crate::sink::PATIENCE;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};

/// A signal that a test may send.
pub use rustix::process::Signal;

/// A running program whose output is being read. Killed when dropped.
pub struct Binary {
    child: Child,
    output: Mutex<Output>,
}

struct Output {
    lines: Receiver<Line>,
    seen: Vec<Line>,
}

/// A line that the program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whether it came on standard error.
    pub is_error: bool,
    /// Its text, without the line end.
    pub text: String,
}

impl Binary {
    /// Starts `program` with `arguments`, with nothing on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(
        program: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut command = Command::new(program.as_ref());
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts a command that was prepared with environment or folder.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = mpsc::sync_channel(100_000);
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        read_lines(stdout, false, sender.clone());
        read_lines(stderr, true, sender);
        Self {
            child,
            output: Mutex::new(Output {
                lines,
                seen: Vec::new(),
            }),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line, of those already read or to come, that contains `text`.
    ///
    /// # Panics
    /// When none comes, with everything that did.
    pub fn line_with(&self, text: &str) -> String {
        self.line(text, |line| {
            line.text.contains(text).then(|| line.text.clone())
        })
    }

    /// The first line that `pick` makes something of.
    ///
    /// # Panics
    /// When none comes, with everything that did.
    pub fn line<T>(&self, what: &str, pick: impl Fn(&Line) -> Option<T>) -> T {
        self.line_after(0, what, pick).1
    }

    /// As [`Self::line`], but skips the first `start` lines; also returns the number of the line
    /// after the one found.
    ///
    /// # Panics
    /// When none comes, with everything that did.
    pub fn line_after<T>(
        &self,
        start: usize,
        what: &str,
        pick: impl Fn(&Line) -> Option<T>,
    ) -> (usize, T) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = start;
        loop {
            while index < output.seen.len() {
                index += 1;
                if let Some(found) = pick(&output.seen[index - 1]) {
                    return (index, found);
                }
            }
            match output.lines.recv_timeout(PATIENCE) {
                Ok(line) => output.seen.push(line),
                Err(error) => panic!("no line with {what} ({error}) in:\n{}", output.text()),
            }
        }
    }

    /// How many lines were read so far.
    #[must_use]
    pub fn lines_seen(&self) -> usize {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.seen.len()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has gone already.
    pub fn signal(&self, signal: Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("the process takes the signal");
    }

    /// Waits until it has closed its output and ended; returns its status and all that it wrote.
    ///
    /// # Panics
    /// When it does not end.
    pub fn finish(mut self) -> (ExitStatus, Vec<Line>) {
        let output = self
            .output
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            match output.lines.recv_timeout(PATIENCE) {
                Ok(line) => output.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still running:\n{}", output.text()),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        (status, std::mem::take(&mut output.seen))
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended by itself; either way it must not be left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn text(&self) -> String {
        let lines: Vec<_> = self.seen.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }
}

fn read_lines(pipe: impl Read + Send + 'static, is_error: bool, lines: mpsc::SyncSender<Line>) {
    std::thread::spawn(move || {
        for bytes in BufReader::new(pipe).split(b'\n') {
            let Ok(bytes) = bytes else { break };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if lines.send(Line { is_error, text }).is_err() {
                break;
            }
        }
    });
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status code.
    pub status: u16,
    /// Its status line and headers, as they came.
    pub head: String,
    /// Its body as text.
    pub body: String,
}

/// Asks for a path over plain HTTP, blocking.
///
/// # Panics
/// When there is no answer, or none that is HTTP.
#[must_use]
pub fn http_get(address: SocketAddr, path: &str) -> HttpAnswer {
    http(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"),
        &[],
    )
}

/// Posts a body over plain HTTP, blocking.
///
/// # Panics
/// When there is no answer, or none that is HTTP.
#[must_use]
pub fn http_post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> HttpAnswer {
    http_post_with(address, path, &[("content-type", content_type)], body)
}

/// Posts a body with these headers over plain HTTP, blocking.
///
/// # Panics
/// When there is no answer, or none that is HTTP.
#[must_use]
pub fn http_post_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> HttpAnswer {
    let length = body.len();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         {headers}content-length: {length}\r\n\r\n"
    );
    http(address, &head, body)
}

fn http(address: SocketAddr, head: &str, body: &[u8]) -> HttpAnswer {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
        .write_all(head.as_bytes())
        .expect("a request goes out");
    stream.write_all(body).expect("a body goes out");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a whole answer");
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> HttpAnswer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    HttpAnswer {
        status: status.expect("a status code"),
        head: head.to_owned(),
        body: if is_chunked {
            unchunk(body)
        } else {
            body.to_owned()
        },
    }
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size");
        if size == 0 {
            break;
        }
        whole += &rest[..size];
        body = &rest[size + 2..];
    }
    whole
}
