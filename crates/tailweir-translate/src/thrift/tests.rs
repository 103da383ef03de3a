//! Both protocols, sound and hostile.

use super::{Protocol, ThriftReader, Type};

/// Scenario: a struct with a known field between a map, a list and a struct that nobody knows, in both protocols.
/// Guarantees: what is not known is passed over, however it is nested.
#[test]
fn unknown_fields_are_passed_over() {
    let binary = [
        &b"\x0d\0\x05\x0b\x0a\0\0\0\x01\0\0\0\x01k\0\0\0\0\0\0\0\x01"[..],
        b"\x08\0\x01\0\0\0\x2a",
        b"\x0f\0\x06\x06\0\0\0\x02\0\x01\0\x02",
        b"\x0c\0\x07\x02\0\x01\x01\0",
        b"\0",
    ];
    let compact = [
        &b"\x5b\x01\x86\x01k\x02"[..],
        b"\x05\x02\x54",
        b"\x59\x24\x02\x04",
        b"\x1c\x11\0",
        b"\0",
    ];
    for (protocol, content) in [
        (Protocol::Binary, binary.concat()),
        (Protocol::Compact, compact.concat()),
    ] {
        let mut seen = Vec::new();
        let mut reader = ThriftReader::new(protocol, &content);
        let read = reader.fields(|reader, kind, number| {
            let is_known = (kind, number) == (Type::I32, 1);
            if is_known {
                seen.push(reader.i32()?);
            }
            Ok(is_known)
        });
        assert_eq!((read, seen), (Ok(()), vec![42]), "{protocol:?}");
    }
}

/// Scenario: booleans as fields and in lists of the compact protocol, which writes the former into the head.
/// Guarantees: each is read as what it is.
#[test]
fn booleans_of_the_compact_protocol_are_read() {
    let content = b"\x11\x12\x19\x21\x01\x02\0";
    let mut seen = Vec::new();
    let read = ThriftReader::new(Protocol::Compact, content).fields(|reader, kind, _| {
        if kind == Type::List {
            let (_, count) = reader.list()?;
            for _ in 0..count {
                seen.push(reader.bool()?);
            }
        } else {
            seen.push(reader.bool()?);
        }
        Ok(true)
    });
    assert_eq!((read, seen), (Ok(()), vec![true, false, true, false]));
}

/// Scenario: calls, with and without the version in front, and bytes that are none.
/// Guarantees: the name is read; what is no call is an error.
#[test]
fn calls_are_read() {
    for (protocol, content) in [
        (Protocol::Binary, &b"\x80\x01\0\x04\0\0\0\x01f\0\0\0\0"[..]),
        (Protocol::Binary, b"\0\0\0\x01f\x04\0\0\0\0"),
        (Protocol::Compact, b"\x82\x81\0\x01f"),
    ] {
        let mut reader = ThriftReader::new(protocol, content);
        assert_eq!(reader.call(), Ok(&b"f"[..]), "{content:?}");
        assert!(reader.rest.is_empty(), "{content:?}");
    }
    for (protocol, content) in [
        (Protocol::Binary, &b"\x80\x02\0\x04\0\0\0\x01f\0\0\0\0"[..]),
        (Protocol::Compact, b"\x80\x81\0\x01f"),
        (Protocol::Compact, b"\x82\x82\0\x01f"),
    ] {
        assert!(ThriftReader::new(protocol, content).call().is_err());
    }
}

/// Scenario: lengths beyond what is there, negative ones, types that are none, and structs in structs without
/// end.
/// Guarantees: each is an error, at once.
#[test]
fn hostile_bytes_are_errors() {
    use Protocol::{Binary, Compact};
    let endless = b"\x0c\0\x01".repeat(1000);
    let endless_compact = b"\x1c".repeat(1000);
    for (protocol, content) in [
        (Binary, &b"\x0f\0\x01\x0c\x7f\xff\xff\xff"[..]),
        (Binary, b"\x0b\0\x01\xff\xff\xff\xff"),
        (Binary, b"\x0f\0\x01\x0c\xff\xff\xff\xff"),
        (Binary, b"\x0d\0\x01\x0b\x0b\x7f\xff\xff\xff"),
        (Binary, b"\x63\0\x01"),
        (Binary, &endless),
        (Compact, b"\x19\xfc\xff\xff\xff\xff\x0f"),
        (Compact, b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        (Compact, b"\x1b\xff\xff\xff\xff\x0f\x88"),
        (Compact, b"\x1f\0"),
        (Compact, &endless_compact),
    ] {
        let read = ThriftReader::new(protocol, content).fields(|_, _, _| Ok(false));
        assert!(read.is_err(), "{content:?}");
    }
}
