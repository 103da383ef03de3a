//! The last table on the disk: for a process that starts while no controller answers. It says where to send spans, and
//! gives nobody a right to anything.

use crate::codec;
use crate::disk::Disk;
use crate::frame::{self, Found};
use crate::state::{
    PolicyRevision, decode_table, encode_table, policies_from_wire, policies_to_wire,
};
use prost::Message;
use std::io;
use tailweir_placement::RoutingTable;
use tailweir_proto::control::Published;

/// Name of the file in the data directory.
const FILE: &str = "table";

/// What was kept. What cannot be read counts as nothing: a controller will say it again.
pub(super) fn read(disk: &dyn Disk) -> Option<(RoutingTable, Option<PolicyRevision>)> {
    let bytes = match disk.read(FILE) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(%error, "the table that was kept cannot be read");
            return None;
        }
    };
    let found = parse(&bytes);
    if found.is_none() {
        tracing::warn!("the table that was kept is damaged, and not used");
    }
    found
}

fn parse(bytes: &[u8]) -> Option<(RoutingTable, Option<PolicyRevision>)> {
    let Found::Record { record, .. } = frame::read(bytes, 0) else {
        return None;
    };
    let message: Vec<u8> = codec::decode(record).ok()?;
    let published = Published::decode(&message[..]).ok()?;
    let table = decode_table(&published.table?).ok()?;
    Some((table, published.policies.map(policies_from_wire)))
}

/// Keeps these.
///
/// # Errors
/// When the file system refuses.
pub(super) fn write(
    disk: &dyn Disk,
    table: &RoutingTable,
    policies: Option<&PolicyRevision>,
) -> io::Result<()> {
    let published = Published {
        table: Some(encode_table(table)),
        policies: policies.map(policies_to_wire),
    };
    let mut bytes = Vec::new();
    frame::write(&published.encode_to_vec(), &mut bytes).map_err(io::Error::other)?;
    disk.replace(FILE, &bytes)
}
