//! The columns: names, types, and (since 3.1) the categories of a data frame.

use super::super::description::{Category, Column, ColumnKind};
use super::super::document::{Value, whole};
use super::known;

/// The columns, and whether the file names them.
pub(super) fn columns(learner: &Value, model: &Value, count: usize) -> Result<(Vec<Column>, bool), String> {
    let names = texts(learner, "feature_names", count)?;
    let types = texts(learner, "feature_types", count)?;
    let mut categories = match model.get("cats") {
        Some(cats) => categories(cats, count)?,
        None => vec![None; count],
    };
    let column = |at: usize| {
        let name = names.get(at).map_or_else(|| format!("f{at}"), |name| (*name).to_owned());
        let kind = match types.get(at).copied() {
            Some("c") => ColumnKind::Category(categories[at].take()),
            Some("int") => ColumnKind::Integer,
            Some("i" | "indicator") => ColumnKind::Flag,
            _ => ColumnKind::Number,
        };
        Column { name, kind }
    };
    Ok(((0..count).map(column).collect(), !names.is_empty()))
}

/// The texts of `key`: one for each column, or none.
fn texts<'d>(learner: &'d Value, key: &str, count: usize) -> Result<Vec<&'d str>, String> {
    if learner.get(key).is_none() {
        return Ok(Vec::new());
    }
    let text = |value: &'d Value| match value {
        Value::Text(text) => Ok(text.as_str()),
        other => Err(format!("`{key}` has {}, expected texts", other.quote())),
    };
    let texts: Vec<_> = learner.list(key)?.iter().map(text).collect::<Result<_, _>>()?;
    match texts.len() {
        0 => Ok(texts),
        found if found == count => Ok(texts),
        found => Err(format!("`{key}` has {found} texts, but there are {count} columns")),
    }
}

/// The categories of each column, in the order of their codes. Columns that are none have an empty list.
fn categories(cats: &Value, count: usize) -> Result<Vec<Option<Vec<Category>>>, String> {
    known(cats, &["enc", "feature_segments", "sorted_idx"])?;
    let columns = cats.list("enc")?;
    if columns.is_empty() {
        return Ok(vec![None; count]);
    }
    if columns.len() != count {
        return Err(format!("`cats` has {} columns, but there are {count}", columns.len()));
    }
    let list =
        |column: &Value| column_categories(column).map(|list| Some(list).filter(|list| !list.is_empty()));
    columns.iter().map(list).collect()
}

/// Numbers as they are, or texts as bytes in a row with the place where each begins.
fn column_categories(column: &Value) -> Result<Vec<Category>, String> {
    let values = column.numbers("values")?;
    if column.get("offsets").is_none() {
        return Ok(values.iter().copied().map(Category::Number).collect());
    }
    let bytes: Option<Vec<u8>> = values.iter().map(|value| to_byte(*value)).collect();
    let bytes = bytes.ok_or("the categories are no texts")?;
    let offsets: Option<Vec<usize>> =
        column.numbers("offsets")?.iter().map(|offset| whole(*offset)).collect();
    let offsets = offsets.ok_or("`offsets` has no whole numbers")?;
    let text = |ends: &[usize]| {
        let text = bytes.get(ends[0]..ends[1]).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(|text| Category::Text(text.to_owned())).ok_or_else(|| "a category is no text".to_owned())
    };
    offsets.windows(2).map(text).collect()
}

/// A byte, which XGBoost writes with a sign.
fn to_byte(number: f64) -> Option<u8> {
    let number = if number < 0.0 { number + 256.0 } else { number };
    whole(number).and_then(|number| u8::try_from(number).ok())
}
