//! Queues on disk: the folders of `file_storage` extensions, each opened once in a process.
//!
//! A folder stays open, and locked, until the process ends: an exporter that a reload takes away and another brings back
//! finds what is its own, and no other process takes it meanwhile.

use crate::error::StartError;
use crate::ledger::{Charge, Ledger};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tailweir_config::{ComponentId, Exporter, Extension, FileStorage, SendingQueue, Settings};
use tailweir_core::Signal;
use tailweir_export::{Amount, BuildError, Receipt, Store};
use tailweir_spool::{Folder, Settings as SpoolSettings, Spool};
use xxhash_rust::xxh3::xxh3_64;

/// Longest name of a folder that says all of the exporter's id; file systems take 255 bytes.
const NAME_BYTES_MAX: usize = 200;
/// Permissions of a directory whose own cannot be read.
const PERMISSIONS: u32 = 0o750;

/// The folders that are open.
#[derive(Default)]
pub(crate) struct Spools {
    open: Mutex<BTreeMap<PathBuf, Open>>,
}

struct Open {
    spool: Arc<Spool>,
    /// What was found in it has been taken into the books.
    is_booked: bool,
}

/// The queue of an exporter for one signal, which nobody fills yet.
pub(crate) struct OpenQueue {
    /// What the exporter is built on.
    pub(crate) store: Store,
    folder: PathBuf,
}

impl Spools {
    /// Opens the queue of an exporter, and claims what nobody has of it.
    ///
    /// # Errors
    ///
    /// When its folder cannot be used.
    pub(crate) fn open(
        &self,
        storage: &FileStorage,
        exporter: &ComponentId,
        signal: Signal,
    ) -> Result<OpenQueue, BuildError> {
        let folder = Path::new(&storage.directory).join(name(exporter, signal));
        let settings = settings(storage);
        let mut open = self.open.lock();
        let spool = match open.get(&folder) {
            Some(known) => {
                known.spool.set(settings);
                Arc::clone(&known.spool)
            }
            None => {
                let files = Folder::lock(&folder);
                let spool = files.and_then(|files| Spool::open(files, settings));
                let spool = spool.map_err(|error| wrong(error.to_string()))?;
                let known = Open {
                    spool: Arc::clone(&spool),
                    is_booked: false,
                };
                open.insert(folder.clone(), known);
                spool
            }
        };
        let store = Store::open(&spool)?;
        Ok(OpenQueue { store, folder })
    }

    /// Makes the receipts of what was found in a queue, which enters the books the first time.
    pub(crate) fn receipts(
        &self,
        queue: &OpenQueue,
        ledger: &Arc<Ledger>,
        signal: Signal,
    ) -> impl FnMut(Amount) -> Receipt + use<> {
        let mut open = self.open.lock();
        let is_booked = open
            .get_mut(&queue.folder)
            .is_some_and(|known| std::mem::replace(&mut known.is_booked, true));
        let ledger = Arc::clone(ledger);
        move |amount| {
            let charge = match is_booked {
                true => Charge::spooled(&ledger, signal, amount),
                false => Charge::found(&ledger, signal, amount),
            };
            charge.into_receipt().0
        }
    }
}

/// Makes the directories of the storages that run, where that is asked for.
///
/// # Errors
///
/// The first that cannot be used.
pub(crate) fn prepare(settings: &Settings) -> Result<(), StartError> {
    for (id, storage) in storages(settings) {
        if !settings.service_extensions.contains(id) {
            continue;
        }
        let failed = |message| StartError::Storage {
            extension: id.clone(),
            message,
        };
        if storage.create_directory {
            let mode = u32::from_str_radix(&storage.directory_permissions, 8);
            let made = DirBuilder::new()
                .recursive(true)
                .mode(mode.unwrap_or(PERMISSIONS))
                .create(&storage.directory);
            made.map_err(|error| failed(format!("directory: {}: {error}", storage.directory)))?;
        }
        if let Some(message) = missing(storage) {
            return Err(failed(format!("directory: {message}")));
        }
    }
    Ok(())
}

/// The storages, used or not.
pub(crate) fn storages(settings: &Settings) -> impl Iterator<Item = (&ComponentId, &FileStorage)> {
    let extensions = settings.extensions.iter();
    extensions.filter_map(|(id, extension)| match extension {
        Extension::FileStorage(storage) => Some((id, storage.as_ref())),
        _ => None,
    })
}

/// The extension that keeps the queues of an exporter; nothing where they are in memory.
///
/// # Errors
///
/// When it does not run.
pub(crate) fn storage_of(
    id: &ComponentId,
    exporter: &Exporter,
    settings: &Settings,
) -> Result<Option<Box<FileStorage>>, StartError> {
    let Some(named) = exporter.sending_queue().and_then(SendingQueue::kept_by) else {
        return Ok(None);
    };
    let runs = settings.service_extensions.contains(named);
    match settings.extensions.get(named).filter(|_| runs) {
        Some(Extension::FileStorage(storage)) => Ok(Some(storage.clone())),
        _ => Err(StartError::NoStorage {
            exporter: id.clone(),
            storage: named.clone(),
        }),
    }
}

/// What is wrong with the directory of a storage; nothing where it is there, or will be made.
pub(crate) fn missing(storage: &FileStorage) -> Option<String> {
    let directory = &storage.directory;
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some(format!("{directory} is no directory: name another")),
        Err(_) if storage.create_directory => None,
        Err(error) => Some(format!(
            "{directory} must be there ({error}): make it, or set `create_directory: true`"
        )),
    }
}

fn wrong(message: String) -> BuildError {
    BuildError {
        option: "sending_queue.storage".to_owned(),
        message,
        is_unreadable: false,
    }
}

fn settings(storage: &FileStorage) -> SpoolSettings {
    let usual = SpoolSettings::default();
    SpoolSettings {
        bytes_max: match u64::try_from(storage.max_size) {
            Ok(0) | Err(_) => usual.bytes_max,
            Ok(bytes) => bytes,
        },
        syncs: storage.fsync,
    }
}

/// The name of the folder of a queue: different for each exporter and signal, and fit for every file system.
fn name(exporter: &ComponentId, signal: Signal) -> String {
    let id = exporter.to_string();
    let mut name = "exporter_".to_owned();
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.len() > NAME_BYTES_MAX {
        name.truncate(NAME_BYTES_MAX);
        name.push_str(&format!("%{:016x}", xxh3_64(id.as_bytes())));
    }
    format!("{name}_{}", signal.name())
}

#[cfg(test)]
mod tests {
    use super::name;
    use std::collections::BTreeSet;
    use tailweir_config::ComponentId;
    use tailweir_core::Signal;

    /// Scenario: exporters whose ids differ by what no file name may hold, by their signal, and only at the end of a long
    /// name.
    /// Guarantees: each has a folder of its own, with a name that every file system takes.
    #[test]
    fn each_queue_has_a_folder_of_its_own() {
        let long = format!("otlp_grpc/{}", "x".repeat(1000));
        let ids = [
            "otlp_grpc".to_owned(),
            "otlp_grpc/a".to_owned(),
            "otlp_grpc/A".to_owned(),
            "otlp_grpc/..".to_owned(),
            "otlp_grpc/é".to_owned(),
            "otlp_grpc/%c3%a9".to_owned(),
            format!("{long}1"),
            format!("{long}2"),
        ];
        let names: BTreeSet<String> = ids
            .iter()
            .flat_map(|id| {
                let id = ComponentId::parse(id).unwrap();
                Signal::ALL.map(|signal| name(&id, signal))
            })
            .collect();
        assert_eq!(names.len(), ids.len() * Signal::ALL.len());
        for name in names {
            assert!(name.len() < 250 && !name.contains(['/', '.']), "{name}");
        }
    }
}
