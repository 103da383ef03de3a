//! Answers of the API.

use crate::feed::Kind;
use crate::object::{Body, Object};
use serde::Deserialize;
use std::collections::VecDeque;

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is no JSON, or not of the shape that it should have.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// It is too long.
    #[error("an answer is longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// What was known is too old: the list has to be read again.
    #[error("the version is gone")]
    Gone,
    /// The API says that something is wrong.
    #[error("the API says {code}: {message}")]
    Refused {
        /// The status, as HTTP has it.
        code: u16,
        /// What it says, at most 200 characters.
        message: String,
    },
}

impl AnswerError {
    /// A status that is no success, with what came with it.
    #[must_use]
    pub fn of_status(code: u16, body: &[u8]) -> Self {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        Status { code, ..status }.into()
    }

    fn unreadable(error: &serde_json::Error) -> Self {
        // Only what and where: the text of the error may quote the answer.
        let what = match error.classify() {
            serde_json::error::Category::Data => "not what was asked for",
            serde_json::error::Category::Eof => "it ends too early",
            _ => "no JSON",
        };
        Self::Unreadable(format!("{what}, at byte {} of a line", error.column()))
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// What is there.
    pub objects: Vec<Object>,
    /// The version of the list, from which it can be watched.
    pub version: String,
    /// What to say for the next page, if there is one.
    pub next: Option<String>,
}

/// A change.
#[derive(Debug, Clone)]
pub enum Event {
    /// It is new or different. With the version from which to go on.
    Set(Object, String),
    /// It is gone.
    Gone(Object, String),
    /// Nothing changed until this version.
    Nothing(String),
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    items: Option<Vec<Body>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
    r#continue: String,
}

#[derive(Deserialize)]
struct Change {
    r#type: String,
}

#[derive(Deserialize)]
struct Changed<T> {
    object: T,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
}

impl From<Status> for AnswerError {
    fn from(status: Status) -> Self {
        if status.code == 410 {
            return Self::Gone;
        }
        Self::Refused {
            code: status.code,
            message: status.message.chars().take(200).collect(),
        }
    }
}

/// Reads a page of a list.
///
/// # Errors
/// [`AnswerError::Unreadable`].
pub fn read_page(kind: Kind, answer: &[u8]) -> Result<Page, AnswerError> {
    let list: List =
        serde_json::from_slice(answer).map_err(|error| AnswerError::unreadable(&error))?;
    let items = list.items.unwrap_or_default();
    Ok(Page {
        objects: items
            .into_iter()
            .map(|body| Object::new(kind, body))
            .collect(),
        version: list.metadata.resource_version,
        next: Some(list.metadata.r#continue).filter(|next| !next.is_empty()),
    })
}

/// What tells an object apart from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is called.
    pub name: String,
    /// The UID that no other has had.
    pub uid: String,
}

/// Reads one object.
///
/// # Errors
/// [`AnswerError::Unreadable`], also when it has no name or no UID.
pub fn read_one(answer: &[u8]) -> Result<Named, AnswerError> {
    let body: Body =
        serde_json::from_slice(answer).map_err(|error| AnswerError::unreadable(&error))?;
    let (name, uid) = (body.metadata.name, body.metadata.uid);
    if name.is_empty() || uid.is_empty() {
        let what = "an object without a name or a UID";
        return Err(AnswerError::Unreadable(what.to_owned()));
    }
    Ok(Named { name, uid })
}

/// Reads a line of a watch.
///
/// # Errors
/// [`AnswerError::Unreadable`], and what the API says is wrong.
pub fn read_event(kind: Kind, line: &[u8]) -> Result<Event, AnswerError> {
    let unreadable = |error: serde_json::Error| AnswerError::unreadable(&error);
    let change: Change = serde_json::from_slice(line).map_err(unreadable)?;
    if change.r#type == "ERROR" {
        let status: Changed<Status> = serde_json::from_slice(line).map_err(unreadable)?;
        return Err(status.object.into());
    }
    let changed: Changed<Body> = serde_json::from_slice(line).map_err(unreadable)?;
    let mut body = changed.object;
    let version = std::mem::take(&mut body.metadata.resource_version);
    let object = Object::new(kind, body);
    match change.r#type.as_str() {
        "ADDED" | "MODIFIED" => Ok(Event::Set(object, version)),
        "DELETED" => Ok(Event::Gone(object, version)),
        "BOOKMARK" => Ok(Event::Nothing(version)),
        _ => Err(AnswerError::Unreadable(
            "an event of no known type".to_owned(),
        )),
    }
}

/// Cuts what arrives into lines.
#[derive(Debug)]
pub struct Lines {
    limit: usize,
    /// What of a line has arrived.
    open: Vec<u8>,
    whole: VecDeque<Vec<u8>>,
}

impl Lines {
    /// Lines of at most so many bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Vec::new(),
            whole: VecDeque::new(),
        }
    }

    /// Takes what has arrived.
    ///
    /// # Errors
    /// [`AnswerError::TooLong`]: a line is too long, nothing after it can be read.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), AnswerError> {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            if self.open.len() + piece.len() > self.limit {
                return Err(AnswerError::TooLong { limit: self.limit });
            }
            self.open.extend_from_slice(piece);
            if pieces.peek().is_some() {
                self.whole.push_back(std::mem::take(&mut self.open));
            }
        }
        Ok(())
    }

    /// The next line that is whole. Empty ones are left out.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        loop {
            let line = self.whole.pop_front()?;
            if !line.is_empty() {
                return Some(line);
            }
        }
    }
}
