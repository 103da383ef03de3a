//! The interfaces of the host.

use super::{DetectionError, Found, Machine, text};
use std::io;
use tailweir_config::SystemDetector;
use tailweir_otlp::EncodedValue;

/// Bits of the flags of an interface.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;

struct Interface {
    /// Orders them as the system does.
    index: u64,
    name: String,
    /// Up, and not the loopback.
    is_outward: bool,
    address: String,
}

/// Their names and addresses, as far as wanted.
pub(super) fn detect(
    settings: &SystemDetector,
    machine: &Machine,
    found: &mut Found,
) -> Result<(), DetectionError> {
    if settings.wants("host.ip") {
        let addresses = if_addrs::get_if_addrs().map_err(DetectionError::Interfaces)?;
        let outward = addresses
            .iter()
            .filter(|it| it.is_oper_up() && !it.is_loopback());
        let addresses = outward.map(|it| it.ip().to_string());
        found.push(("host.ip".to_owned(), texts(addresses)));
    }
    if !settings.wants("host.mac") && !settings.wants("host.interface") {
        return Ok(());
    }
    let interfaces = list(machine).map_err(DetectionError::Interfaces)?;
    if settings.wants("host.mac") {
        let outward = interfaces.iter().filter(|it| it.is_outward);
        let addresses = outward.map(|it| it.address.to_uppercase().replace(':', "-"));
        found.push(("host.mac".to_owned(), texts(addresses)));
    }
    if settings.wants("host.interface") {
        let names = interfaces.iter().map(|it| it.name.clone());
        found.push(("host.interface".to_owned(), texts(names)));
    }
    Ok(())
}

fn texts(values: impl Iterator<Item = String>) -> EncodedValue {
    let values: Vec<_> = values.map(|value| text(&value)).collect();
    EncodedValue::array(&values)
}

fn list(machine: &Machine) -> io::Result<Vec<Interface>> {
    let mut interfaces = Vec::new();
    for entry in std::fs::read_dir(machine.root.join("sys/class/net"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let read = |file: &str| machine.read(&format!("sys/class/net/{name}/{file}"));
        let Some(index) = read("ifindex").and_then(|index| index.parse().ok()) else {
            continue;
        };
        let flags = read("flags").unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        interfaces.push(Interface {
            index,
            is_outward: flags & UP != 0 && flags & LOOPBACK == 0,
            address: read("address").unwrap_or_default(),
            name,
        });
    }
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}
