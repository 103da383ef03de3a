//! Asks another Tailweir's admin listener, over plain HTTP.

use anyhow::Context;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::net::TcpStream;

/// Answers beyond this are not those of an admin listener.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// An answer of an admin listener.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

/// Gets a path of an admin listener at `HOST:PORT`.
///
/// # Errors
/// When nothing listens there, the answer is not HTTP or too large, or it takes longer than `patience`.
pub(crate) async fn get(address: &str, path: &str, patience: Duration) -> anyhow::Result<Answer> {
    let answer = tokio::time::timeout(patience, get_patiently(address, path)).await;
    answer.with_context(|| format!("no answer from {address} within {patience:?}"))?
}

async fn get_patiently(address: &str, path: &str) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(resolve(address)?)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, address)
        .header(header::CONNECTION, "close")
        .body(Empty::<bytes::Bytes>::new())?;
    let ask = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, body })
    };
    // The connection must be driven while the answer is awaited; it ends by itself after it.
    let (answer, _) = tokio::join!(ask, connection);
    answer
}

/// IPv4 first: listeners on `localhost` bind the first address of that name, which is usually it.
fn resolve(address: &str) -> anyhow::Result<SocketAddr> {
    let found = address.to_socket_addrs();
    let found = found.with_context(|| format!("{address} is not HOST:PORT"))?;
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let first = found.into_iter().next();
    first.with_context(|| format!("{address} has no address"))
}
