//! The sections of the text, and the fields of one.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::error::shorten;

/// The end of the trees; a file without it is cut off.
const END: &str = "end of trees";

/// What a place and a fault are, before they are a problem.
type Fault = (&'static str, String);

/// A file, taken apart.
pub(super) struct Text<'t> {
    pub(super) header: Fields<'t>,
    pub(super) trees: Vec<Fields<'t>>,
    /// What it was trained with, as far as anybody asks: `categorical_feature`.
    pub(super) categorical_feature: Option<&'t str>,
    /// The categories of a data frame, as JSON.
    pub(super) pandas_categorical: Option<&'t str>,
}

impl<'t> Text<'t> {
    pub(super) fn parse(bytes: &'t [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| ("file", "it is no UTF-8 text".to_owned()))?;
        // Files that went through Windows end their lines with both.
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        if lines.clone().next() != Some("tree") {
            return Err(("file", "it is no LightGBM text model: these begin with a line `tree`".to_owned()));
        }
        let mut header = Fields::default();
        let mut trees: Vec<Fields<'t>> = Vec::new();
        loop {
            let line = lines.next().ok_or_else(|| ("file", format!("it is cut off: no line `{END}`")))?;
            match line.split_once('=') {
                _ if line == END => break,
                _ if line.is_empty() => {}
                Some(("Tree", number)) => trees.push(Fields::numbered(number, trees.len())?),
                Some((key, value)) => trees.last_mut().unwrap_or(&mut header).add(key, value)?,
                None => trees.last_mut().unwrap_or(&mut header).add(line, "")?,
            }
        }
        let after = |prefix: &str| lines.clone().find_map(|line| line.strip_prefix(prefix));
        Ok(Self {
            header,
            trees,
            categorical_feature: after("[categorical_feature: ").and_then(|list| list.strip_suffix(']')),
            pandas_categorical: after("pandas_categorical:"),
        })
    }
}

/// The fields of a section.
#[derive(Default)]
pub(super) struct Fields<'t> {
    values: BTreeMap<&'t str, &'t str>,
}

impl<'t> Fields<'t> {
    /// The fields of a tree that says which one it is.
    fn numbered(number: &str, expected: usize) -> Result<Self, Fault> {
        match number.parse::<usize>() {
            Ok(found) if found == expected => Ok(Self::default()),
            _ => Err(("trees", format!("`Tree={}` follows where tree {expected} is due", shorten(number)))),
        }
    }

    fn add(&mut self, key: &'t str, value: &'t str) -> Result<(), Fault> {
        match self.values.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(("file", format!("`{}` is there twice in one section", shorten(key)))),
        }
    }

    /// Refuses keys that are not among `known`.
    pub(super) fn check_keys(&self, known: &[&str]) -> Result<(), String> {
        match self.values.keys().find(|key| !known.contains(*key)) {
            None => Ok(()),
            Some(key) => {
                Err(format!("`{}` is not known, and may change what the model computes", shorten(key)))
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t str> {
        self.values.get(key).copied()
    }

    pub(super) fn at(&self, key: &str) -> Result<&'t str, String> {
        self.get(key).ok_or_else(|| format!("`{key}` is missing"))
    }

    /// The whole number `key`, at most `largest`.
    pub(super) fn count(&self, key: &str, largest: usize) -> Result<usize, String> {
        let text = self.at(key)?;
        match text.trim().parse() {
            Ok(count) if count <= largest => Ok(count),
            _ => Err(format!("`{key}` is `{}`, expected 0 to {largest}", shorten(text))),
        }
    }

    /// The `count` numbers of `key`.
    pub(super) fn numbers<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>, String> {
        let words = self.at(key)?.split(' ').filter(|word| !word.is_empty());
        let parse =
            |word: &str| word.parse().map_err(|_| format!("`{key}`: `{}` is no number", shorten(word)));
        let numbers: Vec<T> = words.map(parse).collect::<Result<_, _>>()?;
        match numbers.len() == count {
            true => Ok(numbers),
            false => Err(format!("`{key}` has {} numbers, expected {count}", numbers.len())),
        }
    }
}
