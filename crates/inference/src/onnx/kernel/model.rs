//! What comes out of a linear model or of trees: classes and probabilities, by the rules of `ai.onnx.ml`.
//!
//! The standard says little of two classes with one score. The rules are those of onnxruntime, in which models are
//! tested by those who export them.

use super::lookup::Labels;
use super::{Inputs, by_float};
use crate::onnx::convert::Number;
use crate::onnx::math::Float;
use crate::onnx::tensor::{Buffer, Element};

/// What is done to the scores of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) enum PostTransform {
    None,
    Logistic,
    Softmax,
    /// Softmax over the scores that are not 0.
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    pub(in crate::onnx) fn of(name: &str) -> Result<Self, String> {
        Ok(match name {
            "NONE" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            other => {
                return Err(format!(
                    "post_transform `{other}`, expected NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT"
                ));
            }
        })
    }

    fn apply(self, scores: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax => softmax(scores),
            Self::SoftmaxZero => softmax_zero(scores),
            Self::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        }
    }
}

fn logistic(score: f32) -> f32 {
    let value = 1.0 / (1.0 + (-score.abs()).exp());
    if score < 0.0 { 1.0 - value } else { value }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::MIN, |a, b| if b > a { b } else { a });
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

fn softmax_zero(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::MIN, |a, b| if b > a { b } else { a });
    let zero = (-largest).exp();
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        if score.abs() > 0.000_000_1 {
            *score = (*score - largest).exp();
            sum += *score;
        } else {
            *score *= zero;
        }
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// The approximation of the normal quantile that the standard's implementations share (Winitzki's inverse of the
/// error function, with a = 0.147).
fn probit(score: f32) -> f32 {
    let x = 2.0 * score - 1.0;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let v = 2.0 / (std::f32::consts::PI * 0.147) + 0.5 * log;
    let inner = -v + (v * v - log / 0.147).sqrt();
    std::f32::consts::SQRT_2 * (sign * inner.sqrt())
}

/// Adds the base values to the scores, and transforms them: a regression. Doubles are not transformed.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Transform {
    /// As many as there are scores, or none.
    pub(in crate::onnx) base: Vec<f64>,
    /// What the scores are divided by, before the base is added.
    pub(in crate::onnx) divisor: f64,
    pub(in crate::onnx) transform: PostTransform,
    pub(in crate::onnx) width: usize,
}

impl Transform {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        match output {
            Buffer::F64(output) => self.sum(rows, inputs.values(0), output, |score| score),
            Buffer::F32(output) => {
                by_float!(inputs.buffer(0), T => self.sum(rows, inputs.values(0), output, |score: T| score.f32()));
                self.transform(&mut output[..rows * self.width]);
            }
            _ => unreachable!("the plan gives scores a buffer of floats"),
        }
    }

    fn sum<T: Float, O>(&self, rows: usize, input: &[T], output: &mut [O], convert: impl Fn(T) -> O) {
        let (divisor, width) = (T::from_f64(self.divisor), self.width);
        for (input, output) in input.chunks_exact(width).zip(output.chunks_exact_mut(width)).take(rows) {
            for (at, (score, output)) in input.iter().zip(output).enumerate() {
                let base = self.base.get(at).map_or(T::ZERO, |base| T::from_f64(*base));
                *output = convert(*score / divisor + base);
            }
        }
    }

    /// One score is no distribution; what the transform of one would be, runtimes leave out.
    fn transform(&self, output: &mut [f32]) {
        if self.width > 1 || self.transform == PostTransform::Probit {
            output.chunks_exact_mut(self.width).for_each(|scores| self.transform.apply(scores));
        }
    }
}

/// A class and its probabilities out of the scores of a row.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Classify {
    pub(in crate::onnx) labels: Labels,
    /// Scores that come in; probabilities that go out.
    pub(in crate::onnx) scores: usize,
    pub(in crate::onnx) width: usize,
    pub(in crate::onnx) transform: PostTransform,
    pub(in crate::onnx) rule: Rule,
}

/// How a class is chosen.
#[derive(Clone, Debug)]
pub(in crate::onnx) enum Rule {
    /// The largest score; with one score, the second class where it is positive.
    Linear,
    /// As for trees, which say of each class whether a leaf had a score of it.
    Trees {
        base: Vec<f64>,
        /// That there are two classes, and that the leaves have scores of one of them.
        binary: bool,
        /// That no leaf has a negative score: then a score is a probability.
        positive: bool,
    },
}

impl Classify {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, labels: &mut Buffer, output: &mut Buffer) {
        let output = f32::values_mut(output);
        for row in 0..rows {
            let output = &mut output[row * self.width..][..self.width];
            let class = match &self.rule {
                Rule::Linear => {
                    self.linear(&inputs.values::<f32>(0)[row * self.scores..][..self.scores], output)
                }
                Rule::Trees { .. } => by_float!(inputs.buffer(0), T => {
                    let scores = &inputs.values::<T>(0)[row * self.scores..][..self.scores];
                    let found = &inputs.values::<bool>(1)[row * self.scores..][..self.scores];
                    self.trees(scores, found, output)
                }),
            };
            self.labels.write(class, labels, row);
        }
    }

    fn linear(&self, scores: &[f32], output: &mut [f32]) -> usize {
        if let [score] = *scores {
            match output {
                [negative, positive] => (*negative, *positive) = self.pair(score, true),
                _ => output[0] = score,
            }
            return usize::from(score > 0.0);
        }
        output.copy_from_slice(scores);
        self.transform.apply(output);
        largest(scores, |_| true)
    }

    fn trees<T: Float>(&self, scores: &[T], found: &[bool], output: &mut [f32]) -> usize {
        let Rule::Trees { base, binary, positive } = &self.rule else { return 0 };
        let base = |at: usize| base.get(at).map_or(T::ZERO, |base| T::from_f64(*base));
        if scores.len() != 2 {
            for (at, output) in output.iter_mut().enumerate() {
                *output = (scores[at] + base(at)).f32();
            }
            let class = largest(output, |at| found[at] || self.has_base());
            self.transform.apply(output);
            return class;
        }
        self.two(scores, found, output, (*binary, *positive))
    }

    fn has_base(&self) -> bool {
        matches!(&self.rule, Rule::Trees { base, .. } if !base.is_empty())
    }

    /// Two classes. With scores of both, each has its own; with one score only, the other follows from it.
    fn two<T: Float>(
        &self,
        scores: &[T],
        found: &[bool],
        output: &mut [f32],
        (binary, positive): (bool, bool),
    ) -> usize {
        let Rule::Trees { base, .. } = &self.rule else { return 0 };
        let (mut first, mut second) = (scores[0], scores[1]);
        let mut single = false;
        match base[..] {
            [one, two] => {
                if found[1] {
                    second = T::from_f64(two) + first;
                    first = -second;
                } else {
                    second = second + T::from_f64(two);
                    first = first + T::from_f64(one);
                }
            }
            [one] => {
                first = first + T::from_f64(one);
                single = !found[1];
            }
            _ => single = !found[1],
        }
        let weight = if found[1] { second } else { first };
        let limit = if binary && positive { T::from_f64(0.5) } else { T::ZERO };
        let class = usize::from(weight > limit);
        if !single {
            (output[0], output[1]) = (first.f32(), second.f32());
            self.transform.apply(output);
            return class;
        }
        (output[0], output[1]) = self.pair(first.f32(), binary && positive);
        class
    }

    /// The scores of two classes by one, which is a probability or of either sign.
    fn pair(&self, score: f32, is_probability: bool) -> (f32, f32) {
        match self.transform {
            PostTransform::Logistic => (logistic(-score), logistic(score)),
            PostTransform::Probit if is_probability => (1.0 - probit(score), probit(score)),
            _ if is_probability => (1.0 - score, score),
            _ => (-score, score),
        }
    }
}

/// The first place with the largest of the scores that count.
fn largest<T: PartialOrd + Copy>(scores: &[T], counts: impl Fn(usize) -> bool) -> usize {
    let mut best: Option<usize> = None;
    for at in (0..scores.len()).filter(|at| counts(*at)) {
        if best.is_none_or(|best| scores[at] > scores[best]) {
            best = Some(at);
        }
    }
    best.unwrap_or_default()
}
