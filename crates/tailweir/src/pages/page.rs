//! What a page says, whatever it is written as.

use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(super) title: String,
    /// Paths of the pages beside it, and what they show.
    pub(super) links: &'static [(&'static str, &'static str)],
    /// Names and what they are.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) tables: Vec<Table>,
}

/// A table of a page.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) columns: &'static [&'static str],
    /// As many cells each as there are columns.
    pub(super) rows: Vec<Vec<String>>,
}

impl Page {
    pub(crate) fn new(title: &str, links: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            title: title.to_owned(),
            links,
            ..Self::default()
        }
    }

    pub(crate) fn fact(&mut self, name: &'static str, value: impl ToString) {
        self.facts.push((name, value.to_string()));
    }

    /// Adds a table, unless it would be empty.
    pub(crate) fn table<const N: usize>(
        &mut self,
        caption: impl ToString,
        columns: &'static [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        let rows: Vec<_> = rows.into_iter().map(Vec::from).collect();
        if !rows.is_empty() {
            self.tables.push(Table {
                caption: caption.to_string(),
                columns,
                rows,
            });
        }
    }

    /// The page for terminals.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", printable(&self.title));
        for (name, value) in &self.facts {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {}", printable(value));
        }
        for table in &self.tables {
            table.write_text(&mut text);
        }
        text
    }

    /// The page for programs: facts by name, and tables as lists of rows, whose cells are called as their columns.
    pub(super) fn json(&self) -> Json {
        let facts = self.facts.iter();
        let facts: Map<_, _> = facts
            .map(|(name, value)| ((*name).to_owned(), Json::from(value.as_str())))
            .collect();
        let tables: Vec<_> = self.tables.iter().map(Table::json).collect();
        json!({ "title": self.title, "facts": facts, "tables": tables })
    }
}

impl Table {
    fn json(&self) -> Json {
        let rows = self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row);
            let cells = cells.map(|(name, cell)| ((*name).to_owned(), Json::from(cell.as_str())));
            Json::Object(cells.collect())
        });
        json!({ "caption": self.caption, "rows": rows.collect::<Vec<_>>() })
    }

    fn write_text(&self, text: &mut String) {
        let heads = self.columns.iter().map(|&head| head.to_owned()).collect();
        let rows = self.rows.iter();
        let rows = rows.map(|row| row.iter().map(|cell| printable(cell)).collect());
        let lines: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let _ = writeln!(text, "\n{}", printable(&self.caption));
        for line in &lines {
            let cells = line.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
        }
    }
}

/// On one line, and without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn page() -> Page {
        let mut page = Page::new("titlez", &[]);
        page.fact("version", "1\u{1b}[2J");
        let rows = [["otlp", "12"], ["a\nb", "3"]].map(|row| row.map(str::to_owned));
        page.table("receivers", &["name", "requests"], rows);
        page.table("nothing", &["name"], []);
        page
    }

    /// Scenario: a page with a table, an empty table, and a text that moves the cursor of a terminal.
    /// Guarantees: columns stand below each other, the empty table is left out, nothing is obeyed.
    #[test]
    fn a_page_is_text() {
        let expected =
            "titlez\nversion: 1 [2J\n\nreceivers\n  name  requests\n  otlp  12\n  a b   3\n";
        assert_eq!(page().text(), expected);
    }

    /// Scenario: the same page for a program.
    /// Guarantees: facts and cells are found by their names.
    #[test]
    fn a_page_is_json() {
        let json = page().json();
        assert_eq!(json["facts"]["version"], "1\u{1b}[2J");
        assert_eq!(json["tables"][0]["rows"][1]["name"], "a\nb");
        assert_eq!(json["tables"].as_array().map(Vec::len), Some(1));
    }
}
