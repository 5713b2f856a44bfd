//! Functions of one or two numbers, by ONNX's definitions. NaN stays NaN, so that no broken model is hidden.

use std::ops::{Add, Div, Mul, Neg, Sub};

use candle_core::cpu::erf::{erf_f32, erf_f64};

use super::convert::Number;

/// `f32` and `f64`, with what functions need.
pub(super) trait Float:
    Number
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    const LEAST: Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn tanh(self) -> Self;
    fn erf(self) -> Self;
    fn abs(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn round_ties_even(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    /// Whether they are equal; zeros of both signs are.
    fn same(self, other: Self) -> bool;
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
}

macro_rules! float {
    ($type:ident, $erf:ident) => {
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LEAST: Self = $type::NEG_INFINITY;
            fn exp(self) -> Self {
                $type::exp(self)
            }
            fn ln(self) -> Self {
                $type::ln(self)
            }
            fn ln_1p(self) -> Self {
                $type::ln_1p(self)
            }
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
            fn tanh(self) -> Self {
                $type::tanh(self)
            }
            fn erf(self) -> Self {
                $erf(self)
            }
            fn abs(self) -> Self {
                $type::abs(self)
            }
            fn floor(self) -> Self {
                $type::floor(self)
            }
            fn ceil(self) -> Self {
                $type::ceil(self)
            }
            fn round_ties_even(self) -> Self {
                $type::round_ties_even(self)
            }
            fn sin(self) -> Self {
                $type::sin(self)
            }
            fn cos(self) -> Self {
                $type::cos(self)
            }
            #[expect(clippy::float_cmp, reason = "it is what is asked")]
            fn same(self, other: Self) -> bool {
                self == other
            }
            fn is_nan(self) -> bool {
                $type::is_nan(self)
            }
            fn is_infinite(self) -> bool {
                $type::is_infinite(self)
            }
        }
    };
}

float!(f32, erf_f32);
float!(f64, erf_f64);

/// A function of one floating-point number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Abs,
    Ceil,
    /// Between two bounds.
    Clip(f64, f64),
    Cos,
    Elu(f64),
    Erf,
    Exp,
    Floor,
    Gelu,
    GeluTanh,
    HardSigmoid(f64, f64),
    HardSwish,
    LeakyRelu(f64),
    Log,
    Neg,
    Reciprocal,
    Relu,
    Round,
    Selu(f64, f64),
    Sigmoid,
    Sign,
    Sin,
    Softplus,
    Softsign,
    Sqrt,
    Tanh,
    ThresholdedRelu(f64),
}

impl Function {
    /// Applies it to each value, in place.
    pub(super) fn apply<T: Float>(self, values: &mut [T]) {
        let constant = T::from_f64;
        match self {
            Self::Abs => map(values, T::abs),
            Self::Ceil => map(values, T::ceil),
            Self::Clip(low, high) => map(values, |x| clip(x, constant(low), constant(high))),
            Self::Cos => map(values, T::cos),
            Self::Elu(alpha) => map(values, |x| elu(x, constant(alpha))),
            Self::Erf => map(values, T::erf),
            Self::Exp => map(values, T::exp),
            Self::Floor => map(values, T::floor),
            Self::Gelu => map(values, gelu),
            Self::GeluTanh => map(values, gelu_tanh),
            Self::HardSigmoid(alpha, beta) => {
                map(values, |x| clip(constant(alpha) * x + constant(beta), T::ZERO, T::ONE));
            }
            Self::HardSwish => {
                map(values, |x| x * clip(x / constant(6.0) + constant(0.5), T::ZERO, T::ONE));
            }
            Self::LeakyRelu(alpha) => map(values, |x| if x < T::ZERO { constant(alpha) * x } else { x }),
            Self::Log => map(values, T::ln),
            Self::Neg => map(values, |x| -x),
            Self::Reciprocal => map(values, |x| T::ONE / x),
            // Not `max`, which prefers 0 to NaN.
            Self::Relu => map(values, |x| if x < T::ZERO { T::ZERO } else { x }),
            Self::Round => map(values, T::round_ties_even),
            Self::Selu(alpha, gamma) => map(values, |x| constant(gamma) * elu(x, constant(alpha))),
            Self::Sigmoid => map(values, sigmoid),
            Self::Sign => map(values, sign),
            Self::Sin => map(values, T::sin),
            Self::Softplus => map(values, softplus),
            Self::Softsign => map(values, |x| x / (T::ONE + x.abs())),
            Self::Sqrt => map(values, T::sqrt),
            Self::Tanh => map(values, T::tanh),
            Self::ThresholdedRelu(alpha) => {
                map(values, |x| if x > constant(alpha) || x.is_nan() { x } else { T::ZERO });
            }
        }
    }
}

fn map<T: Copy>(values: &mut [T], function: impl Fn(T) -> T) {
    for value in values {
        *value = function(*value);
    }
}

pub(super) fn clip<T: PartialOrd>(x: T, low: T, high: T) -> T {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

fn elu<T: Float>(x: T, alpha: T) -> T {
    if x < T::ZERO { alpha * (x.exp() - T::ONE) } else { x }
}

/// 1 / (1 + exp(-x)), without an overflow on either side.
pub(super) fn sigmoid<T: Float>(x: T) -> T {
    if x >= T::ZERO {
        return T::ONE / (T::ONE + (-x).exp());
    }
    let exp = x.exp();
    exp / (T::ONE + exp)
}

/// ln(1 + exp(x)), without an overflow.
fn softplus<T: Float>(x: T) -> T {
    if x > T::ZERO { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

fn sign<T: Float>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        // Zero, and NaN.
        x
    }
}

/// x Φ(x), Φ being the distribution function of the normal distribution.
fn gelu<T: Float>(x: T) -> T {
    T::from_f64(0.5) * x * (T::ONE + (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

/// The approximation of `gelu` by a hyperbolic tangent.
fn gelu_tanh<T: Float>(x: T) -> T {
    let inner = T::from_f64(0.797_884_560_802_865_4) * (x + T::from_f64(0.044_715) * x * x * x);
    T::from_f64(0.5) * x * (T::ONE + inner.tanh())
}

/// A function of two numbers of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    /// `x` where it is not negative, else the slope times `x`.
    PRelu,
}

/// Numbers that can be computed with.
pub(super) trait Arithmetical: Copy {
    fn compute(operation: Arithmetic, left: Self, right: Self) -> Self;
}

macro_rules! arithmetical {
    ($type:ty) => {
        impl Arithmetical for $type {
            #[inline(always)]
            fn compute(operation: Arithmetic, left: Self, right: Self) -> Self {
                match operation {
                    Arithmetic::Add => left + right,
                    Arithmetic::Sub => left - right,
                    Arithmetic::Mul => left * right,
                    Arithmetic::Div => left / right,
                    Arithmetic::Pow => left.powf(right),
                    // Either being NaN, so is the result.
                    Arithmetic::Min => {
                        if left < right || left.is_nan() {
                            left
                        } else {
                            right
                        }
                    }
                    Arithmetic::Max => {
                        if left > right || left.is_nan() {
                            left
                        } else {
                            right
                        }
                    }
                    Arithmetic::PRelu => {
                        if left < 0.0 {
                            left * right
                        } else {
                            left
                        }
                    }
                }
            }
        }
    };
}

arithmetical!(f32);
arithmetical!(f64);

impl Arithmetical for i64 {
    #[inline(always)]
    fn compute(operation: Arithmetic, left: Self, right: Self) -> Self {
        match operation {
            Arithmetic::Add => left.wrapping_add(right),
            Arithmetic::Sub => left.wrapping_sub(right),
            Arithmetic::Mul => left.wrapping_mul(right),
            // The plan takes only constants other than 0 for divisors.
            Arithmetic::Div => left.checked_div(right).unwrap_or(left),
            Arithmetic::Pow => u32::try_from(right).map_or(0, |exponent| left.wrapping_pow(exponent)),
            Arithmetic::Min => left.min(right),
            Arithmetic::Max => left.max(right),
            Arithmetic::PRelu => {
                if left < 0 {
                    left.wrapping_mul(right)
                } else {
                    left
                }
            }
        }
    }
}

/// A comparison of two values of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    #[inline(always)]
    pub(super) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}
