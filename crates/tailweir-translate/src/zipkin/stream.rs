//! A list in JSON whose elements are handed on while it is read.

use crate::TranslateError;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Hands each element of a list to `take`. What is `null` is passed over, in place of the list too.
pub(super) fn each<T: DeserializeOwned>(
    text: &[u8],
    take: impl FnMut(T) -> Result<(), TranslateError>,
) -> Result<(), TranslateError> {
    let mut failed = None;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let elements = Elements {
        take,
        failed: &mut failed,
        element: PhantomData,
    };
    let read = reader.deserialize_any(elements).and_then(|()| reader.end());
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, read) => read.map_err(|error| TranslateError::Json(error.to_string())),
    }
}

struct Elements<'f, T, F> {
    take: F,
    failed: &'f mut Option<TranslateError>,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F> Visitor<'de> for Elements<'_, T, F>
where
    F: FnMut(T) -> Result<(), TranslateError>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Option<T>>()? {
            if let Some(Err(error)) = element.map(&mut self.take) {
                let text = error.to_string();
                *self.failed = Some(error);
                return Err(A::Error::custom(text));
            }
        }
        Ok(())
    }
}
