//! Kolmogorov's distributions of the largest distance between distribution functions.

use crate::binomial::Binomial;

/// The chance that the limiting statistic, D times the root of n, exceeds `x`.
///
/// The alternating series above 1, and its theta transform below, where that series would cancel.
pub fn limit_sf(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        let term = |k: f64| (-2.0 * k * k * x * x).exp();
        return 2.0 * (term(1.0) - term(2.0) + term(3.0) - term(4.0) + term(5.0));
    }
    let exponent = std::f64::consts::PI.powi(2) / (8.0 * x * x);
    let sum: f64 = [1.0_f64, 3.0, 5.0, 7.0, 9.0].iter().map(|odd| (-odd * odd * exponent).exp()).sum();
    1.0 - (2.0 * std::f64::consts::PI).sqrt() / x * sum
}

/// The most numbers for which [`one_sample_sf`] is exact.
pub const EXACT_MAX: usize = 4_000;

/// The chance that `n` uniform numbers have an empirical distribution farther than `d` from the uniform one.
///
/// Exact up to [`EXACT_MAX`]: by Durbin's matrix (Marsaglia, Tsang and Wang, Journal of Statistical Software 8, 2003)
/// in the middle, and in the tail, where one minus it has no digits left, twice the one-sided chance (Birnbaum and
/// Tingey, Annals of Mathematical Statistics 22, 1951), of which less than 1e-13 is counted twice. Beyond, the limit.
pub fn one_sample_sf(d: f64, n: usize) -> f64 {
    let size = n as f64;
    if d >= 1.0 || n == 0 {
        return 0.0;
    }
    if size * d <= 0.5 {
        return 1.0;
    }
    if size * d * d > 5.0 || d > 0.5 {
        return (2.0 * one_sided_sf(d, n as u64)).min(1.0);
    }
    if n > EXACT_MAX { limit_sf(size.sqrt() * d) } else { 1.0 - durbin(d, n) }
}

/// The chance that the empirical distribution is somewhere above the uniform one by `d` or more.
fn one_sided_sf(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let term = |j: u64| {
        let p = d + j as f64 / size;
        if p >= 1.0 {
            return 0.0;
        }
        (Binomial { n, p }.log_pmf(j) - p.ln()).exp()
    };
    d * (0..=n).take_while(|&j| (j as f64) < size * (1.0 - d)).map(term).sum::<f64>()
}

/// The chance to stay within `d`, from a power of Durbin's matrix.
fn durbin(d: f64, n: usize) -> f64 {
    let size = n as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the root of 5 n, some 140"
    )]
    let k = (size * d) as usize + 1;
    let h = k as f64 - size * d;
    let side = 2 * k - 1;
    let power = Matrix::durbin(side, h).power(n);
    let mut value = power.cells[(k - 1) * side + k - 1];
    let mut exponent = power.exponent;
    for i in 1..=n {
        value *= i as f64 / size;
        if value < 1e-140 {
            value *= 1e140;
            exponent -= 140;
        }
    }
    value * 10_f64.powi(exponent)
}

/// A square matrix times a power of ten.
#[derive(Clone)]
struct Matrix {
    side: usize,
    cells: Vec<f64>,
    exponent: i32,
}

impl Matrix {
    fn durbin(side: usize, h: f64) -> Self {
        let mut cells = vec![0.0; side * side];
        for (index, cell) in cells.iter_mut().enumerate() {
            let (row, column) = (index / side, index % side);
            *cell = if row + 1 >= column { 1.0 } else { 0.0 };
        }
        let mut power = h;
        for i in 0..side {
            cells[i * side] -= power;
            cells[(side - 1) * side + side - 1 - i] -= power;
            power *= h;
        }
        if 2.0 * h > 1.0 {
            let exponent = i32::try_from(side).unwrap_or(i32::MAX);
            cells[(side - 1) * side] += (2.0 * h - 1.0).powi(exponent);
        }
        for (index, cell) in cells.iter_mut().enumerate() {
            let (row, column) = (index / side, index % side);
            for factor in 2..=(row + 1).saturating_sub(column) {
                *cell /= factor as f64;
            }
        }
        Self { side, cells, exponent: 0 }
    }

    fn times(&self, other: &Self) -> Self {
        let side = self.side;
        let mut cells = vec![0.0; side * side];
        for row in 0..side {
            for middle in 0..side {
                let factor = self.cells[row * side + middle];
                for column in 0..side {
                    cells[row * side + column] += factor * other.cells[middle * side + column];
                }
            }
        }
        let mut product = Self { side, cells, exponent: self.exponent + other.exponent };
        if product.cells[(side / 2) * side + side / 2] > 1e140 {
            product.cells.iter_mut().for_each(|cell| *cell *= 1e-140);
            product.exponent += 140;
        }
        product
    }

    fn power(&self, n: usize) -> Self {
        if n == 1 {
            return self.clone();
        }
        let half = self.power(n / 2);
        let square = half.times(&half);
        if n.is_multiple_of(2) { square } else { self.times(&square) }
    }
}
