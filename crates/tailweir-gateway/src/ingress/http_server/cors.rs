//! Cross-origin requests: which pages of which browsers may send.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

/// Headers that every page may send: those a plain form could send, and OTLP's content type.
const ALWAYS_ALLOWED: [&str; 4] = [
    "accept",
    "content-type",
    "content-encoding",
    "x-requested-with",
];

/// The `cors` block of an HTTP receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cors {
    /// Origins, each with at most one `*` that stands for any text.
    pub(crate) allowed_origins: Vec<String>,
    /// Headers beside those always allowed; `*` allows all.
    pub(crate) allowed_headers: Vec<String>,
    /// Headers of answers that pages may read.
    pub(crate) exposed_headers: Vec<String>,
    /// Seconds for which a browser may remember a preflight; 0 leaves it to the browser.
    pub(crate) max_age_seconds: u64,
}

impl Cors {
    /// Whether a browser asks before it sends.
    pub(crate) fn is_preflight<B>(&self, request: &Request<B>) -> bool {
        request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to a preflight, where these methods are served, with commas between them. Without the allowing headers the browser
    /// does not send.
    pub(crate) fn preflight(&self, headers: &HeaderMap, methods: &'static str) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        let answer = response.headers_mut();
        answer.insert(
            VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        );
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        let is_served = method.is_some_and(|method| {
            let mut served = methods.split(", ");
            served.any(|served| served.as_bytes() == method.as_bytes())
        });
        let allows_headers = wanted.is_none_or(|wanted| self.allows_headers(wanted));
        let Some(origin) = self.allowed_origin(headers) else {
            return response;
        };
        if !is_served || !allows_headers {
            return response;
        }
        allow(origin, answer);
        answer.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(methods),
        );
        if let Some(wanted) = wanted {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        if self.max_age_seconds > 0 {
            answer.insert(
                ACCESS_CONTROL_MAX_AGE,
                HeaderValue::from(self.max_age_seconds),
            );
        }
        response
    }

    /// Who may send, if the request's origin may: itself, or everybody.
    pub(crate) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        if self.allowed_origins.iter().any(|pattern| pattern == "*") {
            return Some(ANYBODY);
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let mut allowed = self.allowed_origins.iter();
        allowed
            .any(|pattern| matches(&pattern.to_ascii_lowercase(), &text))
            .then(|| origin.clone())
    }

    /// Lets the page read the answer.
    pub(crate) fn decorate(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else {
            return;
        };
        allow(origin, headers);
        if let Ok(exposed) = HeaderValue::from_str(&self.exposed_headers.join(", "))
            && !exposed.is_empty()
        {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn allows_headers(&self, wanted: &HeaderValue) -> bool {
        let Ok(wanted) = wanted.to_str() else {
            return false;
        };
        let is_allowed = |name: &str| {
            let mut allowed = self.allowed_headers.iter().map(String::as_str);
            name.is_empty()
                || ALWAYS_ALLOWED
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known))
                || allowed.any(|allowed| allowed == "*" || name.eq_ignore_ascii_case(allowed))
        };
        wanted.split(',').all(|name| is_allowed(name.trim()))
    }
}

const TRUE: HeaderValue = HeaderValue::from_static("true");
/// Every origin.
const ANYBODY: HeaderValue = HeaderValue::from_static("*");

/// Lets pages of an origin in: with the credentials that the browser has, unless that is everybody.
fn allow(origin: HeaderValue, headers: &mut HeaderMap) {
    if origin != ANYBODY {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}

/// Whether the text is the pattern, whose first `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cors, matches};
    use http::{HeaderMap, HeaderValue};

    fn cors() -> Cors {
        Cors {
            allowed_origins: vec!["https://*.example.com".to_owned()],
            allowed_headers: vec!["X-Tenant".to_owned()],
            exposed_headers: vec!["Retry-After".to_owned()],
            max_age_seconds: 60,
        }
    }

    fn ask(origin: &'static str, headers: &'static str) -> HeaderMap {
        let mut asked = HeaderMap::new();
        asked.insert("origin", HeaderValue::from_static(origin));
        asked.insert(
            "access-control-request-method",
            HeaderValue::from_static("POST"),
        );
        asked.insert(
            "access-control-request-headers",
            HeaderValue::from_static(headers),
        );
        cors().preflight(&asked, "POST").headers().clone()
    }

    /// Scenario: pages of allowed and foreign origins ask whether they may send.
    /// Guarantees: only an allowed origin with allowed headers is told yes.
    #[test]
    fn only_allowed_pages_may_send() {
        let yes = ask("https://app.EXAMPLE.com", "content-type, x-tenant");
        assert_eq!(
            yes["access-control-allow-origin"],
            "https://app.EXAMPLE.com"
        );
        assert_eq!(yes["access-control-max-age"], "60");
        for (origin, headers) in [
            ("https://example.org", "content-type"),
            ("https://app.example.com", "x-secret"),
            ("http://app.example.com", "content-type"),
        ] {
            let no = ask(origin, headers);
            assert!(
                !no.contains_key("access-control-allow-origin"),
                "{origin} {headers}"
            );
        }
    }

    /// Scenario: every origin is allowed; a page of one asks, for methods that are served and not.
    /// Guarantees: it is told that everybody may, which no browser takes for leave to send its credentials; and only what is served.
    #[test]
    fn everybody_may_send_and_nobody_with_credentials() {
        let all = Cors {
            allowed_origins: vec!["*".to_owned()],
            ..cors()
        };
        let asked = |method: &'static str| {
            let mut asked = HeaderMap::new();
            asked.insert("origin", HeaderValue::from_static("https://a.example"));
            asked.insert(
                "access-control-request-method",
                HeaderValue::from_static(method),
            );
            asked
        };
        let mut answers = vec![all.preflight(&asked("GET"), "GET, HEAD").headers().clone()];
        answers.push(HeaderMap::new());
        all.decorate(all.allowed_origin(&asked("GET")), &mut answers[1]);
        for answer in &answers {
            assert_eq!(answer["access-control-allow-origin"], "*");
            assert!(!answer.contains_key("access-control-allow-credentials"));
        }
        let refused = all.preflight(&asked("POST"), "GET, HEAD");
        let refused = refused.headers();
        assert!(!refused.contains_key("access-control-allow-origin"));
    }

    /// Scenario: patterns with and without a star meet texts that overlap its two sides.
    /// Guarantees: the star stands for any text, and the sides never share a character.
    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("*", "anything"));
        assert!(matches("a*b", "ab"));
        assert!(!matches("ab*ba", "aba"));
        assert!(!matches("a", "ab"));
    }
}
