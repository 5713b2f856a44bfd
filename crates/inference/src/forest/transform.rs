//! From margins to the trainer's predictions, in the trainer's own arithmetic.

/// What an objective makes of the margins of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Transform {
    /// They are the prediction.
    Identity,
    /// LightGBM's regression on square roots: x * |x|.
    SignedSquare,
    /// LightGBM's logarithmic links, in 64 bits.
    Exp,
    /// XGBoost's logarithmic links, in 32 bits.
    SingleExp,
    /// 1 / (1 + exp(-slope * x)), each by itself, in 64 bits.
    Sigmoid { slope: f64 },
    /// The same in 32 bits as XGBoost has it, with its guard against overflow.
    SingleSigmoid,
    /// log(1 + exp(x)): the intensity of LightGBM's alternative cross-entropy.
    LogOnePlusExp,
    /// exp(x) over the sum of all, in 64 bits.
    Softmax,
    /// The same in 32 bits, the sum in 64.
    SingleSoftmax,
    /// The number of the largest margin; the first of equals.
    ArgMax,
    /// 1 above 0, else 0.
    Step,
    /// Ascending: quantiles that do not cross.
    Sort,
}

impl Transform {
    /// How many predictions it makes of `margins` margins.
    pub(super) fn outputs(self, margins: usize) -> usize {
        if self == Self::ArgMax { 1 } else { margins }
    }

    /// Transforms the margins of one row in place; [`Transform::ArgMax`] leaves its answer in the first.
    pub(super) fn apply(self, row: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::SignedSquare => each(row, |x| sign(x) * x * x),
            Self::Exp => each(row, f64::exp),
            Self::SingleExp => each_single(row, f32::exp),
            Self::Sigmoid { slope } => each(row, |x| 1.0 / (1.0 + (-slope * x).exp())),
            Self::SingleSigmoid => each_single(row, sigmoid),
            Self::LogOnePlusExp => each(row, |x| x.exp().ln_1p()),
            Self::Softmax => softmax(row),
            Self::SingleSoftmax => single_softmax(row),
            Self::ArgMax => row[0] = arg_max(row),
            Self::Step => each(row, |x| f64::from(u8::from(x > 0.0))),
            Self::Sort => row.sort_unstable_by(f64::total_cmp),
        }
    }
}

fn each(row: &mut [f64], function: impl Fn(f64) -> f64) {
    for x in row {
        *x = function(*x);
    }
}

fn each_single(row: &mut [f64], function: impl Fn(f32) -> f32) {
    each(row, |x| f64::from(function(single(x))));
}

/// A margin that was summed in 32 bits, as such.
#[expect(clippy::cast_possible_truncation, reason = "the value is a 32-bit float that was widened")]
fn single(x: f64) -> f32 {
    x as f32
}

/// LightGBM's sign: 0 for 0 and for NaN.
fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

fn sigmoid(x: f32) -> f32 {
    const LARGEST: f32 = 88.7;
    const GUARD: f32 = 1e-16;
    // `min` in C++ gives its first argument where the second is not smaller.
    let x = if LARGEST < -x { LARGEST } else { -x };
    1.0 / (x.exp() + 1.0 + GUARD)
}

fn softmax(row: &mut [f64]) {
    let largest = row.iter().copied().fold(row[0], |largest, x| if largest < x { x } else { largest });
    let mut sum = 0.0;
    for x in &mut *row {
        *x = (*x - largest).exp();
        sum += *x;
    }
    each(row, |x| x / sum);
}

fn single_softmax(row: &mut [f64]) {
    let largest = row.iter().map(|x| single(*x)).fold(single(row[0]), f32::max);
    let mut sum = 0.0;
    for x in &mut *row {
        *x = f64::from((single(*x) - largest).exp());
        sum += *x;
    }
    each_single(row, |x| x / single(sum));
}

fn arg_max(row: &[f64]) -> f64 {
    let mut best = 0;
    for (at, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = at;
        }
    }
    f64::from(u32::try_from(best).unwrap_or(u32::MAX))
}
