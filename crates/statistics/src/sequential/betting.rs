//! Testing a mean by betting against it.

use crate::{Alpha, Unavailable};

/// The predictable bets: sqrt(2 ln(1 / alpha) / (t ln(1 + t) s^2)), with the variance s^2 seen before, started at a
/// quarter.
pub(super) struct Bets {
    log: f64,
    t: f64,
    sum: f64,
    squares: f64,
}

impl Bets {
    pub(super) fn new(alpha: f64) -> Self {
        Self { log: -2.0 * alpha.ln(), t: 1.0, sum: 0.5, squares: 0.25 }
    }

    /// The bet on the next number.
    pub(super) fn next(&self) -> f64 {
        let variance = self.squares / self.t;
        (self.log / (self.t * self.t.ln_1p() * variance)).sqrt()
    }

    pub(super) fn observe(&mut self, number: f64) {
        self.t += 1.0;
        self.sum += number;
        self.squares += (number - (self.sum / self.t).min(1.0)).powi(2);
    }
}

/// The natural logarithm of the capital of a gambler who bets, hedged both ways, against numbers within 0..1 having
/// the mean `mean` (Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86, 2024, section 4): an
/// e-value, at any time, of that mean. Bets risk half of what could be lost. Order matters: it is a stream.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] without numbers, [`Unavailable::Parameter`] for a number outside 0..1, or a mean that
/// is not strictly within.
pub fn log_capital(numbers: &[f64], mean: f64, alpha: Alpha) -> Result<f64, Unavailable> {
    check(numbers)?;
    if !(mean > 0.0 && mean < 1.0) {
        let parameter = "mean, it must be between 0 and 1, both exclusive";
        return Err(Unavailable::Parameter { parameter, value: mean });
    }
    let mut bets = Bets::new(alpha.half());
    let (mut above, mut below) = (0.0, 0.0);
    for &number in numbers {
        let bet = bets.next();
        above += (bet.min(0.5 / mean) * (number - mean)).ln_1p();
        below += (-bet.min(0.5 / (1.0 - mean)) * (number - mean)).ln_1p();
        bets.observe(number);
    }
    Ok(f64::max(above, below) - std::f64::consts::LN_2)
}

pub(super) fn check(numbers: &[f64]) -> Result<(), Unavailable> {
    if numbers.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    match numbers.iter().find(|number| !(0.0..=1.0).contains(*number)) {
        Some(&value) => Err(Unavailable::Parameter { parameter: "number between 0 and 1", value }),
        None => Ok(()),
    }
}
