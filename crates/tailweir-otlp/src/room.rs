//! Memory that something takes while it is written.

/// Is asked before more memory is taken than was asked for before: for so many bytes in all. Answers whether there is room; without
/// it, what is written is given up.
pub type Room<'a> = dyn FnMut(usize) -> bool + 'a;

/// Between two questions, in bytes.
const STEP: usize = 64 << 10;

/// Asks for memory in steps, so that the answer may be dear.
pub struct Asking<'a> {
    room: &'a mut Room<'a>,
    granted: usize,
}

impl std::fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking")
            .field("granted", &self.granted)
            .finish_non_exhaustive()
    }
}

impl<'a> Asking<'a> {
    /// Nothing is granted yet.
    pub fn new(room: &'a mut Room<'a>) -> Self {
        Self { room, granted: 0 }
    }

    /// Whether there is room for so many bytes in all.
    pub fn has(&mut self, bytes: usize) -> bool {
        if bytes <= self.granted {
            return true;
        }
        let wanted = bytes.saturating_add(STEP);
        let is_granted = (self.room)(wanted);
        if is_granted {
            self.granted = wanted;
        }
        is_granted
    }
}
