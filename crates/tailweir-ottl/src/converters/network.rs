//! Addresses, and the id of a network flow.

use super::{
    Arguments, Body, Converter, Literals, Outcome, Refusal, by_position, converter, optional,
    required,
};
use crate::Value;
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const TABLE: &[Converter] = &[
    converter(
        "CommunityID",
        &[
            by_position(required("source_ip", Kind::String)),
            required("source_port", Kind::Int),
            by_position(required("destination_ip", Kind::String)),
            required("destination_port", Kind::Int),
            optional("protocol", Kind::String),
            optional("seed", Kind::Int),
        ],
        Body::Plain(community_id),
    ),
    converter(
        "IsInCIDR",
        &[
            required("target", Kind::String),
            required("networks", Kind::StringList),
        ],
        Body::Prepared(is_in_cidr),
    ),
];

/// An address; one of version 4 written as version 6 is of version 4.
fn address(text: &str) -> Option<IpAddr> {
    // Go takes no zone here, and neither does Rust.
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// A network: the bits of its addresses that are the same.
struct Network {
    bits: u128,
    mask: u128,
    version_4: bool,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = plain.then(|| length.parse::<u32>().ok())??;
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        if length > width {
            return None;
        }
        let mask = if length == 0 {
            0
        } else {
            u128::MAX << (width - length)
        };
        let mask = if address.is_ipv4() {
            mask & u128::from(u32::MAX)
        } else {
            mask
        };
        Some(Self {
            bits: bits(address) & mask,
            mask,
            version_4: address.is_ipv4(),
        })
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.version_4 == address.is_ipv4() && bits(address) & self.mask == self.bits
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(Ipv4Addr::to_bits(address)),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

fn is_in_cidr(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let parse = |text: &str| {
        Network::parse(text).ok_or_else(|| format!("{text:?} is no network such as 10.0.0.0/8"))
    };
    let fixed: Option<Vec<Network>> = match literals.texts(1) {
        Some(texts) => {
            let parsed: Result<_, _> = texts.iter().map(|text| parse(text)).collect();
            Some(parsed.map_err(|reason| Refusal::new(1, reason))?)
        }
        None => None,
    };
    Ok(Box::new(move |mut arguments| {
        let Some(address) = address(&readable(&arguments.text(0))) else {
            return Ok(Value::Bool(false));
        };
        if let Some(networks) = &fixed {
            return Ok(Value::Bool(
                networks.iter().any(|network| network.contains(address)),
            ));
        }
        for network in arguments.items(1) {
            if let Value::String(text) = network
                && parse(&readable(&text))?.contains(address)
            {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }))
}

/// The Community ID of a flow, version 1: the same in both directions.
fn community_id(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let mut source = endpoint(&mut arguments, 0, "source")?;
    let mut destination = endpoint(&mut arguments, 2, "destination")?;
    let protocol: u8 = match arguments.optional_text(4).as_deref() {
        None | Some(b"TCP") => 6,
        Some(b"ICMP") => 1,
        Some(b"UDP") => 17,
        Some(b"RSVP") => 46,
        Some(b"ICMP6") => 58,
        Some(b"SCTP") => 132,
        Some(_) => return Err("the protocol is ICMP, TCP, UDP, RSVP, ICMP6 or SCTP".into()),
    };
    let seed = arguments.int(5);
    let seed = u16::try_from(seed).map_err(|_| format!("the seed is 0 to 65535, not {seed}"))?;
    let order = |end: &(Vec<u8>, u16)| (end.0.len(), end.0.clone(), end.1);
    if order(&source) > order(&destination) {
        std::mem::swap(&mut source, &mut destination);
    }
    let mut tuple = seed.to_be_bytes().to_vec();
    tuple.extend_from_slice(&source.0);
    tuple.extend_from_slice(&destination.0);
    tuple.extend_from_slice(&[protocol, 0]);
    tuple.extend_from_slice(&source.1.to_be_bytes());
    tuple.extend_from_slice(&destination.1.to_be_bytes());
    Ok(Value::text(format!(
        "1:{}",
        STANDARD.encode(Sha1::digest(&tuple))
    )))
}

fn endpoint(
    arguments: &mut Arguments<'_>,
    at: usize,
    name: &str,
) -> Result<(Vec<u8>, u16), String> {
    let (text, port) = (arguments.text(at), arguments.int(at + 1));
    let port =
        u16::try_from(port).map_err(|_| format!("the {name} port is 0 to 65535, not {port}"))?;
    let text = readable(&text);
    let octets = match address(&text) {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().to_vec(),
        None => return Err(format!("{text:?} is no address of a {name}")),
    };
    Ok((octets, port))
}
