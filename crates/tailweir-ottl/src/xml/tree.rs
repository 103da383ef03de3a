//! A document as a tree, in one vector.

use super::prefixes::Prefixes;
use super::reader::{Event, Reader};

/// A node by its number. Numbers follow the order of the document when it was read.
pub(crate) type NodeId = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Document,
    Element,
    Text,
    CharacterData,
    Comment,
    Directive,
    /// `<?xml ...?>`, with attributes.
    Declaration,
    Instruction,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The name of an element with its prefix, the text of what has text.
    pub(crate) data: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) parent: Option<NodeId>,
    pub(crate) children: Vec<NodeId>,
}

/// A document. Node 0 is the document itself.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    size: usize,
}

/// The part of a name behind its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

impl Tree {
    /// A document without content.
    pub(crate) fn empty() -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            size: 0,
        };
        tree.node(Kind::Document, "");
        tree
    }

    /// Reads a document, which must have an element. What stands before the first is dropped, unless the
    /// text begins with a declaration.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut reader = Reader::new(text);
        let mut tree = Self::empty();
        let mut open: Vec<NodeId> = vec![0];
        let mut prefixes = Prefixes::default();
        let mut begun = false;
        let mut has_element = false;
        while let Some(event) = reader.next()? {
            let top = open.last().copied().unwrap_or_default();
            let added = match event {
                Event::Start { name, attributes } => {
                    prefixes.enter(name, &attributes)?;
                    let element = tree.node(Kind::Element, name);
                    let attributes = attributes.into_iter();
                    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
                    tree.set_attributes(element, attributes.collect());
                    tree.append(top, element);
                    open.push(element);
                    (begun, has_element) = (true, true);
                    continue;
                }
                Event::End => {
                    open.pop();
                    prefixes.leave();
                    continue;
                }
                Event::Instruction {
                    target: "xml",
                    text,
                } => {
                    let declaration = tree.node(Kind::Declaration, "xml");
                    tree.set_attributes(declaration, pairs(text));
                    begun = true;
                    declaration
                }
                Event::Instruction { target, text } => {
                    // The first one is dropped with all that stands before the first element.
                    let first = !begun && !reader.has_declaration();
                    begun = true;
                    if first {
                        continue;
                    }
                    let text = text.trim();
                    let space = if text.is_empty() { "" } else { " " };
                    tree.node(Kind::Instruction, &format!("{target}{space}{text}"))
                }
                _ if !begun => continue,
                Event::Text(text) => tree.node(Kind::Text, &text),
                Event::CharacterData(text) => tree.node(Kind::CharacterData, text),
                Event::Comment(text) => tree.node(Kind::Comment, text),
                Event::Directive(text) => tree.node(Kind::Directive, text),
            };
            tree.append(top, added);
        }
        if has_element {
            Ok(tree)
        } else {
            Err("there is no element")
        }
    }

    /// A new node, not yet part of the document.
    pub(crate) fn node(&mut self, kind: Kind, data: &str) -> NodeId {
        self.size += size_of::<Node>() + data.len();
        self.nodes.push(Node {
            kind,
            data: data.to_owned(),
            attributes: Vec::new(),
            parent: None,
            children: Vec::new(),
        });
        self.nodes.len() - 1
    }

    /// Puts a node last into another.
    pub(crate) fn append(&mut self, parent: NodeId, child: NodeId) {
        self.nodes[child].parent = Some(parent);
        self.nodes[parent].children.push(child);
    }

    fn set_attributes(&mut self, element: NodeId, attributes: Vec<(String, String)>) {
        let sizes = attributes.iter();
        let sizes = sizes.map(|pair| size_of_val(pair) + pair.0.len() + pair.1.len());
        self.size += sizes.sum::<usize>();
        self.nodes[element].attributes = attributes;
    }

    /// Bytes that all nodes take that were made, about.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The last node inside a node, or that itself. In a document as it was read all between the two are inside.
    pub(crate) fn last_within(&self, node: NodeId) -> NodeId {
        let mut last = node;
        while let Some(child) = self.nodes[last].children.last() {
            last = *child;
        }
        last
    }

    /// Copies a node of another tree with all that is in it.
    pub(crate) fn adopt(&mut self, other: &Self, node: NodeId) -> NodeId {
        let source = &other.nodes[node];
        let copy = self.node(source.kind.clone(), &source.data);
        self.set_attributes(copy, source.attributes.clone());
        for child in &source.children {
            let child = self.adopt(other, *child);
            self.append(copy, child);
        }
        copy
    }

    /// All text inside a node.
    pub(crate) fn inner_text(&self, node: NodeId) -> String {
        let mut text = String::new();
        self.put_inner_text(node, &mut text);
        text
    }

    fn put_inner_text(&self, node: NodeId, text: &mut String) {
        let at = &self.nodes[node];
        match at.kind {
            Kind::Text | Kind::CharacterData => text.push_str(&at.data),
            Kind::Comment => {}
            _ => {
                for child in &at.children {
                    self.put_inner_text(*child, text);
                }
            }
        }
    }

    /// The document as text. An element without content keeps both its tags.
    pub(crate) fn write(&self) -> String {
        let mut text = String::new();
        for child in &self.nodes[0].children {
            self.write_node(*child, &mut text);
        }
        text
    }

    fn write_node(&self, id: NodeId, text: &mut String) {
        let node = &self.nodes[id];
        let data = &node.data;
        match node.kind {
            Kind::Document => {}
            Kind::Text => text.push_str(&escaped(data)),
            Kind::CharacterData => text.push_str(&format!("<![CDATA[{data}]]>")),
            Kind::Comment => text.push_str(&format!("<!--{data}-->")),
            Kind::Directive => text.push_str(&format!("<!{data}>")),
            Kind::Instruction => text.push_str(&format!("<?{data}?>")),
            Kind::Declaration | Kind::Element => {
                let declares = node.kind == Kind::Declaration;
                text.push_str(if declares { "<?" } else { "<" });
                text.push_str(data);
                for (name, value) in &node.attributes {
                    text.push_str(&format!(" {name}=\"{}\"", escaped(value)));
                }
                text.push_str(if declares { "?>" } else { ">" });
            }
        }
        for child in &node.children {
            self.write_node(*child, text);
        }
        if node.kind == Kind::Element {
            text.push_str(&format!("</{data}>"));
        }
    }
}

/// The attributes of a declaration.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text
        .split(' ')
        .filter_map(|pair| pair.trim().split_once('='));
    let plain = |value: &str| value.trim_matches(['"', '\'']).to_owned();
    pairs
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::Tree;

    fn written(text: &str) -> String {
        Tree::parse(text).unwrap().write()
    }

    /// Scenario: documents are read and written.
    /// Guarantees: they come back, with both tags for empty elements, and nothing before the first.
    #[test]
    fn documents_come_back() {
        assert_eq!(
            written("<a b='1'>x &amp; y<c/><!--n--><![CDATA[<]]></a>"),
            "<a b=\"1\">x &amp; y<c></c><!--n--><![CDATA[<]]></a>"
        );
        assert_eq!(written("<!-- n --> <a/>\n"), "<a></a>\n");
        assert_eq!(
            written("<?xml version=\"1.0\"?>\n<a/>"),
            "<?xml version=\"1.0\"?>\n<a></a>"
        );
        assert!(
            Tree::parse("").is_err()
                && Tree::parse("text").is_err()
                && Tree::parse("<p:a/>").is_err()
        );
        assert!(Tree::parse("<p:a xmlns:p='u'><p:b/></p:a>").is_ok());
    }
}
