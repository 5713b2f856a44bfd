//! The exact Mann-Whitney test.

use crate::{Unavailable, rank::Ranks};

/// The most steps that the exact test takes; some 75 units in each arm.
const STEPS_MAX: u64 = 300_000_000;

/// The exact two-sided p-value of the Mann-Whitney test: the share of all ways to deal the ranks out to the arms
/// whose U is as far from its mean. Ties count as they are, by their shared ranks.
///
/// Gives U and the natural logarithm of the p-value.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if an arm is empty, [`Unavailable::NotFinite`] for NaN, [`Unavailable::Parameter`]
/// for more units than can be gone through.
pub fn mann_whitney_exact(control: &[f64], treatment: &[f64]) -> Result<(f64, f64), Unavailable> {
    let ranks = Ranks::of(control, treatment)?;
    let n = treatment.len();
    let total = control.len() + n;
    let steps = (total as u64).saturating_pow(3).saturating_mul(n as u64);
    if steps > STEPS_MAX {
        let parameter = "number of units that the exact test goes through; take rank.mann_whitney";
        return Err(Unavailable::Parameter { parameter, value: total as f64 });
    }
    // Twice the ranks are whole numbers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "twice a rank is whole and small"
    )]
    let doubled: Vec<usize> =
        ranks.control.iter().chain(&ranks.treatment).map(|rank| (2.0 * rank).round() as usize).collect();
    let chances = sums(&doubled, n);
    let seen: usize = doubled[control.len()..].iter().sum();
    let mean = n * (total + 1);
    let far = seen.abs_diff(mean);
    let p: f64 = chances
        .iter()
        .enumerate()
        .filter(|(sum, _)| sum.abs_diff(mean) >= far)
        .map(|(_, chance)| chance)
        .sum();
    let u = seen as f64 / 2.0 - (n * (n + 1)) as f64 / 2.0;
    Ok((u, p.min(1.0).ln()))
}

/// The chance of each sum of `n` of the numbers, all choices being equally likely. The counts stay far within the
/// floats for as many numbers as are let in.
fn sums(numbers: &[usize], n: usize) -> Vec<f64> {
    let largest: usize = numbers.iter().sum();
    let mut chances = vec![vec![0.0; largest + 1]; n + 1];
    chances[0][0] = 1.0;
    for (dealt, &number) in numbers.iter().enumerate() {
        for chosen in (0..n.min(dealt + 1)).rev() {
            let (from, to) = chances.split_at_mut(chosen + 1);
            let (from, to) = (&from[chosen], &mut to[0]);
            for (sum, chance) in from.iter().enumerate().take(largest + 1 - number) {
                to[sum + number] += chance;
            }
        }
    }
    let total: f64 = chances[n].iter().sum();
    chances.swap_remove(n).into_iter().map(|count| count / total).collect()
}
