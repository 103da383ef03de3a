//! The Collector's ring: which endpoint a key belongs to.
//!
//! Every endpoint has points on a circle of positions; a key belongs to the first point at or after its own
//! position. So an endpoint that comes or goes moves only the keys next to its points. Tailweir's ring is
//! the Collector's, point for point: both may stand side by side in front of the same samplers.

use flate2::Crc;

/// Positions of the ring.
const POSITIONS: u32 = 131_071;
/// Points of each endpoint.
const POINTS: u32 = 200;
/// A point whose position is taken moves on so many times at most; then it is left out.
const PROBES: usize = 10;

/// Endpoints and their points. The order in which endpoints are given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ring {
    endpoints: Vec<String>,
    /// In order of their positions, no two alike.
    points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    position: u32,
    /// Number of its endpoint.
    endpoint: usize,
}

impl Ring {
    /// The ring of these endpoints. One that is named twice has its points twice, as in the Collector.
    pub(super) fn new(endpoints: impl IntoIterator<Item = String>) -> Self {
        let named: Vec<String> = endpoints.into_iter().collect();
        let mut endpoints = named.clone();
        endpoints.sort_unstable();
        endpoints.dedup();
        let mut candidates = Vec::with_capacity(named.len() * POINTS as usize);
        for name in &named {
            let endpoint = endpoints.partition_point(|endpoint| endpoint < name);
            candidates.extend((0..POINTS).map(|number| {
                let hash = checksum(&[name.as_bytes(), &number.to_le_bytes()]);
                (hash % POSITIONS, hash, endpoint)
            }));
        }
        // Numbers of endpoints are in order of their names.
        candidates.sort_unstable();
        let mut taken = vec![false; POSITIONS as usize];
        let mut points = Vec::with_capacity(candidates.len());
        for (wished, _, endpoint) in candidates {
            let mut positions = (wished..POSITIONS).chain(0..wished).take(PROBES);
            let free = positions.find(|&position| !taken[position as usize]);
            if let Some(position) = free {
                taken[position as usize] = true;
                points.push(Point { position, endpoint });
            }
        }
        points.sort_unstable_by_key(|point| point.position);
        Self { endpoints, points }
    }

    /// The endpoints, sorted.
    pub(super) fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// The number of the endpoint that a key belongs to; nothing where there are none.
    pub(super) fn owner(&self, key: &[u8]) -> Option<usize> {
        let position = checksum(&[key]) % POSITIONS;
        let next = self
            .points
            .partition_point(|point| point.position < position);
        let point = self.points.get(next).or_else(|| self.points.first())?;
        Some(point.endpoint)
    }

    /// Position and endpoint of each point, in order.
    #[cfg(test)]
    pub(super) fn points(&self) -> impl Iterator<Item = (u32, &str)> {
        let points = self.points.iter();
        points.map(|point| (point.position, self.endpoints[point.endpoint].as_str()))
    }
}

/// CRC-32 as IEEE 802.3 has it.
fn checksum(parts: &[&[u8]]) -> u32 {
    let mut checksum = Crc::new();
    for part in parts {
        checksum.update(part);
    }
    checksum.sum()
}
