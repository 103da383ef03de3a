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

/// Whether a server may have taken the request. One that a closing connection gives back has not left the client, and of one
/// that came after a server's polite farewell HTTP/2 says that it was not looked at (RFC 9113, 6.8): clients of gRPC send
/// these again by themselves and tell nobody, which tonic's leaves to its user.
pub(super) fn was_sent(status: &Status) -> bool {
    let mut sources = successors(status.source(), |&error| error.source());
    !sources.any(|error| {
        let transport = error.downcast_ref::<hyper::Error>();
        let protocol = error.downcast_ref::<h2::Error>();
        transport.is_some_and(hyper::Error::is_canceled) || protocol.is_some_and(is_farewell)
    })
}

/// Whether the server closes the connection because it stops, and never took this request.
fn is_farewell(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
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
    use tokio::io::{AsyncWriteExt, DuplexStream};
    use tonic::Status;

    /// What becomes of a request on this connection, whose other end may be written to.
    async fn ask(other: impl AsyncFnOnce(DuplexStream)) -> Status {
        let (near, far) = tokio::io::duplex(1 << 10);
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await;
        let (mut sender, connection) = handshake.expect("a client's half needs nobody");
        let request = Request::builder().uri("http://server/");
        let request = request.body(String::new()).expect("a request");
        let answer = sender.send_request(request);
        let talk = async {
            other(far).await;
            // Its end is what the test is about, and told to the request.
            let _ = connection.await;
        };
        let (answer, ()): (hyper::Result<hyper::Response<Incoming>>, ()) =
            tokio::join!(answer, talk);
        Status::from_error(Box::new(answer.expect_err("nobody answers")))
    }

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

    /// Scenario: a server says that it looked at no request and goes away, once because it stops, once because it is broken.
    /// Guarantees: the first request may be sent again, whatever the code of its status is; of the second nothing is known.
    #[tokio::test]
    async fn a_request_that_came_after_a_farewell_was_not_taken() {
        for (reason, was_taken) in [(0, false), (2, true)] {
            let status = ask(async |mut server| {
                let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
                let go_away = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, reason];
                server.write_all(&settings).await.expect("room");
                server.write_all(&go_away).await.expect("room");
            });
            let status = status.await;
            assert_eq!(was_sent(&status), was_taken, "{status:?}");
        }
    }
}
