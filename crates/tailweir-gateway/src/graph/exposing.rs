//! Exporters that are scraped, in a cluster: each stream is shown by one member.

use super::wiring::Wiring;
use crate::pipeline::{ExportWay, Exposing, Way, Ways};
use std::sync::Arc;
use tailweir_config::ComponentId;
use tailweir_export::Scraped;

impl Wiring<'_> {
    /// The way to an exporter. In a cluster streams for a page go to the members that show them.
    pub(super) fn export(
        &mut self,
        id: &ComponentId,
        way: ExportWay,
        scraped: Option<Arc<Scraped>>,
    ) -> Way {
        let seat = self.ground.seat(&format!("exporters/{id}"));
        let (Some(scraped), Some(seat)) = (scraped, seat) else {
            return Way::Exporter(way);
        };
        let next = Arc::new(Ways::new(vec![(id.to_string(), Way::Exporter(way))]));
        self.exposed.insert(id.clone());
        if let Some(exposing) = self.graph.exposing.get(id) {
            exposing.change(next, scraped);
            return Way::Exposing(Arc::clone(exposing));
        }
        let exposing = Exposing::new(Arc::clone(&seat), next, scraped);
        let writer: Arc<Exposing> = Arc::clone(&exposing);
        seat.membership.enter_writer(Arc::clone(&seat.name), writer);
        self.graph
            .exposing
            .insert(id.clone(), Arc::clone(&exposing));
        Way::Exposing(exposing)
    }
}
