//! The columns, and the categories of those that a data frame had.

use super::super::description::{Category, Column, ColumnKind};
use super::text::Text;

/// The columns, and lists of categories that cannot be given to any.
pub(super) fn columns(names: &[&str], infos: &[&str], text: &Text<'_>) -> (Vec<Column>, Vec<Vec<Category>>) {
    let mut lists = text.pandas_categorical.and_then(categories).unwrap_or_default();
    let categorical = categorical(infos, text.categorical_feature);
    let is_clear = lists.len() == categorical.iter().filter(|flag| **flag).count();
    let mut assigned = if is_clear { std::mem::take(&mut lists) } else { Vec::new() }.into_iter();
    let column = |(name, is_category): (&&str, bool)| Column {
        name: (*name).to_owned(),
        kind: if is_category { ColumnKind::Category(assigned.next()) } else { ColumnKind::Number },
    };
    (names.iter().zip(categorical).map(column).collect(), lists)
}

/// Which columns are categorical: those that the training was told of by number, and those whose codes are listed.
///
/// A range is written `[0:12]`, codes `3:1:2`; a column that was of no use has `none` either way.
fn categorical(infos: &[&str], told: Option<&str>) -> Vec<bool> {
    let told: Vec<usize> = told
        .into_iter()
        .flat_map(|list| list.split(','))
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    let is_listed = |info: &str| !info.starts_with('[') && info != "none";
    infos.iter().enumerate().map(|(at, info)| told.contains(&at) || is_listed(info)).collect()
}

/// The lists of categories, one for each categorical column of the data frame. The place in a list is the code.
fn categories(json: &str) -> Option<Vec<Vec<Category>>> {
    let lists: Vec<Vec<serde_json::Value>> = serde_json::from_str(json).ok()?;
    lists.into_iter().map(|list| list.into_iter().map(category).collect()).collect()
}

fn category(value: serde_json::Value) -> Option<Category> {
    match value {
        serde_json::Value::String(text) => Some(Category::Text(text)),
        serde_json::Value::Bool(flag) => Some(Category::Flag(flag)),
        serde_json::Value::Number(number) => number.as_f64().map(Category::Number),
        _ => None,
    }
}
