//! HTTP/1.0 over a socket: enough to ask a server on loopback.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

/// Time between two looks, and how many of them there are.
const PAUSE: Duration = Duration::from_millis(200);
const LOOKS: usize = 600;
const TIMEOUT: Duration = Duration::from_secs(20);

/// Looks until it is so.
pub(crate) fn until(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let (_keep, pause) = mpsc::channel::<()>();
    for _ in 0..LOOKS {
        if look()? {
            return Ok(());
        }
        // Nobody sends: this waits.
        let _ = pause.recv_timeout(PAUSE);
    }
    bail!("waited in vain for {what}")
}

/// Asks and reads JSON; an answer that is no success fails.
pub(crate) fn ask(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Value> {
    let (status, answer) = exchange(address, "GET", path, headers, b"")?;
    ensure!(status / 100 == 2, "{path}: {status}: {answer}");
    serde_json::from_str(&answer).with_context(|| format!("{path}: {answer}"))
}

/// Posts JSON; an answer that is no success fails.
pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Result<String> {
    let headers = [("content-type", "application/json")];
    let body = body.to_string();
    let (status, answer) = exchange(address, "POST", path, &headers, body.as_bytes())?;
    ensure!(status / 100 == 2, "{path}: {status}: {answer}");
    Ok(answer)
}

/// Asks over HTTP/1.0, which has no chunks; status and body.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(u16, String)> {
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: localhost\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    write!(
        head,
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    connection.write_all(head.as_bytes())?;
    connection.write_all(body)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer without a head")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((
        status.context("an answer without a status")?,
        body.to_owned(),
    ))
}

/// What stands for a text in a query of a URL.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// Nanoseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "real servers take only telemetry of now"
)]
pub(crate) fn now() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}
