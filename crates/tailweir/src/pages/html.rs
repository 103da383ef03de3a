//! A page as HTML: no script, one style, nothing from elsewhere.

use super::page::{Page, Table};
use std::fmt::{self, Display, Formatter, Write};

const STYLE: &str = "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:80em;padding:0 1em}\
    nav a{margin-right:1em}table{border-collapse:collapse;margin:1em 0}\
    caption{text-align:left;font-weight:bold;padding:.3em 0}\
    th,td{text-align:left;vertical-align:top;padding:.2em .8em .2em 0;border-bottom:1px solid #ccc;\
    overflow-wrap:anywhere}";

/// Writes a page.
pub(super) fn write(page: &Page) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut html, page);
    html
}

fn write_page(html: &mut String, page: &Page) -> fmt::Result {
    let title = Escaped(&page.title);
    write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>{title} - tailweir</title>\n<style>{STYLE}</style></head>\n<body>\n<nav>"
    )?;
    for (path, what) in page.links {
        let name = path.rsplit('/').next().unwrap_or(path);
        write!(html, "<a href=\"{path}\" title=\"{what}\">{name}</a>")?;
    }
    writeln!(html, "</nav>\n<h1>{title}</h1>")?;
    if !page.facts.is_empty() {
        writeln!(html, "<table>")?;
        for (name, value) in &page.facts {
            let (name, value) = (Escaped(name), Escaped(value));
            writeln!(html, "<tr><th>{name}</th><td>{value}</td></tr>")?;
        }
        writeln!(html, "</table>")?;
    }
    for table in &page.tables {
        write_table(html, table)?;
    }
    writeln!(html, "</body></html>")
}

fn write_table(html: &mut String, table: &Table) -> fmt::Result {
    writeln!(
        html,
        "<table><caption>{}</caption>",
        Escaped(&table.caption)
    )?;
    write_row(html, "th", table.columns.iter().copied())?;
    for row in &table.rows {
        write_row(html, "td", row.iter().map(String::as_str))?;
    }
    writeln!(html, "</table>")
}

fn write_row<'a>(
    html: &mut String,
    tag: &str,
    cells: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    write!(html, "<tr>")?;
    for cell in cells {
        write!(html, "<{tag}>{}</{tag}>", Escaped(cell))?;
    }
    writeln!(html, "</tr>")
}

/// A text that means nothing but itself, between tags and in quoted attributes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::pages::Page;

    const HOSTILE: &str = "<script>alert('x')</script>\"&amp;";

    /// Scenario: a title, a fact, a caption and a cell that would be a script.
    /// Guarantees: each is shown as it is written, and none is a tag.
    #[test]
    fn no_text_becomes_a_tag() {
        let mut page = Page::new(HOSTILE, &[]);
        page.fact("name", HOSTILE);
        page.table(HOSTILE, &["cell"], [[HOSTILE.to_owned()]]);
        let html = write(&page);
        assert!(!html.contains("<script"), "{html}");
        let shown = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;amp;";
        // The title stands in the head and in the body.
        assert_eq!(html.matches(shown).count(), 5, "{html}");
    }
}
