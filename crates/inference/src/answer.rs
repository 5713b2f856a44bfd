//! From the numbers that an artifact gives to the outputs that a manifest names: which one is which, calibration,
//! thresholds and classes.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::Outputs;
use experiment::Problems;

use crate::error::{ScoreError, closest, shorten};
use crate::manifest::{Calibration, Labels, Output, OutputKind};
use crate::signature::{ArtifactOutput, Signature};

/// How the outputs of a model come of what its artifact gives. Immutable and shared.
#[derive(Debug)]
pub(crate) struct Answers {
    names: Arc<[Arc<str>]>,
    /// In the order of the outputs.
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    /// The number at this place of what the artifact gives.
    Value { at: usize, calibration: Option<Calibration> },
    /// The class between the outputs at these places.
    Class { of: Vec<usize>, threshold: Option<f64>, labels: Labels },
}

impl Answers {
    /// Binds outputs to those of an artifact; faults are reported under `place`.
    pub(crate) fn bind(outputs: &[Output], signature: &Signature, place: &str) -> Result<Self, Problems> {
        let mut problems = Problems::new(place);
        check_count(outputs, signature, &mut problems);
        let mut next = 0..signature.outputs.len();
        let steps: Vec<_> = outputs
            .iter()
            .map(|output| match &output.kind {
                OutputKind::Value { of: None, calibration } => {
                    // That there are enough has been checked.
                    let at = next.next().unwrap_or_default();
                    Some(Step::Value { at, calibration: calibration.clone() })
                }
                OutputKind::Value { of: Some(of), calibration } => {
                    let found = find(of, &signature.outputs);
                    let found = found.map_err(|message| problems.push(place_of(output), message));
                    Some(Step::Value { at: found.ok()?, calibration: calibration.clone() })
                }
                OutputKind::Class { of, threshold, labels } => {
                    let of = places(of, outputs);
                    Some(Step::Class { of, threshold: *threshold, labels: labels.clone() })
                }
            })
            .collect();
        problems.into_result()?;
        let names = outputs.iter().map(|output| Arc::clone(&output.name)).collect();
        Ok(Self { names, steps: steps.into_iter().flatten().collect() })
    }

    /// The names of the outputs, in order.
    pub(crate) fn names(&self) -> &Arc<[Arc<str>]> {
        &self.names
    }

    /// The outputs of one event, if all of them are finite; `row` has a place for each.
    pub(crate) fn outputs(&self, given: &[f64], row: &mut [f64]) -> Result<Outputs, ScoreError> {
        for (value, step) in row.iter_mut().zip(&self.steps) {
            if let Step::Value { at, calibration } = step {
                *value = calibration.as_ref().map_or(given[*at], |function| function.apply(given[*at]));
            }
        }
        for (place, step) in self.steps.iter().enumerate() {
            if let Step::Class { of, threshold, labels } = step {
                row[place] = labels.of(class(of, *threshold, row));
            }
        }
        if let Some(at) = row.iter().position(|value| !value.is_finite()) {
            return Err(ScoreError::NotFinite { output: Arc::clone(&self.names[at]), value: row[at] });
        }
        Ok(Outputs::new(Arc::clone(&self.names), row))
    }
}

fn place_of(output: &Output) -> String {
    format!("output \"{}\"", output.name)
}

/// Where no output says which of the artifact's it is, every one of them has its name: a forgotten one is a mistake.
fn check_count(outputs: &[Output], signature: &Signature, problems: &mut Problems) {
    let values = outputs.iter().filter_map(|output| match &output.kind {
        OutputKind::Value { of, .. } => Some(of.is_some()),
        OutputKind::Class { .. } => None,
    });
    let (chosen, in_order): (Vec<bool>, Vec<bool>) = values.partition(|is_chosen| *is_chosen);
    let (found, named) = (signature.outputs.len(), in_order.len());
    let fits = if chosen.is_empty() { found == named } else { named <= found };
    if !fits {
        let place = if signature.columns.is_empty() { "last layer" } else { "outputs" };
        let mut message = format!("it has {found} outputs, but the manifest names {named}");
        if place == "outputs" {
            message.push_str(&format!("; `of` says which ones are meant: {}", listing(&signature.outputs)));
        }
        problems.push(place, message);
    }
}

/// The most outputs that a message lists.
const LISTED_MAX: usize = 8;

/// The names of outputs, with their labels, for a message.
pub(crate) fn listing(outputs: &[ArtifactOutput]) -> String {
    let name = |output: &ArtifactOutput| match &output.label {
        Some(label) => format!("\"{}\" (class {label})", shorten(&output.name)),
        None => format!("\"{}\"", shorten(&output.name)),
    };
    let listed: Vec<_> = outputs.iter().take(LISTED_MAX).map(name).collect();
    let more = outputs.len().saturating_sub(LISTED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", listed.join(", "))
}

/// The output that `of` names, by name first, and else by the label of a class.
fn find(of: &str, outputs: &[ArtifactOutput]) -> Result<usize, String> {
    if let Some(at) = outputs.iter().position(|output| *output.name == *of) {
        return Ok(at);
    }
    let by_label = |output: &ArtifactOutput| output.label.as_deref() == Some(of);
    match outputs.iter().filter(|output| by_label(output)).count() {
        1 => Ok(outputs.iter().position(by_label).unwrap_or_default()),
        0 => {
            let names = outputs.iter().flat_map(|output| [Some(&output.name), output.label.as_ref()]);
            let meant = closest(of, names.flatten().map(|name| &**name));
            let meant = meant.map(|meant| format!(" (did you mean \"{meant}\"?)")).unwrap_or_default();
            let of = shorten(of);
            Err(format!("`of`: the artifact has no output \"{of}\"{meant}; it has {}", listing(outputs)))
        }
        several => Err(format!(
            "`of`: {several} outputs are about the class \"{}\": name one of {}",
            shorten(of),
            listing(outputs)
        )),
    }
}

/// The places of the named outputs, or of all values where none is named. The manifest has checked the names.
fn places(of: &[Arc<str>], outputs: &[Output]) -> Vec<usize> {
    let is_value = |output: &Output| matches!(output.kind, OutputKind::Value { .. });
    if of.is_empty() {
        return (0..outputs.len()).filter(|at| is_value(&outputs[*at])).collect();
    }
    of.iter().filter_map(|name| outputs.iter().position(|output| output.name == *name)).collect()
}

/// The place of the class, or NaN where one of the values is: nothing can be decided then.
fn class(of: &[usize], threshold: Option<f64>, row: &[f64]) -> Option<usize> {
    if of.iter().any(|at| row[*at].is_nan()) {
        return None;
    }
    match threshold {
        Some(threshold) => Some(usize::from(row[of[0]] >= threshold)),
        None => of.iter().enumerate().fold(None, |best: Option<usize>, (place, at)| match best {
            Some(best) if row[of[best]] >= row[*at] => Some(best),
            _ => Some(place),
        }),
    }
}

impl Labels {
    /// The number that stands for the class at this place.
    fn of(&self, place: Option<usize>) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "there are at most 256 classes")]
        match (self, place) {
            (_, None) => f64::NAN,
            (Self::Numbers(labels), Some(place)) => labels[place],
            (Self::Places | Self::Texts(_), Some(place)) => place as f64,
        }
    }
}

impl Calibration {
    fn apply(&self, x: f64) -> f64 {
        match self {
            Self::Platt { a, b } => logistic(-(a * x + b)),
            Self::Isotonic { x: xs, y: ys } => interpolate(x, xs, ys),
        }
    }
}

/// 1 / (1 + exp(-x)), without an overflow on either side.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        return 1.0 / (1.0 + (-x).exp());
    }
    let exp = x.exp();
    exp / (1.0 + exp)
}

/// The straight line between the two points around `x`; NaN stays NaN.
fn interpolate(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    if x.is_nan() {
        return x;
    }
    let above = xs.partition_point(|each| *each < x);
    match (above.checked_sub(1), xs.get(above)) {
        (None, _) => ys[0],
        (Some(below), None) => ys[below],
        (Some(below), Some(right)) => {
            let share = (x - xs[below]) / (right - xs[below]);
            ys[below] + share * (ys[above] - ys[below])
        }
    }
}
