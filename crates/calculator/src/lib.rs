//! Answers requests for statistics by the name of the method: JSON in, JSON out.
//!
//! A request is `{"id": …, "method": "mean.welch_t", "inputs": {…}}`, its answer `{"id": …, "method": …, "results":
//! {…}}`, or `{"id": …, "error": {"name": …, "at": …, "message": …}}`. Numbers have all their digits; those that JSON
//! does not know are the strings `"inf"`, `"-inf"` and `"nan"`. A result that cannot be had is null, and
//! `unavailable` beside it says why. Members of a request other than the three are passed over; an unknown member of
//! the inputs is an error.
//!
//! The methods themselves are in [`statistics`]; here is what they are called, what they ask for and what they
//! answer.

mod fault;
mod inputs;
mod lenient;
mod methods;
mod results;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub use fault::{Fault, Name};
use inputs::Inputs;
pub use methods::names;
pub use results::Results;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The request's own id; null if it has none.
    pub id: Value,
    /// The results by key, or what is wrong.
    pub outcome: Result<(String, Map<String, Value>), Fault>,
}

impl Answer {
    /// The answer as JSON.
    pub fn to_json(&self) -> Value {
        match &self.outcome {
            Ok((method, results)) => json!({ "id": self.id, "method": method, "results": results }),
            Err(fault) => json!({ "id": self.id, "error": fault.to_json() }),
        }
    }
}

/// Answers a request that is a line of JSON.
pub fn answer(line: &[u8]) -> Answer {
    let request =
        match serde_json::from_slice::<Value>(line).or_else(|error| lenient::parse(line).ok_or(error)) {
            Ok(Value::Object(request)) => request,
            Ok(_) => return Answer { id: Value::Null, outcome: Err(Fault::not_an_object()) },
            Err(error) => return Answer { id: Value::Null, outcome: Err(Fault::not_json(&error)) },
        };
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    Answer { id, outcome: respond(&request) }
}

fn respond(request: &Map<String, Value>) -> Result<(String, Map<String, Value>), Fault> {
    let request = Inputs::new("", request);
    let method = request.text("method")?;
    let results = request.any_member("inputs", |inputs| calculate(method, inputs))?;
    Ok((method.to_owned(), results))
}

/// Answers a method with its inputs.
///
/// # Errors
/// A [`Fault`] that names what is wrong with them.
pub fn calculate(method: &str, inputs: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let inputs = Inputs::new("inputs", inputs);
    let results = methods::find(method)?(&inputs)?;
    inputs.finish()?;
    Ok(results.into_map())
}
