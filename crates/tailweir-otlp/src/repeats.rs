//! What is repeated where a request is cut up.

/// What may be repeated of any request, in bytes: a resource of 4 KiB for each of 8,192 items.
const SLACK: usize = 32 << 20;

/// Bounds what is repeated where a request is cut into several. Each has the resource and the scope of its items again, so that
/// few bytes of items with a long resource might become very many.
///
/// ```
/// use tailweir_otlp::Repeats;
///
/// let mut repeats = Repeats::of(20 << 20);
/// assert!(repeats.allow(4 << 10, 100));
/// let times = std::iter::repeat_with(|| repeats.allow(10 << 20, 100));
/// assert_eq!(times.take_while(|allowed| *allowed).count(), 11);
/// ```
#[derive(Debug)]
pub struct Repeats {
    room: usize,
}

impl Repeats {
    /// For a request of so many bytes.
    #[must_use]
    pub const fn of(length: usize) -> Self {
        Self {
            room: length.saturating_mul(4).saturating_add(SLACK),
        }
    }

    /// Whether so many bytes may be repeated behind so many of items: always where they are no more than these, and
    /// otherwise as far as there is room.
    pub fn allow(&mut self, repeated: usize, items: usize) -> bool {
        if repeated <= items {
            return true;
        }
        let left = self.room.checked_sub(repeated);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }
}
