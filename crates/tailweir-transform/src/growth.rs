//! By how much a request may become longer.

use crate::error::TransformError;
use crate::transform::Outcome;
use bytes::Bytes;
use tailweir_otlp::{AttributeList, Change, KeyLengths, rewrite_resources};

/// By how many bytes a transform may make a request longer: 64 MiB. A request of many tiny items, each
/// given a long value that its client chose, is refused.
pub const GROWTH_MAX: usize = 64 << 20;

/// How much longer a request may still become.
#[derive(Debug)]
pub(crate) struct Growth {
    limit: usize,
    left: usize,
    is_exceeded: bool,
}

impl Default for Growth {
    fn default() -> Self {
        Self::within(GROWTH_MAX)
    }
}

impl Growth {
    /// At most so many bytes.
    pub(crate) fn within(limit: usize) -> Self {
        Self {
            limit,
            left: limit,
            is_exceeded: false,
        }
    }

    /// Lets `edit` change a list, unless the limit was exceeded before.
    pub(crate) fn watch(
        &mut self,
        list: &mut AttributeList<'_>,
        edit: impl FnOnce(&mut AttributeList<'_>),
    ) {
        if self.is_exceeded {
            return;
        }
        let before = list.length();
        edit(list);
        self.spend(before, list.length());
    }

    /// Replaces a message of this length by `content`, unless the limit was exceeded before.
    pub(crate) fn replace(&mut self, before: usize, content: Vec<u8>) -> Change {
        self.spend(before, content.len());
        if self.is_exceeded {
            Change::Keep
        } else {
            Change::Replace(content)
        }
    }

    /// Whether nothing more may be changed.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Something of the first length becomes one of the second.
    pub(crate) fn spend(&mut self, before: usize, after: usize) {
        match self.left.checked_sub(after.saturating_sub(before)) {
            Some(left) => self.left = left,
            None => self.is_exceeded = true,
        }
    }

    /// Whether a request of this length stayed within the limit.
    ///
    /// # Errors
    /// [`TransformError::Growth`].
    pub(crate) fn finish(&self, length: usize) -> Result<(), TransformError> {
        if self.is_exceeded {
            return Err(TransformError::Growth {
                length,
                limit: self.limit,
            });
        }
        Ok(())
    }
}

/// Lets `edit` change the attributes of each resource of a request.
///
/// # Errors
/// [`TransformError::Growth`]: it would become longer by more than [`GROWTH_MAX`].
pub fn edit_resources(
    body: Bytes,
    mut edit: impl FnMut(&mut AttributeList<'_>),
) -> Result<Outcome, TransformError> {
    let mut growth = Growth::default();
    let edited = rewrite_resources(&body, KeyLengths::ALL, |list| growth.watch(list, &mut edit));
    growth.finish(body.len())?;
    Ok(Outcome::of(edited.map_or(body, Bytes::from)))
}
