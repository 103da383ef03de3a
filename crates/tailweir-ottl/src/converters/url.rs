//! A URL taken into its parts, as Go takes it.

use super::{Arguments, Body, Converter, Outcome, by_position, converter, required};
use crate::coerce::Kind;
use crate::value::Object;
use crate::{Text, Value};
use std::borrow::Cow;

mod escape;
mod query;

use escape::{Mode, escape, unescape};
use query::parameters;

pub(super) const TABLE: &[Converter] = &[converter(
    "URL",
    &[by_position(required("uri", Kind::String))],
    Body::Plain(url),
)];

type Reason = &'static str;

/// A URL in its parts, decoded where that is how they are asked for.
#[derive(Default)]
struct Url<'t> {
    scheme: String,
    /// What stands behind the scheme when that is no path: `a@b.c` of `mailto:a@b.c`.
    opaque: &'t [u8],
    user: Option<User>,
    host: Vec<u8>,
    /// Whether there is a scheme and a path but no `//`.
    omits_host: bool,
    path: Vec<u8>,
    raw_path: &'t [u8],
    /// Whether there is a `?` with nothing behind it.
    empty_query: bool,
    query: &'t [u8],
    fragment: Vec<u8>,
    raw_fragment: &'t [u8],
}

struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl User {
    fn text(&self) -> Vec<u8> {
        let mut text = escape(&self.name, Mode::User);
        if let Some(password) = &self.password {
            text.push(b':');
            text.extend(escape(password, Mode::User));
        }
        text
    }
}

fn url(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let text = arguments.text(0);
    if text.is_empty() {
        return Err("a URL cannot be empty".into());
    }
    if let Some(query) = text.strip_prefix(b"?") {
        let parameters = parameters(query)?;
        let entry = (Cow::Borrowed(b"query".as_slice()), parameters);
        let entries = [entry]
            .into_iter()
            .filter(|(_, parameters)| !parameters.is_empty());
        return Ok(Value::map(
            entries
                .map(|(key, parameters)| (key, Value::map(parameters)))
                .collect(),
        ));
    }
    let url = parse(&text)?;
    let mut entries: Vec<(Text<'_>, Value<'_>)> = Vec::new();
    let mut put = |key: &'static str, value: &[u8]| {
        entries.push((
            Cow::Borrowed(key.as_bytes()),
            Value::String(Cow::Owned(value.to_vec())),
        ));
    };
    let (domain, port) = split_port(&url.host);
    put("url.original", &written(&url));
    put("url.domain", domain);
    put("url.scheme", url.scheme.as_bytes());
    put("url.path", &url.path);
    if !url.fragment.is_empty() {
        put("url.fragment", &url.fragment);
    }
    if let Some(user) = &url.user {
        put("url.user_info", &user.text());
        if !user.name.is_empty() {
            put("url.username", &user.name);
        }
        if let Some(password) = &user.password {
            put("url.password", password);
        }
    }
    if !url.query.is_empty() {
        put("url.query", url.query);
    }
    if let Some(point) = url.path.iter().rposition(|byte| *byte == b'.')
        && point + 1 < url.path.len()
    {
        put("url.extension", &url.path[point + 1..]);
    }
    if !port.is_empty() {
        entries.push((Cow::Borrowed(b"url.port"), port_value(port)?));
    }
    Ok(Value::map(entries))
}

/// The port. In the Collector it is a number that compares to no other number; conditions that match it
/// as text work.
fn port_value(port: &[u8]) -> Result<Value<'static>, Reason> {
    let text = std::str::from_utf8(port).unwrap_or_default();
    let number: usize = text.parse().map_err(|_| "the port is too large")?;
    Ok(Value::Object(Object {
        kind: Object::MACHINE_INT,
        identity: number,
        length: None,
    }))
}

/// What stands before a byte, and behind it when it is there.
fn cut(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|other| *other == byte) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn parse(text: &[u8]) -> Result<Url<'_>, Reason> {
    if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return Err("a URL cannot hold control characters");
    }
    let (text, fragment) = cut(text, b'#');
    let mut url = Url::default();
    if let Some(fragment) = fragment {
        url.fragment = unescape(fragment, Mode::Fragment)?;
        url.raw_fragment = fragment;
    }
    if text == b"*" {
        url.path = b"*".to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
    let (rest, query) = cut(rest, b'?');
    url.empty_query = query.is_some_and(<[u8]>::is_empty);
    url.query = query.unwrap_or_default();
    let has_scheme = !url.scheme.is_empty();
    if !rest.starts_with(b"/") {
        if has_scheme {
            url.opaque = rest;
            return Ok(url);
        }
        if cut(rest, b'/').0.contains(&b':') {
            return Err("the first part of a path cannot hold a colon");
        }
    }
    let mut path = rest;
    if rest.starts_with(b"//") && (has_scheme || !rest.starts_with(b"///")) {
        let authority = &rest[2..];
        let end = authority
            .iter()
            .position(|byte| *byte == b'/')
            .unwrap_or(authority.len());
        path = &authority[end..];
        (url.user, url.host) = parse_authority(&url.scheme, &authority[..end])?;
    } else if has_scheme {
        url.omits_host = true;
    }
    url.path = unescape(path, Mode::Path)?;
    url.raw_path = path;
    Ok(url)
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("a URL cannot begin with a colon"),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parse_authority(scheme: &str, authority: &[u8]) -> Result<(Option<User>, Vec<u8>), Reason> {
    let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else {
        return Ok((None, parse_host(scheme, authority)?));
    };
    let host = parse_host(scheme, &authority[at + 1..])?;
    let user = &authority[..at];
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(allowed) {
        return Err("the user holds characters that are not allowed");
    }
    let (name, password) = cut(user, b':');
    let user = User {
        name: unescape(name, Mode::User)?,
        password: password
            .map(|password| unescape(password, Mode::User))
            .transpose()?,
    };
    Ok((Some(user), host))
}

fn is_port(text: &[u8]) -> bool {
    match text.strip_prefix(b":") {
        Some(digits) => digits.iter().all(u8::is_ascii_digit),
        None => text.is_empty(),
    }
}

fn parse_host(scheme: &str, host: &[u8]) -> Result<Vec<u8>, Reason> {
    match host.iter().rposition(|byte| *byte == b'[') {
        Some(0) => {
            let close = host
                .iter()
                .rposition(|byte| *byte == b']')
                .ok_or("a bracket is not closed")?;
            let (inside, port) = (&host[1..close], &host[close + 1..]);
            if !is_port(port) {
                return Err("the port is no number");
            }
            let zone = inside.windows(3).position(|window| window == b"%25");
            let (address, zone) = inside.split_at(zone.unwrap_or(inside.len()));
            let address = unescape(address, Mode::Host)?;
            let parsed: Result<std::net::Ipv6Addr, _> = String::from_utf8_lossy(&address).parse();
            parsed.map_err(|_| "between the brackets is no address")?;
            let zone = unescape(zone, Mode::Zone)?;
            Ok([b"[", address.as_slice(), &zone, b"]", port].concat())
        }
        Some(_) => Err("a bracket inside the host"),
        None => {
            let colon = |position: Option<usize>| position.map_or(&b""[..], |at| &host[at..]);
            let first = host.iter().position(|byte| *byte == b':');
            let last = host.iter().rposition(|byte| *byte == b':');
            let strict = matches!(scheme, "http" | "https");
            if !is_port(colon(if strict { first } else { last })) {
                return Err("the port is no number");
            }
            unescape(host, Mode::Host)
        }
    }
}

/// The host without brackets, and the port.
fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    let colon = host
        .iter()
        .rposition(|byte| *byte == b':')
        .filter(|at| is_port(&host[*at..]));
    let (name, port) = match colon {
        Some(at) => (&host[..at], &host[at + 1..]),
        None => (host, &b""[..]),
    };
    let name = name
        .strip_prefix(b"[")
        .and_then(|name| name.strip_suffix(b"]"))
        .unwrap_or(name);
    (name, port)
}

/// The URL written again, with everything escaped that must be.
fn written(url: &Url<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    if !url.scheme.is_empty() {
        text.extend_from_slice(url.scheme.as_bytes());
        text.push(b':');
    }
    if !url.opaque.is_empty() {
        text.extend_from_slice(url.opaque);
    } else {
        let authority = !url.host.is_empty() || url.user.is_some();
        if authority || (!url.scheme.is_empty() && !url.omits_host && !url.path.is_empty()) {
            text.extend_from_slice(b"//");
        }
        if let Some(user) = &url.user {
            text.extend(user.text());
            text.push(b'@');
        }
        text.extend(escape(&url.host, Mode::Host));
        let path = escape::kept_or_escaped(url.raw_path, &url.path, Mode::Path);
        if !path.is_empty() && !path.starts_with(b"/") && !url.host.is_empty() {
            text.push(b'/');
        }
        if text.is_empty() && cut(&path, b'/').0.contains(&b':') {
            text.extend_from_slice(b"./");
        }
        text.extend(path);
    }
    if url.empty_query || !url.query.is_empty() {
        text.push(b'?');
        text.extend_from_slice(url.query);
    }
    if !url.fragment.is_empty() {
        text.push(b'#');
        text.extend(escape::kept_or_escaped(
            url.raw_fragment,
            &url.fragment,
            Mode::Fragment,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{parse, split_port, written};

    fn round(text: &str) -> Option<String> {
        let url = parse(text.as_bytes()).ok()?;
        Some(String::from_utf8(written(&url)).unwrap())
    }

    /// Scenario: URLs of every form are taken apart and written again.
    /// Guarantees: they come back; what must be escaped is.
    #[test]
    fn a_url_is_written_again() {
        for text in [
            "https://user:pw@example.com:8443/p/a/t/h.json?q=1&r=a%20b#frag",
            "http://example.org",
            "/relative/path?x=1",
            "mailto:a@b.c",
            "http://[::1]:80/",
            "file:///etc/hosts",
            "a/b?",
            "http://h/a%2Fb",
            "http://h/a!b'c",
        ] {
            assert_eq!(round(text).as_deref(), Some(text));
        }
        assert_eq!(round("HTTP://h/a b").as_deref(), Some("http://h/a%20b"));
    }

    /// Scenario: URLs that Go refuses.
    /// Guarantees: they are refused.
    #[test]
    fn wrong_urls_are_refused() {
        for text in [
            ":x",
            "::bad::",
            "a:b:c/\u{7f}",
            "http://h:x/",
            "http://[::1/",
            "http://h/%zz",
            "http://[1.2.3.4]/",
            "http://a:1:2/",
            "1:2",
        ] {
            assert_eq!(round(text), None, "{text}");
        }
    }

    /// Scenario: hosts with and without a port and brackets.
    /// Guarantees: the name has no brackets and the port no colon.
    #[test]
    fn a_host_is_split_from_its_port() {
        assert_eq!(split_port(b"[::1]:80"), (&b"::1"[..], &b"80"[..]));
        assert_eq!(split_port(b"[::1]"), (&b"::1"[..], &b""[..]));
        assert_eq!(split_port(b"h:"), (&b"h"[..], &b""[..]));
    }
}
