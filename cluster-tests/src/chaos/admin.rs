//! Asks a member's admin listener.

use super::event::Ledger;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// What `path` answers with success.
pub(super) async fn get(address: SocketAddr, path: &str) -> Result<String> {
    let answer = tokio::time::timeout(TIMEOUT, ask(address, path));
    let answer = answer.await.context("no answer in time")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "{path} answers {status}: {}", body.trim());
    Ok(body.to_owned())
}

/// HTTP/1.0, so that the body ends with the connection and is not in chunks.
async fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut answer)
        .await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The page of this path, which is JSON.
pub(super) async fn page(address: SocketAddr, path: &str) -> Result<Value> {
    let body = get(address, path).await?;
    serde_json::from_str(&body).with_context(|| format!("{path} is no JSON"))
}

/// A member's books for spans.
pub(super) fn ledger(node: &str, complete: bool, status: &Value) -> Result<Ledger> {
    let books = &status["ledger"]["signals"]["traces"];
    let amount = |name: &str| {
        let items = books[name]["items"].as_i64();
        items.with_context(|| format!("the ledger has no {name}"))
    };
    let sum = |name: &str| books[name].as_object().map(sum_of_items);
    let (Some(dropped), Some(lost)) = (sum("dropped"), sum("lost")) else {
        bail!("the ledger has no reasons");
    };
    Ok(Ledger {
        node: node.to_owned(),
        complete,
        acknowledged: amount("acknowledged")?.unsigned_abs(),
        came: amount("taken")? + amount("copied")?,
        went: amount("delivered")?
            + amount("spooled")?
            + amount("handed_over").unwrap_or_default()
            + dropped
            + lost,
        held: amount("held")?,
        lost,
        imbalance: status["imbalance"].as_i64().context("no imbalance")?,
    })
}

fn sum_of_items(reasons: &serde_json::Map<String, Value>) -> i64 {
    let items = reasons
        .values()
        .filter_map(|amount| amount["items"].as_i64());
    items.sum()
}
