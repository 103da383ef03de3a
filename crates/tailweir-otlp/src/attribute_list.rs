//! A list of attributes that is being edited.

use crate::changed_copy::ChangedCopy;
use crate::encoded_value::{EncodedAttribute, EncodedValue};
use crate::splice::Positions;
use crate::view::{AnyValue, KeyLengths, KeyValue, Messages};
use crate::wire::{Fields, Payload, put_bytes};
use std::ops::Range;

/// An entry of a list that is built anew.
#[derive(Debug, Clone, PartialEq)]
pub enum NewEntry<'k> {
    /// The one that was at this position, counted from 0. It can be kept once.
    Kept(usize),
    /// This key and value.
    Put(&'k [u8], EncodedValue),
}

/// Attributes on their way from one message to its edited form. What is not touched keeps its bytes and
/// its place; new attributes come last.
///
/// One list serves for many messages, one after the other, so that none of them costs an allocation.
#[derive(Debug)]
pub struct AttributeList<'a> {
    /// The old ones, in order, and behind them those that were added.
    entries: Vec<Entry<'a>>,
    /// Lengths of all keys that were ever in it: most keys that are looked for are not, and have another.
    key_lengths: KeyLengths,
    /// How many were there before.
    initial: usize,
    /// Where an attribute would stand if there are none.
    vacant: usize,
    /// Where the last of those that were there ends, if there was one.
    behind: Option<usize>,
    /// Whether what is left of the old attributes may stand in another order.
    is_rebuilt: bool,
    /// Where the attributes stood before they were rebuilt.
    places: Vec<Range<usize>>,
    /// Contents of new `KeyValue` messages.
    written: Vec<u8>,
    /// Where each of them is.
    new: Vec<New>,
    /// Sum of the lengths of the contents.
    length: usize,
}

/// An attribute of the list.
#[derive(Debug, Clone)]
struct Entry<'a> {
    /// Its name and its content, as they were.
    key: &'a [u8],
    content: &'a [u8],
    /// Where its field stood in the message.
    place: Range<usize>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Old,
    /// Its number among the new ones.
    New(usize),
    Gone,
}

/// Places of a new attribute in what was written.
#[derive(Debug, Clone)]
struct New {
    content: Range<usize>,
    key: Range<usize>,
}

impl<'a> AttributeList<'a> {
    /// A list that is filled for one message after the other, whose attributes are in field `number`.
    pub(crate) const fn empty() -> Self {
        Self {
            entries: Vec::new(),
            key_lengths: KeyLengths::NONE,
            initial: 0,
            vacant: 0,
            behind: None,
            is_rebuilt: false,
            places: Vec::new(),
            written: Vec::new(),
            new: Vec::new(),
            length: 0,
        }
    }

    /// The attributes in field `number` of a message.
    pub(crate) fn new(message: &'a [u8], number: u32) -> Self {
        let mut list = Self::empty();
        for content in Messages::new(message, number) {
            list.push_old(KeyValue::key_of(content), content, 0..0);
        }
        list
    }

    /// Becomes the list of the attributes in field `number` of a message whose keys have one of these
    /// lengths, and remembers where they stood. Others may be in it or not. Nothing is left of what it was.
    pub(crate) fn fill(&mut self, message: &'a [u8], number: u32, keys: KeyLengths) {
        self.entries.clear();
        self.key_lengths = KeyLengths::NONE;
        self.initial = 0;
        self.vacant = message.len();
        self.is_rebuilt = false;
        self.places.clear();
        self.written.clear();
        self.new.clear();
        self.length = 0;
        let mut fields = Positions::new(message);
        let mut behind = None;
        loop {
            // Attributes follow each other, and nearly all are plain.
            while let Some((entry, place)) = fields.take_plain_entry(number) {
                behind = Some(place.end);
                if keys.has(entry.key.len()) {
                    self.push_old(entry.key, entry.content, place);
                }
            }
            let Some((field, end)) = fields.next() else {
                self.behind = behind;
                return;
            };
            match field.content {
                Some(content) if field.number == number => {
                    behind = Some(end);
                    self.push_old(KeyValue::key_of(content), content, field.start..end);
                }
                _ if field.number > number && self.vacant == message.len() => {
                    self.vacant = field.start;
                }
                _ => {}
            }
        }
    }

    #[inline]
    fn push_old(&mut self, key: &'a [u8], content: &'a [u8], place: Range<usize>) {
        self.length += content.len();
        self.initial += 1;
        self.key_lengths.add(key.len());
        self.entries.push(Entry {
            key,
            content,
            place,
            state: State::Old,
        });
    }

    /// Whether anything differs from what was there: where nothing is new, as many old ones as there were
    /// are all of them.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        let is_new = |entry: &Entry<'_>| matches!(entry.state, State::New(_));
        let left = || self.living().filter(|entry| entry.is_old()).count();
        self.entries.iter().any(is_new) || left() != self.initial
    }

    /// Sum of the lengths of the attributes in the list, in bytes, without what stands around each of them.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Each attribute, in order.
    pub fn iter(&self) -> impl Iterator<Item = KeyValue<'_>> {
        self.contents().map(KeyValue::new)
    }

    /// The value of the first attribute with this name.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<AnyValue<'_>> {
        let position = self.find(key)?;
        Some(KeyValue::new(self.content(&self.entries[position])).value)
    }

    /// The same, as bytes that can be put elsewhere.
    #[must_use]
    pub fn get_encoded(&self, key: &[u8]) -> Option<EncodedValue> {
        let position = self.find(key)?;
        let content = self.content(&self.entries[position]);
        Some(EncodedValue::from_message(value_of(content)))
    }

    /// The number of the first attribute with this name, for [`Self::put_at`].
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        if !self.key_lengths.has(key.len()) {
            return None;
        }
        let is_old = |entry: &Entry<'_>| entry.key == key && entry.is_living();
        let is_it = |entry: &Entry<'_>| match entry.state {
            State::New(new) => self.written[self.new[new].key.clone()] == *key,
            State::Old | State::Gone => is_old(entry),
        };
        if self.is_rebuilt {
            return self.entries.iter().position(is_it);
        }
        // A new value of an old attribute has the old name.
        let (old, added) = self.entries.split_at(self.initial);
        let position = old.iter().position(is_old);
        position.or_else(|| Some(self.initial + added.iter().position(is_it)?))
    }

    /// Replaces the value of the first attribute with this name, or adds one.
    pub fn put(&mut self, key: &[u8], value: &EncodedValue) {
        self.put_message(self.find(key), key, value.message());
    }

    /// The same for a name that was looked for: `place` is what [`Self::find`] said of it, and no attribute
    /// has come or gone since.
    pub fn put_at(&mut self, place: Option<usize>, key: &[u8], value: &EncodedValue) {
        self.put_message(place, key, value.message());
    }

    /// The same for an attribute that was encoded before.
    pub fn put_encoded(&mut self, place: Option<usize>, attribute: &EncodedAttribute) {
        let start = self.written.len();
        self.written.extend_from_slice(attribute.content());
        let key = attribute.key_range();
        self.put_new(
            place,
            New {
                content: start..self.written.len(),
                key: start + key.start..start + key.end,
            },
        );
    }

    /// Puts the value of the first attribute of another name there. Answers whether there was one.
    pub fn copy_to(&mut self, place: Option<usize>, key: &[u8], from: &[u8]) -> bool {
        let Some(source) = self.find(from) else {
            return false;
        };
        let entry = &self.entries[source];
        let old = match entry.state {
            State::Old => KeyValue::plain_value_of(entry.content),
            State::New(_) | State::Gone => None,
        };
        match old {
            Some(value) => self.put_message(place, key, value),
            None => {
                let value = value_of(self.content(entry));
                self.put_message(place, key, &value);
            }
        }
        true
    }

    /// Takes these entries in the place of those that are there, in this order.
    pub fn rebuild<'k>(&mut self, entries: impl IntoIterator<Item = NewEntry<'k>>) {
        let old = std::mem::take(&mut self.entries);
        if !self.is_rebuilt {
            let places = old[..self.initial].iter();
            self.places.extend(places.map(|entry| entry.place.clone()));
            self.is_rebuilt = true;
        }
        let living = old.into_iter().filter(Entry::is_living);
        let mut living: Vec<_> = living.map(Some).collect();
        self.length = 0;
        for entry in entries {
            match entry {
                NewEntry::Kept(position) => {
                    if let Some(entry) = living.get_mut(position).and_then(Option::take) {
                        self.length += self.content(&entry).len();
                        self.entries.push(entry);
                    }
                }
                NewEntry::Put(key, value) => self.put_message(None, key, value.message()),
            }
        }
    }

    /// Removes the first attribute with this name. Answers whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let position = self.find(key);
        if let Some(position) = position {
            self.remove_at(position);
        }
        position.is_some()
    }

    /// Removes every attribute for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(KeyValue<'_>) -> bool) {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if entry.is_living() && !keep(KeyValue::new(self.content(entry))) {
                self.remove_at(position);
            }
        }
    }

    /// Gives each attribute for which `edit` answers a new value.
    pub fn update(&mut self, mut edit: impl FnMut(KeyValue<'_>) -> Option<EncodedValue>) {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if !entry.is_living() {
                continue;
            }
            let before = KeyValue::new(self.content(entry));
            if let Some(value) = edit(before) {
                let key = before.key.to_vec();
                self.put_message(Some(position), &key, value.message());
            }
        }
    }

    /// Writes the list as fields `number` of a message.
    pub(crate) fn write(&self, number: u32, out: &mut Vec<u8>) {
        for content in self.contents() {
            put_bytes(out, number, content);
        }
    }

    /// Writes what has changed in the message that the list was filled from, which begins at `start` of
    /// a request, and whose attributes are in field `number`.
    pub(crate) fn change(&self, number: u32, start: usize, copy: &mut ChangedCopy<'_>) {
        if self.is_rebuilt {
            if self.is_changed() {
                self.change_whole(number, start, copy);
            }
            return;
        }
        let (old, added) = self.entries.split_at(self.initial);
        for entry in old {
            let place = start + entry.place.start..start + entry.place.end;
            match entry.state {
                State::Old => {}
                State::New(new) => copy.put(place, |out| put_bytes(out, number, self.written(new))),
                State::Gone => copy.cut(place),
            }
        }
        let end = start + self.behind.unwrap_or(self.vacant);
        for entry in added {
            if let State::New(new) = entry.state {
                copy.put(end..end, |out| put_bytes(out, number, self.written(new)));
            }
        }
    }

    /// The whole list stands where the first attribute stood.
    fn change_whole(&self, number: u32, start: usize, copy: &mut ChangedCopy<'_>) {
        let places = self.places.iter();
        let mut places = places.map(|place| start + place.start..start + place.end);
        let vacant = start + self.vacant..start + self.vacant;
        copy.put(places.next().unwrap_or(vacant), |out| {
            self.write(number, out);
        });
        places.for_each(|place| copy.cut(place));
    }

    fn living(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| entry.is_living())
    }

    fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.living().map(|entry| self.content(entry))
    }

    fn content<'s>(&'s self, entry: &'s Entry<'a>) -> &'s [u8] {
        match entry.state {
            State::New(new) => self.written(new),
            State::Old | State::Gone => entry.content,
        }
    }

    fn written(&self, new: usize) -> &[u8] {
        &self.written[self.new[new].content.clone()]
    }

    fn put_message(&mut self, place: Option<usize>, key: &[u8], value: &[u8]) {
        let new = self.encode(key, value);
        self.put_new(place, new);
    }

    /// Puts what was written last in this place, unless it is there already, or behind all others.
    fn put_new(&mut self, place: Option<usize>, new: New) {
        let state = State::New(self.new.len());
        match place {
            Some(position) => {
                let before = self.content(&self.entries[position]);
                if *before == self.written[new.content.clone()] {
                    self.written.truncate(new.content.start);
                    return;
                }
                self.length = self.length - before.len() + new.content.len();
                self.entries[position].state = state;
            }
            None => {
                self.length += new.content.len();
                self.key_lengths.add(new.key.len());
                self.entries.push(Entry {
                    key: &[],
                    content: &[],
                    place: 0..0,
                    state,
                });
            }
        }
        self.new.push(new);
    }

    fn remove_at(&mut self, position: usize) {
        self.length -= self.content(&self.entries[position]).len();
        self.entries[position].state = State::Gone;
    }

    fn encode(&mut self, key: &[u8], value: &[u8]) -> New {
        let out = &mut self.written;
        // Room for both with their tags and lengths.
        out.reserve(key.len() + value.len() + 22);
        let start = out.len();
        put_bytes(out, 1, key);
        let key = out.len() - key.len()..out.len();
        put_bytes(out, 2, value);
        New {
            content: start..out.len(),
            key,
        }
    }
}

impl Entry<'_> {
    const fn is_old(&self) -> bool {
        matches!(self.state, State::Old)
    }

    const fn is_living(&self) -> bool {
        !matches!(self.state, State::Gone)
    }
}

/// The value in the content of a `KeyValue` message, which may be spread over several.
fn value_of(content: &[u8]) -> Vec<u8> {
    let parts = Fields::new(content).filter_map(|field| match field.payload {
        Payload::Bytes(content) if field.number == 2 => Some(content),
        _ => None,
    });
    parts.flatten().copied().collect()
}

#[cfg(test)]
mod tests;
