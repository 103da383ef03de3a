//! The metadata service of a cloud, which answers its machines alone, over plain HTTP at a fixed address.

use super::wait_for;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::io;
use std::time::Duration;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;
/// The longest time for an answer: elsewhere than in a cloud nobody may be there to refuse the connection.
const PATIENCE_MAX: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It has none to this question.
    #[error("{path}: {status}")]
    Status {
        /// What was asked for.
        path: String,
        /// The status of the answer.
        status: StatusCode,
    },
    /// Nobody answers, or what comes is no text.
    #[error("{url}: {problem}")]
    Failed {
        /// What was asked for.
        url: String,
        /// What happened.
        problem: String,
    },
}

/// One service, and what each question to it bears.
#[derive(Debug)]
pub(super) struct MetadataService {
    base: String,
    headers: HeaderMap,
    patience: Duration,
}

impl MetadataService {
    /// The service at this URL. It has so much time for each answer, and [`PATIENCE_MAX`] at most.
    pub(super) fn at(base: &str, patience: Duration) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            headers: HeaderMap::new(),
            patience: patience.min(PATIENCE_MAX),
        }
    }

    /// With a header in each question.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        // What no header can be, its service does not know either.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// What it has at a path.
    pub(super) fn get(&self, path: &str) -> Result<String, Unanswered> {
        self.ask(Method::GET, path)
    }

    /// What it makes at a path.
    pub(super) fn put(&self, path: &str) -> Result<String, Unanswered> {
        self.ask(Method::PUT, path)
    }

    fn ask(&self, method: Method, path: &str) -> Result<String, Unanswered> {
        let url = format!("{}{path}", self.base);
        let failed = |problem: String| Unanswered::Failed {
            url: url.clone(),
            problem,
        };
        let answer = wait_for(async {
            let exchange = tokio::time::timeout(self.patience, self.exchange(method, &url));
            exchange.await.unwrap_or_else(|_| {
                let late = format!("no answer in {:?}", self.patience);
                Err(io::Error::new(io::ErrorKind::TimedOut, late))
            })
        });
        let (status, body) = answer
            .flatten()
            .map_err(|error| failed(error.to_string()))?;
        if status != StatusCode::OK {
            let path = path.to_owned();
            return Err(Unanswered::Status { path, status });
        }
        let text = String::from_utf8(body.into());
        text.map_err(|_| failed("the answer is no text".to_owned()))
    }

    async fn exchange(&self, method: Method, url: &str) -> io::Result<(StatusCode, Bytes)> {
        let mut question = Request::builder()
            .method(method)
            .uri(url)
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        question.headers_mut().extend(self.headers.clone());
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(question).await.map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await;
        Ok((head.status, body.map_err(io::Error::other)?.to_bytes()))
    }
}
