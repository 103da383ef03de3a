//! What of a parcel must survive beside its body: what it counts for, and who sent it as far as the destination asks.

use crate::Amount;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tailweir_core::{AuthAttribute, ClientContext};

/// The first byte of a label. Another layout has another.
const VERSION: u8 = 1;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) items: u64,
    pub(super) amount: Amount,
    pub(super) client: Option<ClientContext>,
}

impl Label {
    /// `version, items, items and bytes of the receipt, client?`; numbers in little-endian, texts and lists with their
    /// length in front.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for number in [self.items, self.amount.items, self.amount.bytes] {
            out.extend(number.to_le_bytes());
        }
        if let Some(client) = &self.client {
            put_client(client, &mut out);
        }
        out
    }

    /// Nothing when these are not the bytes of a label.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        if input.byte()? != VERSION {
            return None;
        }
        let (items, amount) = (
            input.long()?,
            Amount {
                items: input.long()?,
                bytes: input.long()?,
            },
        );
        let client = match input.0 {
            [] => None,
            _ => Some(input.client()?),
        };
        let label = Self {
            items,
            amount,
            client,
        };
        input.0.is_empty().then_some(label)
    }
}

fn put_client(client: &ClientContext, out: &mut Vec<u8>) {
    match client.address {
        None => out.push(0),
        Some(IpAddr::V4(address)) => {
            out.push(4);
            out.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            out.push(6);
            out.extend(address.octets());
        }
    }
    put_length(client.metadata.len(), out);
    for (name, values) in &client.metadata {
        put_text(name, out);
        put_texts(values, out);
    }
    put_length(client.auth.len(), out);
    for (name, attribute) in &client.auth {
        put_text(name, out);
        match attribute {
            AuthAttribute::Text(text) => {
                out.push(0);
                put_text(text, out);
            }
            AuthAttribute::Texts(texts) => {
                out.push(1);
                put_texts(texts, out);
            }
        }
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend((length as u32).to_le_bytes());
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend(text.as_bytes());
}

fn put_texts(texts: &[String], out: &mut Vec<u8>) {
    put_length(texts.len(), out);
    for text in texts {
        put_text(text, out);
    }
}

/// What is left to read. Lists grow as their elements are found, so that no length reserves memory.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        self.take().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(element(self)?);
        }
        Some(list)
    }

    fn client(&mut self) -> Option<ClientContext> {
        let address = match self.byte()? {
            0 => None,
            4 => Some(IpAddr::V4(Ipv4Addr::from(self.take::<4>()?))),
            6 => Some(IpAddr::V6(Ipv6Addr::from(self.take::<16>()?))),
            _ => return None,
        };
        let metadata = self.list(|input| Some((input.text()?, input.list(Self::text)?)))?;
        let auth = self.list(|input| {
            let name = input.text()?;
            let attribute = match input.byte()? {
                0 => AuthAttribute::Text(input.text()?),
                1 => AuthAttribute::Texts(input.list(Self::text)?),
                _ => return None,
            };
            Some((name, attribute))
        })?;
        Some(ClientContext {
            address,
            metadata,
            auth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Label;
    use crate::Amount;
    use proptest::prelude::*;
    use tailweir_core::{AuthAttribute, ClientContext};

    fn label() -> Label {
        let texts = |values: &[&str]| values.iter().map(|&text| text.to_owned()).collect();
        Label {
            items: 3,
            amount: Amount {
                items: 4,
                bytes: 1 << 40,
            },
            client: Some(ClientContext {
                address: Some("2001:db8::1".parse().unwrap()),
                metadata: vec![("x-tenant".into(), texts(&["a", ""]))],
                auth: vec![
                    ("subject".into(), AuthAttribute::Text("svc".into())),
                    ("groups".into(), AuthAttribute::Texts(texts(&["g"]))),
                ],
            }),
        }
    }

    /// Scenario: labels with everything and with nothing of a client are written and read; and every beginning of one.
    /// Guarantees: what is read is what was written; a label that is cut off is none.
    #[test]
    fn a_note_is_read_as_it_was_written() {
        let anonymous = Label {
            client: None,
            ..label()
        };
        for label in [label(), anonymous.clone()] {
            assert_eq!(Label::read(&label.bytes()), Some(label));
        }
        let bytes = label().bytes();
        for cut in 0..bytes.len() {
            let is_whole = bytes[..cut] == anonymous.bytes();
            assert_eq!(Label::read(&bytes[..cut]).is_some(), is_whole, "{cut}");
        }
    }

    proptest! {
        /// Scenario: any bytes, and a label with any byte replaced.
        /// Guarantees: no panic, and what is read is written as the same bytes.
        #[test]
        fn any_bytes_are_read_without_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..100),
            at in any::<prop::sample::Index>(),
            is_note in any::<bool>(),
            byte in any::<u8>(),
        ) {
            if is_note {
                bytes = label().bytes();
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(label) = Label::read(&bytes) {
                prop_assert_eq!(label.bytes(), bytes);
            }
        }
    }
}
