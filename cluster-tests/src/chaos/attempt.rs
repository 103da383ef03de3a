//! What a status says of the attempt that ended with it.

use std::error::Error;
use std::iter::successors;
use tonic::{Code, Status};

const NO_ANSWER: &str = "no answer";

/// The client waited for an answer long enough.
pub(super) fn no_answer() -> Status {
    Status::deadline_exceeded(NO_ANSWER)
}

/// Whether a server wrote this status, rather than the client's own transport.
pub(super) fn is_answer(status: &Status) -> bool {
    status.source().is_none() && status.message() != NO_ANSWER
}

/// Whether the request left the client. One that a closing connection gives back did not: clients of gRPC send it again
/// by themselves and tell nobody, which tonic's leaves to its user.
pub(super) fn was_sent(status: &Status) -> bool {
    let mut sources = successors(status.source(), |&error| error.source());
    !sources.any(|error| {
        let error = error.downcast_ref::<hyper::Error>();
        error.is_some_and(hyper::Error::is_canceled)
    })
}

/// Codes that OTLP lets clients repeat, and those of a broken connection.
pub(super) fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
    ) || !is_answer(status)
}

#[cfg(test)]
mod tests {
    use super::was_sent;
    use hyper::body::Incoming;
    use hyper::{Request, client::conn::http2};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tonic::Status;

    /// Scenario: a connection ends before it took the request that waits for it; a server says that it cancelled one.
    /// Guarantees: only the first was not sent.
    #[tokio::test]
    async fn a_request_that_its_connection_never_took_was_not_sent() {
        let (near, _far) = tokio::io::duplex(1 << 10);
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await;
        let (mut sender, connection) = handshake.expect("a client's half needs nobody");
        let answer = sender.send_request(Request::new(String::new()));
        drop(connection);
        let answer: hyper::Result<hyper::Response<Incoming>> = answer.await;
        let returned = Status::from_error(Box::new(answer.expect_err("there is no connection")));
        assert!(!was_sent(&returned), "{returned:?}");
        assert!(was_sent(&Status::cancelled("operation was canceled")));
    }
}
