//! What each dashboard shows.

mod cluster;
mod node;
mod overview;
mod policies;
mod pressure;

use super::{Dashboard, Panel, Shape};
use cluster::CLUSTER;
use node::NODE;
use overview::OVERVIEW;
use policies::POLICIES;
use pressure::PRESSURE;

const fn panel(
    title: &'static str,
    description: &'static str,
    shape: Shape,
    unit: &'static str,
    queries: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel {
        title,
        description,
        shape,
        unit,
        queries,
    }
}

pub(super) const DASHBOARDS: &[Dashboard] = &[OVERVIEW, POLICIES, CLUSTER, PRESSURE, NODE];
