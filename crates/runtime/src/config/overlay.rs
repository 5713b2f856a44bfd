//! Lays the environment over a configuration.

use std::collections::BTreeMap;

use super::PREFIX;
use super::problems::{Place, Problem};
use super::tree::{Node, Value};

/// The most steps of a path; no configuration of ours is half as deep.
const MAX_STEPS: usize = 16;

/// Puts the value of every variable that begins with [`PREFIX`] where its name says, and returns what is wrong with
/// the names. Whether there is such a field is found out later, by the type that is read.
pub(super) fn lay(root: &mut Node, environment: &BTreeMap<String, String>) -> Vec<Problem> {
    let ours = environment.iter().filter(|(name, _)| name.starts_with(PREFIX));
    ours.filter_map(|(name, value)| set(root, name, value).err()).collect()
}

fn set(root: &mut Node, name: &str, value: &str) -> Result<(), Problem> {
    let problem =
        |message: String| Problem { place: Place::Variable(name.to_owned()), path: String::new(), message };
    let steps: Vec<_> = name.strip_prefix(PREFIX).unwrap_or_default().split("__").collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Err(problem(format!("names no field; write it as {PREFIX}SECTION__FIELD")));
    }
    if steps.len() > MAX_STEPS {
        return Err(problem(format!("names no field; paths have {MAX_STEPS} steps at most")));
    }
    let mut node = root;
    for (depth, step) in steps.iter().enumerate() {
        node = match &mut node.value {
            Value::Table(entries) => entry(entries, step, name),
            Value::Variable(_) => {
                let whole = format!("{PREFIX}{}", steps[..depth].join("__"));
                return Err(problem(format!("{whole} sets all of it already; keep one of the two")));
            }
            _ => {
                return Err(problem(format!("`{}` is not a table", steps[..depth].join(".").to_lowercase())));
            }
        };
    }
    *node = Node { place: Place::Variable(name.to_owned()), value: Value::Variable(value.to_owned()) };
    Ok(())
}

/// The entry of a table that `step` means: one that is there, in its own spelling, or a new one in small letters.
fn entry<'a>(entries: &'a mut Vec<(String, Node)>, step: &str, name: &str) -> &'a mut Node {
    let wanted = step.to_lowercase();
    let spelt = |key: &str| key.to_lowercase().replace('-', "_");
    let found = entries.iter().position(|(key, _)| spelt(key) == wanted);
    let position = found.unwrap_or(entries.len());
    if found.is_none() {
        let place = Place::Variable(name.to_owned());
        entries.push((wanted, Node { place, value: Value::Table(Vec::new()) }));
    }
    &mut entries[position].1
}
