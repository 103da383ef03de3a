//! The queue's side of a spool: parcels become entries, and entries parcels again.

mod label;

use crate::queue::Refusal;
use crate::{Amount, BuildError, LossReason, Parcel, Receipt};
use bytes::Bytes;
use label::Label;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_spool::{AppendError, Entry, ReadError, Spool};

/// A spool, and what earlier processes, or earlier exporters of this one, left in it.
pub struct Store {
    spool: Arc<Spool>,
    found: Vec<(Label, Entry)>,
}

impl Store {
    /// Claims what nobody has.
    ///
    /// # Errors
    ///
    /// When that cannot be read, or another version wrote it.
    pub fn open(spool: &Arc<Spool>) -> Result<Self, BuildError> {
        let wrong = |message: String| BuildError::new("sending_queue.storage", message);
        let claimed = spool.claim().map_err(|error| wrong(error.to_string()))?;
        let found = claimed.into_iter().map(|claimed| {
            let label = Label::read(&claimed.label).ok_or_else(|| {
                wrong(format!(
                    "{} holds a request that this version does not read: run the version that wrote it until the \
                     queue is empty, or move the files away",
                    spool.place().display()
                ))
            })?;
            Ok((label, claimed.entry))
        });
        Ok(Self {
            found: found.collect::<Result<_, BuildError>>()?,
            spool: Arc::clone(spool),
        })
    }

    /// The spool, and the parcels that were found in it, from the oldest on.
    pub(crate) fn unpack(
        self,
        signal: Signal,
        mut receipt: impl FnMut(Amount) -> Receipt,
    ) -> (Arc<Spool>, Vec<Parcel>) {
        let parcels = self.found.into_iter().map(|(label, entry)| {
            let client = label.client.map(Arc::new);
            let client_bytes = client.as_ref().map_or(0, |client| client.bytes()) as u64;
            Parcel {
                signal,
                body: Bytes::new(),
                items: label.items,
                bytes: entry.body_length() + client_bytes,
                client,
                receipt: receipt(label.amount),
                stored: Some(entry),
            }
        });
        (self.spool, parcels.collect())
    }
}

impl Parcel {
    /// Puts the body on disk. Blocks until it is there.
    pub(crate) fn store(mut self, spool: &Arc<Spool>) -> Result<Self, Box<Refusal>> {
        let label = Label {
            items: self.items,
            amount: self.receipt.amount(),
            client: self.client.as_deref().cloned(),
        };
        match spool.append(&label.bytes(), &self.body) {
            Ok(entry) => {
                self.stored = Some(entry);
                self.body = Bytes::new();
                self.receipt.spooled();
                Ok(self)
            }
            Err(error) => Err(Refusal::new(
                self,
                match error {
                    AppendError::Full => LossReason::QueueFull,
                    AppendError::TooLarge => LossReason::LargerThanQueue,
                    AppendError::Failed(_) => LossReason::SpoolFailed,
                },
            )),
        }
    }

    /// Gets the body from the disk. Blocks until it is here.
    pub(crate) fn load(&mut self) -> Result<(), ReadError> {
        if let Some(entry) = &self.stored {
            self.body = entry.read()?.into();
        }
        Ok(())
    }

    /// Forgets the body where it is on disk.
    pub(crate) fn unload(&mut self) {
        if self.stored.is_some() {
            self.body = Bytes::new();
        }
    }
}
