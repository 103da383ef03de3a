//! Grafana dashboards, generated from what they show.

mod definitions;

use super::{Outcome, keep};
use crate::root;
use anyhow::{Result, ensure};
use definitions::DASHBOARDS;
use serde_json::{Value, json};
use std::fs;

/// Columns of a dashboard.
const WIDTH: u32 = 24;
/// What stands for the choice of instances in a query.
const CHOICE: &str = "$choice";
const CHOSEN: &str = "job=~\"$job\",instance=~\"$instance\"";

/// A page of panels.
struct Dashboard {
    /// Name of the file, and the end of the unique id.
    name: &'static str,
    title: &'static str,
    description: &'static str,
    panels: &'static [Panel],
}

/// A picture of some queries.
struct Panel {
    title: &'static str,
    description: &'static str,
    shape: Shape,
    /// As Grafana names units.
    unit: &'static str,
    /// PromQL, in which [`CHOICE`] stands for the labels that choose, and the legend.
    queries: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// One number, a sixth of the width.
    Number,
    /// Lines over time, half of the width.
    Lines,
    /// Areas on each other, half of the width.
    Areas,
    /// The present in rows, the whole width.
    Table,
}

impl Shape {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Number => (4, 4),
            Self::Lines | Self::Areas => (12, 8),
            Self::Table => (24, 9),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Number => "stat",
            Self::Lines | Self::Areas => "timeseries",
            Self::Table => "table",
        }
    }
}

/// Writes each dashboard, or compares it; none is there that is not defined.
pub(super) fn check(write: bool) -> Result<Outcome> {
    let folder = root().join("deploy/grafana/dashboards");
    let mut panels = 0;
    for dashboard in DASHBOARDS {
        let text = serde_json::to_string_pretty(&dashboard.json())? + "\n";
        keep(
            &folder.join(format!("{}.json", dashboard.name)),
            &text,
            write,
        )?;
        panels += dashboard.panels.len();
    }
    let files = fs::read_dir(&folder)?.count();
    ensure!(
        files == DASHBOARDS.len(),
        "{} has a file that is not defined",
        folder.display()
    );
    Ok(Outcome::Passed(format!(
        "{panels} panels of {files} dashboards are as they are defined"
    )))
}

impl Dashboard {
    fn json(&self) -> Value {
        let (mut left, mut top, mut height) = (0, 0, 0);
        let mut panels = Vec::new();
        for (index, panel) in self.panels.iter().enumerate() {
            let (wide, high) = panel.shape.size();
            if left + wide > WIDTH {
                (left, top, height) = (0, top + height, 0);
            }
            panels.push(panel.json(
                index + 1,
                json!({ "x": left, "y": top, "w": wide, "h": high }),
            ));
            (left, height) = (left + wide, height.max(high));
        }
        json!({
            "uid": format!("tailweir-{}", self.name),
            "title": self.title,
            "description": self.description,
            "tags": ["tailweir"],
            "schemaVersion": 39,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": { "from": "now-1h", "to": "now" },
            "links": [{ "type": "dashboards", "tags": ["tailweir"], "asDropdown": true, "title": "Tailweir",
                "includeVars": true, "keepTime": true }],
            "templating": { "list": [
                { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source" },
                choice("job", "Job", "label_values(tailweir_ready, job)"),
                choice("instance", "Instance", "label_values(tailweir_ready{job=~\"$job\"}, instance)"),
            ]},
            "panels": panels,
        })
    }
}

fn choice(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "query": { "query": query, "refId": name },
        "datasource": source(), "multi": true, "includeAll": true, "allValue": ".*", "refresh": 2,
        "current": { "text": ["All"], "value": ["$__all"] },
    })
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

impl Panel {
    fn json(&self, id: usize, place: Value) -> Value {
        let is_table = self.shape == Shape::Table;
        let targets: Vec<_> = self
            .queries
            .iter()
            .zip('A'..)
            .map(|((query, legend), letter)| {
                let format = if is_table { "table" } else { "time_series" };
                json!({ "refId": letter.to_string(), "datasource": source(), "expr": query.replace(CHOICE, CHOSEN),
                    "legendFormat": legend, "instant": is_table, "range": !is_table, "format": format })
            })
            .collect();
        let stacking = if self.shape == Shape::Areas {
            "normal"
        } else {
            "none"
        };
        let mut panel = json!({
            "id": id, "type": self.shape.kind(), "title": self.title, "description": self.description,
            "gridPos": place, "datasource": source(), "targets": targets,
            "fieldConfig": { "defaults": { "unit": self.unit, "min": 0 }, "overrides": [] },
        });
        match self.shape {
            Shape::Number => {
                panel["options"] =
                    json!({ "reduceOptions": { "calcs": ["lastNotNull"] }, "graphMode": "area" });
            }
            Shape::Lines | Shape::Areas => {
                panel["fieldConfig"]["defaults"]["custom"] = json!({ "fillOpacity": 15, "stacking": { "mode": stacking }, "showPoints": "never" });
                panel["options"] = json!({ "legend": { "displayMode": "list", "placement": "bottom" },
                    "tooltip": { "mode": "multi", "sort": "desc" } });
            }
            Shape::Table => {
                panel["transformations"] = json!([{ "id": "merge", "options": {} }]);
            }
        }
        panel
    }
}
