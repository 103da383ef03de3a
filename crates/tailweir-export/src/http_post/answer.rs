//! What came back, read under a limit.

use crate::destination::{Advice, Failure};
use crate::transport::{AnswerError, read_answer};
use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use std::time::{Duration, SystemTime};

/// Longest message of a backend that is passed on, in bytes.
const MESSAGE_MAX: usize = 1024;

/// An answer over HTTP. Its body may be hostile, too long, or broken off.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Result<Bytes, AnswerError>,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: read_answer(body).await.map(|answer| answer.body),
        }
    }

    /// The body as text, or what is wrong with it.
    pub(crate) fn text(&self) -> String {
        match &self.body {
            Ok(body) => String::from_utf8_lossy(body).trim().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// The failure that this answer is. `again` says for which statuses another attempt may help.
    pub(crate) fn failure(&self, said: &str, again: impl Fn(u16) -> bool) -> Failure {
        self.failure_at(said, again, wall_clock())
    }

    fn failure_at(&self, said: &str, again: impl Fn(u16) -> bool, now: SystemTime) -> Failure {
        let status = self.status;
        let advice = match status.as_u16() {
            code if !again(code) => Advice::GiveUp,
            429 | 503 => retry_after(&self.headers, now).map_or(Advice::TryAgain, Advice::PauseFor),
            _ => Advice::TryAgain,
        };
        let location = self.headers.get(LOCATION);
        let message = match location.and_then(|location| location.to_str().ok()) {
            Some(location) if status.is_redirection() => format!(
                "HTTP {status}: redirects are not followed; the endpoint seems to be {location}"
            ),
            _ => format!("HTTP {status}: {said}"),
        };
        Failure {
            advice,
            message: cut(message),
        }
    }
}

/// Seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a date in an answer is compared with the wall clock"
)]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Text of a bounded length.
pub(crate) fn cut(mut text: String) -> String {
    let mut end = text.len().min(MESSAGE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::{Advice, Answer};
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::{Duration, UNIX_EPOCH};

    fn advice(status: u16, retry_after: &str) -> Advice {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert("retry-after", retry_after.parse().unwrap());
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Ok(Bytes::new()),
        };
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let again = |status| matches!(status, 429 | 502..=504);
        answer.failure_at("", again, now).advice
    }

    /// Scenario: answers of each status, with seconds, a date, a date of the past, and nonsense.
    /// Guarantees: exactly 429, 502, 503 and 504 are tried again; 429 and 503 keep the backend's time.
    #[test]
    fn the_backend_says_when_to_try_again() {
        let again: Vec<u16> = (300..600)
            .filter(|&status| advice(status, "") != Advice::GiveUp)
            .collect();
        assert_eq!(again, [429, 502, 503, 504]);
        assert_eq!(advice(429, "7"), Advice::PauseFor(Duration::from_secs(7)));
        assert_eq!(advice(502, "7"), Advice::TryAgain);
        let date = "Sun, 06 Nov 1994 08:49:47 GMT";
        assert_eq!(advice(503, date), Advice::PauseFor(Duration::from_secs(10)));
        let past = "Sun, 06 Nov 1994 08:49:07 GMT";
        assert_eq!(advice(503, past), Advice::PauseFor(Duration::ZERO));
        assert_eq!(advice(503, "soon"), Advice::TryAgain);
    }
}
