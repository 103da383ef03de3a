//! Scans of requests, whose memory is used again.

use parking_lot::Mutex;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tailweir_otlp::{Scan, Split};

/// Most scans that wait in the pool.
const SCANS_MAX: usize = 64;
/// A scan of more spans than this is freed rather than kept.
const SPANS_KEPT_MAX: usize = 16 << 10;

/// The pool. Holds at most 64 scans of at most 16,384 spans each.
#[derive(Default)]
pub(crate) struct ScanPool {
    #[expect(
        clippy::vec_box,
        reason = "a scan moves through futures and messages, which must stay small"
    )]
    idle: Mutex<Vec<Box<Findings>>>,
}

/// What was found in a request.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Its spans.
    pub(crate) scan: Scan,
    /// Its spans by shard.
    pub(crate) split: Split,
}

impl ScanPool {
    /// A scan of nothing.
    pub(crate) fn take(self: &Arc<Self>) -> Scanned {
        let idle = self.idle.lock().pop();
        Scanned {
            findings: Some(idle.unwrap_or_default()),
            pool: Arc::clone(self),
        }
    }
}

/// A scan of the pool; it returns there when dropped.
pub(crate) struct Scanned {
    /// Taken by `drop` alone.
    findings: Option<Box<Findings>>,
    pool: Arc<ScanPool>,
}

impl Deref for Scanned {
    type Target = Findings;

    fn deref(&self) -> &Findings {
        match &self.findings {
            Some(findings) => findings,
            None => unreachable!("only drop takes the findings"),
        }
    }
}

impl DerefMut for Scanned {
    fn deref_mut(&mut self) -> &mut Findings {
        self.findings.get_or_insert_default()
    }
}

impl Drop for Scanned {
    fn drop(&mut self) {
        let Some(findings) = self.findings.take() else {
            return;
        };
        if findings.scan.spans.capacity() > SPANS_KEPT_MAX {
            return;
        }
        let mut idle = self.pool.idle.lock();
        if idle.len() < SCANS_MAX {
            idle.push(findings);
        }
    }
}

impl fmt::Debug for Scanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scanned({} spans)", self.scan.spans.len())
    }
}
