//! Pages of the process for people: what they say, and how it is written.
//!
//! A page is a list of facts and tables ([`Page`]). It is written as HTML, as text or as JSON, as the client asks;
//! what a page says is the same in each. Names come from configurations and texts from peers, so the writers
//! escape all that they are given.

mod form;
mod html;
mod page;

pub(crate) use form::{Form, answer};
pub(crate) use page::Page;
