//! Unconditional exact tests of two small proportions.

use crate::{Proportion, Unavailable, binomial::Binomial, fisher::fisher_tails, numeric::lowest};

/// The most tables that the unconditional tests go through: (units + 1) of one arm times those of the other.
pub const TABLES_MAX: u64 = 40_000;

/// Barnard's and Boschloo's tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unconditional {
    /// The two-sided p-value of Barnard's test, tables ordered by the score statistic, those as extreme as the one
    /// seen counted in.
    pub barnard: f64,
    /// The same with tables whose statistic is equal but for rounding counted as rounding has it: the number that
    /// scipy 1.17 gives, which can be too small. For comparison only.
    pub barnard_as_rounded: f64,
    /// The one-sided p-value of Boschloo's test that the first share is larger, tables ordered by Fisher's p-value.
    pub boschloo_greater: f64,
}

/// The largest chance, over all common shares, of tables as extreme as that seen (Barnard, Nature 156, 1945;
/// Boschloo, Statistica Neerlandica 24, 1970). Exact as Fisher's test, and less cautious.
///
/// The common share is searched on a grid of 400 steps and refined around the best one.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm has no unit, [`Unavailable::Parameter`] beyond [`TABLES_MAX`] tables.
pub fn unconditional(first: Proportion, second: Proportion) -> Result<Unconditional, Unavailable> {
    let (m, n) = (first.units(), second.units());
    if m == 0 || n == 0 {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    let tables = u128::from(m + 1) * u128::from(n + 1);
    if tables > u128::from(TABLES_MAX) {
        let parameter = "number of tables that unconditional tests go through, it must be 40,000 at most";
        return Err(Unavailable::Parameter { parameter, value: tables as f64 });
    }
    let all = || (0..=m).flat_map(|i| (0..=n).map(move |j| table(m, n, i, j)));
    let z = score(first, second).abs();
    let extreme = |least: f64| all().filter(|&(a, b)| score(a, b).abs() >= least).collect::<Vec<_>>();
    let fisher = |a: Proportion, b: Proportion| fisher_tails(b, a).log_greater;
    let seen = fisher(first, second);
    let boschloo: Vec<_> = all().filter(|&(a, b)| fisher(a, b) <= seen + 1e-12).collect();
    Ok(Unconditional {
        barnard: worst(m, n, &extreme(z - 1e-12)),
        barnard_as_rounded: worst(m, n, &extreme(z)),
        boschloo_greater: worst(m, n, &boschloo),
    })
}

fn table(m: u64, n: u64, i: u64, j: u64) -> (Proportion, Proportion) {
    let arm = |units, successes| Proportion { successes, failures: units - successes };
    (arm(m, i), arm(n, j))
}

fn score(a: Proportion, b: Proportion) -> f64 {
    let (m, n) = (a.units() as f64, b.units() as f64);
    let pooled = (a.successes + b.successes) as f64 / (m + n);
    let variance = pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n);
    let difference = a.successes as f64 / m - b.successes as f64 / n;
    if variance == 0.0 { 0.0 } else { difference / variance.sqrt() }
}

/// The largest chance of the tables over all common shares.
fn worst(m: u64, n: u64, tables: &[(Proportion, Proportion)]) -> f64 {
    const STEPS: u32 = 400;
    let chances =
        |n: u64, p: f64| -> Vec<f64> { (0..=n).map(|k| Binomial { n, p }.log_pmf(k).exp()).collect() };
    let chance = |p: f64| -> f64 {
        let (first, second) = (chances(m, p), chances(n, p));
        let at = |list: &[f64], arm: Proportion| usize::try_from(arm.successes).map_or(0.0, |k| list[k]);
        tables.iter().map(|&(a, b)| at(&first, a) * at(&second, b)).sum()
    };
    let step = 1.0 / f64::from(STEPS);
    let grid = (1..STEPS).map(|i| f64::from(i) * step);
    let best = grid.max_by(|&p, &q| chance(p).total_cmp(&chance(q))).unwrap_or(0.5);
    let (low, high) = ((best - step).max(step * 1e-6), (best + step).min(1.0 - step * 1e-6));
    chance(lowest(low, high, |p| -chance(p))).max(chance(best)).min(1.0)
}
