//! The attributes of a node. Each is read by the type that the standard gives it, and one that nobody has read is a
//! fault: what it asks for would silently not be done.

use std::cell::RefCell;
use std::collections::BTreeSet;

use compact_str::CompactString;

use super::proto::{Attribute, Node};
use super::tensor::{Tensor, texts};
use crate::error::shorten;

/// The attributes of a node, and which of them have been read.
#[derive(Debug)]
pub(super) struct Attributes<'n, 'b> {
    node: &'n Node<'b>,
    read: RefCell<BTreeSet<String>>,
}

impl<'n, 'b> Attributes<'n, 'b> {
    pub(super) fn of(node: &'n Node<'b>) -> Self {
        Self { node, read: RefCell::default() }
    }

    fn get(&self, name: &str) -> Option<&'n Attribute<'b>> {
        self.read.borrow_mut().insert(name.to_owned());
        self.node.attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Marks attributes as read that change nothing.
    pub(super) fn ignore(&self, names: &[&str]) {
        self.read.borrow_mut().extend(names.iter().map(|name| (*name).to_owned()));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Integer(value)) => Ok(Some(*value)),
            Some(_) => Err(wrong(name, "an integer")),
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        Ok(self.integer(name)?.map_or(default, |value| value != 0))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.get(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(_) => Err(wrong(name, "a float")),
        }
    }

    pub(super) fn text(&self, name: &str, default: &'b str) -> Result<&'b str, String> {
        match self.get(name) {
            None => Ok(default),
            Some(Attribute::Text(value)) => {
                std::str::from_utf8(value).map_err(|_| format!("attribute `{name}` is not UTF-8"))
            }
            Some(_) => Err(wrong(name, "a text")),
        }
    }

    /// An empty list where it is absent.
    pub(super) fn integers(&self, name: &str) -> Result<&'n [i64], String> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Attribute::Integers(values)) => Ok(values),
            Some(_) => Err(wrong(name, "a list of integers")),
        }
    }

    /// An empty list where it is absent.
    pub(super) fn floats(&self, name: &str) -> Result<&'n [f32], String> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Attribute::Floats(values)) => Ok(values),
            Some(_) => Err(wrong(name, "a list of floats")),
        }
    }

    /// An empty list where it is absent.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<CompactString>, String> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Attribute::Texts(values)) => texts(values),
            Some(_) => Err(wrong(name, "a list of texts")),
        }
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Tensor(tensor)) => Tensor::read(tensor).map(Some),
            Some(_) => Err(wrong(name, "a tensor")),
        }
    }

    /// The bytes of a tensor of `uint8`, a type that no other attribute has.
    pub(super) fn tensor_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Tensor(tensor)) if tensor.element == 2 && !tensor.external => {
                let listed = || tensor.integers.iter().map(|value| u8::try_from(*value).ok()).collect();
                Ok(tensor.raw.map(<[u8]>::to_vec).or_else(listed))
            }
            Some(_) => Err(wrong(name, "a tensor of bytes")),
        }
    }

    /// That all attributes have been read.
    pub(super) fn finish(&self) -> Result<(), String> {
        let read = self.read.borrow();
        match self.node.attributes.iter().find(|(name, _)| !read.contains(*name)) {
            None => Ok(()),
            Some((name, _)) => Err(format!("attribute `{}` is not supported", shorten(name))),
        }
    }
}

fn wrong(name: &str, expected: &str) -> String {
    format!("attribute `{name}` is not {expected}")
}
