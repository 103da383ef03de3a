//! Groups the spans of a request by trace, so that each trace is looked up once.

use tailweir_core::TraceId;
use tailweir_otlp::Scan;

/// No span, no group.
const NONE: u32 = u32::MAX;

/// The spans of one trace in one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) id: TraceId,
    pub(crate) hash: u64,
    first: u32,
    last: u32,
    /// Number of spans.
    pub(crate) count: u32,
    /// Bytes of the spans.
    pub(crate) bytes: u64,
}

/// Groups in the order in which their first spans stand in the request. Kept from request to
/// request, so that nothing is allocated.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    pub(crate) groups: Vec<Group>,
    /// By position in the selection: the next position in the same group.
    next: Vec<u32>,
    /// Open addressing: numbers of groups.
    table: Vec<u32>,
}

impl Gather {
    /// Groups the spans of `scan` that are listed in `selected`.
    pub(crate) fn group(&mut self, scan: &Scan, selected: &[u32], hash: impl Fn(TraceId) -> u64) {
        self.groups.clear();
        self.next.clear();
        self.next.resize(selected.len(), NONE);
        self.table.clear();
        self.table
            .resize((2 * selected.len()).next_power_of_two(), NONE);
        let mut current = NONE;
        for (position, &span) in selected.iter().enumerate() {
            let entry = &scan.spans[span as usize];
            let id = entry.head.trace_id;
            let same = self
                .groups
                .get(current as usize)
                .is_some_and(|group| group.id == id);
            if !same {
                current = self.find_or_add(id, &hash, position as u32);
            }
            let group = &mut self.groups[current as usize];
            if group.count > 0 {
                self.next[group.last as usize] = position as u32;
            }
            group.last = position as u32;
            group.count += 1;
            group.bytes += entry.length() as u64;
        }
    }

    /// Numbers of the spans of a group in the scan, in the order of the request.
    pub(crate) fn spans<'a>(
        &'a self,
        group: &Group,
        selected: &'a [u32],
    ) -> impl Iterator<Item = u32> + 'a {
        let mut position = group.first;
        std::iter::from_fn(move || {
            let span = *selected.get(position as usize)?;
            position = self.next[position as usize];
            Some(span)
        })
    }

    fn find_or_add(&mut self, id: TraceId, hash: impl Fn(TraceId) -> u64, position: u32) -> u32 {
        let hash = hash(id);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let number = self.table[at];
            if number == NONE {
                break;
            }
            if self.groups[number as usize].id == id {
                return number;
            }
            at = (at + 1) & mask;
        }
        let number = self.groups.len() as u32;
        self.table[at] = number;
        self.groups.push(Group {
            id,
            hash,
            first: position,
            last: position,
            count: 0,
            bytes: 0,
        });
        number
    }
}
