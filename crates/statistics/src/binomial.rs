//! The binomial distribution and its exact test.

use crate::special::{beta, gamma::log_saddle, log_add, normal::LN_SQRT_2PI};

/// Two chances that differ by less than this share are taken as equal, as R's `binom.test` does: rounding must
/// not decide whether the mirror image of what was seen counts.
pub(crate) const TIE: f64 = 1e-7;

/// Successes in `n` independent trials, each with chance `p` in (0, 1).
#[derive(Clone, Copy, Debug)]
pub struct Binomial {
    /// How many trials.
    pub n: u64,
    /// Each one's chance.
    pub p: f64,
}

/// The natural logarithm of the exact two-sided p-value of `successes` in trials that should each have the chance
/// `p`: the chance of all counts that are no likelier.
///
/// # Errors
/// [`Unavailable::Parameter`](crate::Unavailable::Parameter) for a chance that is not strictly between 0 and 1.
pub fn exact_binomial(seen: crate::Proportion, p: f64) -> Result<f64, crate::Unavailable> {
    if !(p > 0.0 && p < 1.0) {
        let parameter = "chance, it must be between 0 and 1, both exclusive";
        return Err(crate::Unavailable::Parameter { parameter, value: p });
    }
    Ok(Binomial { n: seen.units(), p }.log_p(seen.successes))
}

impl Binomial {
    /// The logarithm of the chance of exactly `k` successes, by Loader's saddle-point form.
    pub fn log_pmf(self, k: u64) -> f64 {
        let n = self.n as f64;
        if k > self.n {
            return f64::NEG_INFINITY;
        }
        if k == 0 {
            return n * (-self.p).ln_1p();
        }
        if k == self.n {
            return n * self.p.ln();
        }
        let (a, b) = (k as f64, (self.n - k) as f64);
        log_saddle(a, b, (self.p, 1.0 - self.p), a - n * self.p) + 0.5 * (n / a / b).ln() - LN_SQRT_2PI
    }

    /// The logarithm of the chance of at most `k` successes.
    pub fn log_cdf(self, k: u64) -> f64 {
        if k >= self.n { 0.0 } else { self.log_split(k + 1).1 }
    }

    /// The logarithm of the chance of at least `k` successes.
    pub fn log_at_least(self, k: u64) -> f64 {
        match k {
            0 => 0.0,
            k if k > self.n => f64::NEG_INFINITY,
            k => self.log_split(k).0,
        }
    }

    /// At least `k`, and fewer, for k in 1..=n.
    fn log_split(self, k: u64) -> (f64, f64) {
        beta::log_tails(k as f64, (self.n - k + 1) as f64, self.p, 1.0 - self.p)
    }

    /// The logarithm of the exact two-sided p-value of `k`: the chance of all counts that are no likelier than it.
    pub fn log_p(self, k: u64) -> f64 {
        let seen = self.log_pmf(k);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded down, and at most n"
        )]
        let mode = (((self.n as f64 + 1.0) * self.p).floor() as u64).min(self.n);
        let unlikely = |count: u64| self.log_pmf(count) <= seen + TIE;
        let p = if unlikely(mode) {
            0.0
        } else if k < mode {
            log_add(self.log_cdf(k), self.log_at_least(first(mode, self.n + 1, unlikely)))
        } else {
            let below = first(0, mode + 1, |distance| unlikely(mode - distance));
            let lower = if below > mode { f64::NEG_INFINITY } else { self.log_cdf(mode - below) };
            log_add(self.log_at_least(k), lower)
        };
        p.min(0.0)
    }
}

/// The first number in `start..end` for which `holds`, which never ceases to hold once it does; `end` if none.
pub(crate) fn first(start: u64, end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (start, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
