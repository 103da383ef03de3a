//! Prefixes of names: which of them elements declare that are open.

use std::collections::HashMap;

/// Prefixes that are declared where a document is read.
#[derive(Debug, Default)]
pub(super) struct Prefixes<'t> {
    /// How many open elements declare each.
    declared: HashMap<&'t str, usize>,
    /// What each open element declares.
    open: Vec<Vec<&'t str>>,
}

impl<'t> Prefixes<'t> {
    /// An element begins. Its prefix must be declared by it or by one around it.
    pub(super) fn enter(
        &mut self,
        name: &'t str,
        attributes: &[(&'t str, String)],
    ) -> Result<(), &'static str> {
        let names = attributes.iter().map(|attribute| attribute.0);
        let own: Vec<&'t str> = names
            .filter_map(|name| name.strip_prefix("xmlns:"))
            .collect();
        for prefix in &own {
            *self.declared.entry(*prefix).or_default() += 1;
        }
        self.open.push(own);
        match name.split_once(':') {
            Some((prefix, _)) if prefix != "xml" && !self.declared.contains_key(prefix) => {
                Err("a prefix is not declared")
            }
            _ => Ok(()),
        }
    }

    /// The element that began last ends.
    pub(super) fn leave(&mut self) {
        for prefix in self.open.pop().unwrap_or_default() {
            if let Some(count) = self.declared.get_mut(prefix) {
                *count -= 1;
                if *count == 0 {
                    self.declared.remove(prefix);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::xml::{Event, Reader, Tree};
    use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

    /// Whether each prefix is declared, where all attributes of all elements around are looked at.
    fn model(text: &str) -> bool {
        let mut reader = Reader::new(text);
        let mut open: Vec<Vec<String>> = Vec::new();
        while let Some(event) = reader.next().unwrap() {
            match event {
                Event::Start { name, attributes } => {
                    let names = attributes.iter().map(|(name, _)| (*name).to_owned());
                    open.push(names.collect());
                    let Some((prefix, _)) = name.split_once(':') else {
                        continue;
                    };
                    let declaration = format!("xmlns:{prefix}");
                    let is_declared = open.iter().flatten().any(|name| *name == declaration);
                    if prefix != "xml" && !is_declared {
                        return false;
                    }
                }
                Event::End => drop(open.pop()),
                _ => {}
            }
        }
        true
    }

    /// Elements in elements, with prefixes and their declarations.
    fn document() -> impl Strategy<Value = String> {
        let prefix = prop_oneof![Just(""), Just("a:"), Just("b:"), Just("a:b:"), Just("xml:")];
        let declaration = prop_oneof![
            Just(" xmlns:a='u'"),
            Just(" xmlns:b='u'"),
            Just(" xmlns:a='u' xmlns:a='v'"),
            Just(" xmlns='u'"),
            Just(" a:xmlns='u'"),
        ];
        let declarations = prop::collection::vec(declaration, 0..2);
        let tag = (prefix, declarations).prop_map(|(prefix, all)| (prefix, all.concat()));
        let leaf = tag
            .clone()
            .prop_map(|(prefix, all)| format!("<{prefix}e{all}/>"));
        leaf.prop_recursive(5, 30, 4, move |inner| {
            let children = prop::collection::vec(inner, 0..4);
            (tag.clone(), children).prop_map(|((prefix, all), children)| {
                format!("<{prefix}e{all}>{}</{prefix}e>", children.concat())
            })
        })
    }

    proptest! {
        /// Scenario: elements in elements with prefixes that are declared by them, around them, beside them or nowhere.
        /// Guarantees: those documents are read in which looking at all elements around finds each prefix.
        #[test]
        fn a_prefix_is_declared_around_it(text in document()) {
            assert_eq!(Tree::parse(&text).is_ok(), model(&text), "{text}");
        }
    }

    /// Scenario: twenty thousand elements with a prefix in one with as many declarations. To look at all of them for each
    /// element would be four hundred million comparisons; only that cost has changed, so this shows that nothing else has.
    /// Guarantees: the document is read; with one element whose prefix is not among them it is refused.
    #[test]
    fn many_prefixes_may_be_declared() {
        let declared = |number: usize| format!(" xmlns:p{number}='u'");
        let declared: String = (0..20_000).map(declared).collect();
        let used: String = (0..20_000)
            .map(|number| format!("<p{number}:e/>"))
            .collect();
        assert!(Tree::parse(&format!("<e{declared}>{used}</e>")).is_ok());
        assert!(Tree::parse(&format!("<e{declared}>{used}<q:e/></e>")).is_err());
    }
}
