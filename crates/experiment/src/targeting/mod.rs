//! Targeting: rules on an event's context that decide who is eligible, before anything is hashed.

mod read;

use compact_str::CompactString;

pub(crate) use read::read_rules;

/// A value of an event's context, as a lookup returns it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ContextValue<'c> {
    /// A text, compared byte for byte.
    Text(&'c str),
    /// A number. NaN holds no rule.
    Number(f64),
    /// A truth value.
    Bool(bool),
}

/// One `[[targeting]]` rule. A unit is eligible if all rules hold; without rules everyone is.
///
/// A rule on something that the treatment changes (the score, say) breaks the comparison: target on what
/// is known before the event is scored. Because a unit's events can differ in context, a unit may take part
/// with some events and not with others; its arm stays the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The context field that the rule looks at, such as `country`. Required; at most 64 bytes.
    ///
    /// A field that the event does not carry, or that holds a value of another type than the rule's, holds no
    /// rule, not even a `not_in`: nobody takes part by accident.
    pub field: CompactString,
    /// What the field's value must be: exactly one of `in`, `not_in`, or `min` and `max`.
    pub condition: Condition,
}

/// What a context value must be for its rule to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `in = ["FR", "IT"]`: one of these values. At most 1,000 of them, all of one type.
    In(Values),
    /// `not_in = ["US"]`: a value of the same type, but none of these. At most 1,000 of them, all of one type.
    NotIn(Values),
    /// `min = 10`, `max = 20`: a number from `min` to `max`, both inclusive. One of the two may be left out.
    Between {
        /// The smallest value that holds; negative infinity if left out.
        min: f64,
        /// The largest value that holds; infinity if left out.
        max: f64,
    },
}

/// A list of values of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Texts, compared byte for byte; each at most 256 bytes.
    Texts(Vec<CompactString>),
    /// Finite numbers, compared exactly: 1 equals 1.0.
    Numbers(Vec<f64>),
    /// Truth values.
    Bools(Vec<bool>),
}

impl Rule {
    /// Whether the rule holds for a context in which its field has `value`.
    pub fn holds(&self, value: Option<ContextValue<'_>>) -> bool {
        let Some(value) = value else { return false };
        match &self.condition {
            Condition::In(values) => values.contain(value) == Some(true),
            Condition::NotIn(values) => values.contain(value) == Some(false),
            Condition::Between { min, max } => {
                matches!(value, ContextValue::Number(number) if (*min..=*max).contains(&number))
            }
        }
    }
}

impl Values {
    /// Whether `value` is among these; nothing if it cannot be compared with them.
    fn contain(&self, value: ContextValue<'_>) -> Option<bool> {
        match (self, value) {
            (Self::Texts(texts), ContextValue::Text(value)) => Some(texts.iter().any(|text| text == value)),
            (Self::Numbers(numbers), ContextValue::Number(value)) => {
                (!value.is_nan()).then(|| numbers.contains(&value))
            }
            (Self::Bools(bools), ContextValue::Bool(value)) => Some(bools.contains(&value)),
            _ => None,
        }
    }
}
