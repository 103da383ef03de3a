//! A disk that hangs when a test wants it to: what is to be safe on it waits until it goes on.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tailweir_control::{Claim, Disk, Tail, Work};

/// It hangs no longer than this, so that a test that waits for it ends.
const LONGEST: Duration = Duration::from_secs(40);

/// Another disk that can be made to hang. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct HangingDisk {
    below: Arc<dyn Disk>,
    switch: Arc<Switch>,
}

impl HangingDisk {
    pub(crate) fn over(below: Arc<dyn Disk>) -> Self {
        let switch = Arc::default();
        Self { below, switch }
    }

    /// It hangs from now on, until what is returned is dropped.
    pub(crate) fn hang(&self) -> Hanging {
        self.switch.set(true);
        Hanging(Arc::clone(&self.switch))
    }
}

/// A disk hangs as long as this is there.
pub(crate) struct Hanging(Arc<Switch>);

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[derive(Debug, Default)]
struct Switch {
    hangs: Mutex<bool>,
    changed: Condvar,
}

impl Switch {
    fn set(&self, hangs: bool) {
        *self.hangs.lock().unwrap() = hangs;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let hangs = self.hangs.lock().unwrap();
        let wait = self
            .changed
            .wait_timeout_while(hangs, LONGEST, |hangs| *hangs);
        drop(wait.unwrap());
    }
}

impl Disk for HangingDisk {
    fn place(&self) -> PathBuf {
        self.below.place()
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.below.read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.switch.wait();
        self.below.replace(name, bytes)
    }

    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>> {
        let below = self.below.open(name, length)?;
        let switch = Arc::clone(&self.switch);
        Ok(Box::new(HangingTail { below, switch }))
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>> {
        self.below.claim()
    }

    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.below.beside(work)
    }
}

#[derive(Debug)]
struct HangingTail {
    below: Box<dyn Tail>,
    switch: Arc<Switch>,
}

impl Tail for HangingTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.below.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.switch.wait();
        self.below.sync()
    }
}
