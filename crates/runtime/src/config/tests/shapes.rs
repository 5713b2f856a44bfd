//! Every shape of type that serde knows, read and checked.

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Shapes {
    moment: String,
    letter: char,
    pair: (u8, f32),
    wrapped: Wrapped,
    twice: Twice,
    by_name: BTreeMap<Wrapped, i8>,
    by_letter: BTreeMap<Letter, bool>,
    choice: Vec<Choice>,
    tree: Option<Tree>,
    raw: toml::Value,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Wrapped(String);

#[derive(Debug, PartialEq, Deserialize)]
struct Twice(i64, i64);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Letter {
    A,
    B,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    None,
    One(u8),
    Two(u8, u8),
    Named { share: f64 },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Tree {
    name: String,
    left: Option<Box<Self>>,
}

const SHAPES: &str = r#"
moment = 2026-12-01 00:00:00Z
letter = "x"
pair = [0xff, 1]
wrapped = "w"
twice = [-9223372036854775808, 1]
by_name = { a = 1 }
by_letter = { A = true, B = false }
choice = ["none", { one = 1 }, { two = [1, 2] }, { named = { share = 0.5 } }]
tree = { name = "root", left = { name = "leaf" } }
raw = { any = [1, 2.5, true] }
"#;

#[test]
fn all_shapes_of_types_are_read() {
    let shapes: Shapes = load(SHAPES, "shapes.toml", &BTreeMap::new()).unwrap();
    assert_eq!(shapes.moment, "2026-12-01T00:00:00Z");
    assert_eq!((shapes.letter, shapes.pair, shapes.wrapped), ('x', (255, 1.0), Wrapped("w".to_owned())));
    assert_eq!(shapes.twice, Twice(i64::MIN, 1));
    assert_eq!(shapes.by_name[&Wrapped("a".to_owned())], 1);
    assert!(shapes.by_letter[&Letter::A] && !shapes.by_letter[&Letter::B]);
    let named = Choice::Named { share: 0.5 };
    assert_eq!(shapes.choice, [Choice::None, Choice::One(1), Choice::Two(1, 2), named]);
    assert_eq!(shapes.tree.unwrap().left.unwrap().name, "leaf");
    assert_eq!(shapes.raw["any"][1].as_float(), Some(2.5));
}

#[test]
fn all_shapes_of_types_are_checked() {
    let text = r#"
letter = "xy"
pair = [1]
wrapped = 5
twice = ["a", "b"]
by_name = { a = 500 }
by_letter = { C = true }
choice = ["nnone", { none = 1 }, { one = 1, two = 2 }, { two = [1, 2, 3] }, { two = [1, "x"] }, { named = { shar = 1 } }, 7, "named"]
tree = { left = { left = { name = 1 } } }
"#;
    let report = load::<Shapes>(text, "shapes.toml", &BTreeMap::new()).unwrap_err();
    let told: Vec<_> =
        report.problems.iter().map(|problem| (problem.path.as_str(), problem.message.as_str())).collect();
    assert_eq!(
        told,
        [
            ("moment", "missing"),
            ("raw", "missing"),
            ("letter", "expected a character, found \"xy\""),
            ("pair", "expected 2 elements, found 1"),
            ("wrapped", "expected text, found 5"),
            ("twice[0]", "expected a whole number, found \"a\""),
            ("twice[1]", "expected a whole number, found \"b\""),
            ("by_name.a", "expected a whole number from -128 to 127, found 500"),
            ("by_letter.C", "expected one of \"A\", \"B\", found \"C\""),
            (
                "choice[0]",
                "expected one of \"none\", \"one\", \"two\", \"named\", found \"nnone\"; did you mean \"none\"?"
            ),
            ("choice[1]", "expected a name without content"),
            ("choice[2]", "expected a name, or a table of a single name with its content"),
            ("choice[3].two", "expected 2 elements, found 3"),
            ("choice[4].two[1]", "expected a whole number from 0 to 255, found \"x\""),
            ("choice[5].named.shar", "unknown field; did you mean `share`?"),
            ("choice[6]", "expected a name, or a table of a single name with its content"),
            ("choice[7]", "expected a table, found a name without content"),
            ("tree.left.left.name", "expected text, found 1"),
            ("tree.left.name", "missing"),
            ("tree.name", "missing"),
        ],
        "{report}"
    );
}
