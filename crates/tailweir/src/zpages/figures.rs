//! `/debug/expvarz`: figures for programs, as Go's `expvar` writes them.

use crate::command_line::shown_command_line;
use crate::node::NodeView;
use serde_json::{Value as Json, json};

/// The command line, and everything that the status page says.
pub(super) async fn figures(view: &NodeView) -> String {
    let status = view.status_json().await.unwrap_or_default();
    let status: Json = serde_json::from_str(&status).unwrap_or_default();
    json!({ "cmdline": shown_command_line(), "tailweir": status }).to_string()
}
