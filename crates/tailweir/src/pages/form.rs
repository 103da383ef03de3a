//! In which form a page goes out, and with which headers.

use super::html;
use super::page::Page;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

/// In which form a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Text,
    Json,
}

impl Form {
    /// `?format=` decides, then what the client accepts first; else it is HTML.
    pub(crate) fn wanted(query: Option<&str>, headers: &HeaderMap) -> Self {
        let mut pairs = query.unwrap_or("").split('&');
        let format = pairs.find_map(|pair| pair.strip_prefix("format="));
        let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
        match (format, accepted) {
            (Some("json"), _) => Self::Json,
            (Some("text"), _) => Self::Text,
            (None, Some(it)) if it.starts_with("application/json") => Self::Json,
            (None, Some(it)) if it.starts_with("text/plain") => Self::Text,
            _ => Self::Html,
        }
    }

    pub(crate) fn write(self, page: &Page) -> String {
        match self {
            Self::Html => html::write(page),
            Self::Text => page.text(),
            Self::Json => page.json().to_string(),
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// An answer that no cache keeps.
pub(crate) fn answer(status: StatusCode, form: Form, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, form.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // There is nothing on a page but text and its style: whatever a name contains, nothing runs.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::Form;
    use axum::http::{HeaderMap, HeaderValue, header};

    /// Scenario: a browser, curl, programs, and clients that ask by the address.
    /// Guarantees: the address decides, then the header; who says nothing gets HTML.
    #[test]
    fn the_client_chooses_the_form() {
        let wanted = |query, accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            Form::wanted(query, &headers)
        };
        assert_eq!(wanted(None, None), Form::Html);
        assert_eq!(wanted(None, Some("text/html,*/*;q=0.8")), Form::Html);
        assert_eq!(wanted(None, Some("*/*")), Form::Html);
        assert_eq!(wanted(None, Some("application/json")), Form::Json);
        assert_eq!(wanted(Some("format=html"), Some("text/plain")), Form::Html);
        assert_eq!(
            wanted(Some("a=b&format=text"), Some("text/html")),
            Form::Text
        );
        assert_eq!(wanted(Some("format=json"), None), Form::Json);
    }
}
