//! Properties: merging, mirroring, and shifts.

use proptest::prelude::*;

use crate::{
    Alpha, Comoments, ExactComoments, ExactMoments, Moments, Proportion,
    bayes::{Prior, beta_binomial},
    benjamini_hochberg, clustered_mean, fisher_exact, hodges_lehmann, holm, mann_whitney, mcnemar,
    miettinen_nurminen, ratio, sample_ratio,
    sequential::counts::multinomial,
    two_proportions, welch,
};

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e3..1e3_f64, 2..60)
}

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((-1e2..1e2_f64, 1.0..20.0_f64), 2..60)
}

fn arm() -> impl Strategy<Value = Proportion> {
    (0_u64..2_000, 0_u64..2_000)
        .prop_filter("an arm has a unit", |(successes, failures)| successes + failures > 0)
        .prop_map(|(successes, failures)| Proportion { successes, failures })
}

/// Numbers of every size, and of the same few, so that variances can be zero.
fn anything() -> impl Strategy<Value = Vec<f64>> {
    let any = prop_oneof![
        prop::num::f64::ANY,
        prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        -1e3..1e3_f64,
        Just(0.0),
        Just(1.0),
    ];
    prop::collection::vec(any, 0..8)
}

/// JSON has neither NaN nor infinity: both become null.
fn all_finite(answer: &impl serde::Serialize) -> bool {
    !serde_json::to_string(answer).unwrap().contains("null")
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale.max(a.abs()).max(b.abs())
}

proptest! {
    #[test]
    fn merging_any_split_equals_pushing(numbers in numbers(), at in 0_usize..60, offset in prop_oneof![Just(0.0), Just(1e9)]) {
        let numbers: Vec<f64> = numbers.iter().map(|number| number + offset).collect();
        let (left, right) = numbers.split_at(at.min(numbers.len()));
        let whole: Moments = numbers.iter().copied().collect();
        let (left, right): (Moments, Moments) = (left.iter().copied().collect(), right.iter().copied().collect());
        let merged = |mut first: Moments, second: &Moments| { first.merge(second); first };
        for merged in [merged(left, &right), merged(right, &left)] {
            prop_assert_eq!(merged.n, whole.n);
            prop_assert!(close(merged.mean, whole.mean, 1e3));
            prop_assert!(close(merged.m2, whole.m2, 1.0), "{} {}", merged.m2, whole.m2);
        }
    }

    #[test]
    fn merging_any_split_of_pairs_equals_pushing(pairs in pairs(), at in 0_usize..60) {
        let (left, right) = pairs.split_at(at.min(pairs.len()));
        let whole: Comoments = pairs.iter().copied().collect();
        let mut merged: Comoments = left.iter().copied().collect();
        merged.merge(&right.iter().copied().collect());
        prop_assert_eq!(merged.n, whole.n);
        prop_assert!(close(merged.m2_y, whole.m2_y, 1.0) && close(merged.m2_x, whole.m2_x, 1.0));
        prop_assert!(close(merged.c_yx, whole.c_yx, 1e3));
    }

    #[test]
    fn a_large_offset_costs_no_digits(numbers in numbers()) {
        // Multiples of 2^-10, so that adding the offset is exact.
        let plain: Vec<f64> = numbers.iter().map(|number| (number * 1024.0).round() / 1024.0).collect();
        let whole: Moments = plain.iter().copied().collect();
        let shifted: Moments = plain.iter().map(|number| number + 1e9).collect();
        prop_assert!(close(whole.m2, shifted.m2, 1e-3), "{} {}", whole.m2, shifted.m2);
    }

    #[test]
    fn summaries_survive_json(numbers in numbers(), pairs in pairs()) {
        let moments: Moments = numbers.into_iter().collect();
        let comoments: Comoments = pairs.into_iter().collect();
        let json = serde_json::to_string(&(moments, comoments)).unwrap();
        let (n, m2, c): (u64, f64, f64) = {
            let (moments, comoments): (Moments, Comoments) = serde_json::from_str(&json).unwrap();
            (moments.n, moments.m2, comoments.c_yx)
        };
        prop_assert_eq!(n, moments.n);
        prop_assert!(close(m2, moments.m2, 0.0) && close(c, comoments.c_yx, 0.0));
    }

    #[test]
    fn no_answer_is_nan_or_infinite(a in anything(), b in anything(), x in anything()) {
        let moments = |numbers: &[f64]| -> Moments { numbers.iter().copied().collect() };
        let units = |y: &[f64]| -> Comoments { y.iter().copied().zip(x.iter().copied()).collect() };
        if let Ok(result) = welch(&moments(&a), &moments(&b), Alpha::USUAL) {
            prop_assert!(all_finite(&result), "{result:?}");
        }
        if let Ok(result) = ratio(&units(&a), &units(&b), Alpha::USUAL) {
            prop_assert!(all_finite(&crate::Comparison { df: Some(1.0), ..result }), "{result:?}");
        }
        if let Ok(result) = clustered_mean(&units(&a), Alpha::USUAL) {
            prop_assert!(all_finite(&result), "{result:?}");
        }
    }

    #[test]
    fn swapping_arms_negates_the_difference(a in numbers(), b in numbers()) {
        let (a, b): (Moments, Moments) = (a.into_iter().collect(), b.into_iter().collect());
        if let (Ok(forth), Ok(back)) = (welch(&a, &b, Alpha::USUAL), welch(&b, &a, Alpha::USUAL)) {
            prop_assert!(close(forth.difference.value, -back.difference.value, 0.0));
            prop_assert!(close(forth.difference.low, -back.difference.high, 1.0));
            prop_assert!(close(forth.log_p, back.log_p, 1.0));
            prop_assert!(forth.log_p <= 0.0);
            // The interval excludes zero exactly if the test alarms.
            let excluded = forth.difference.low > 0.0 || forth.difference.high < 0.0;
            prop_assert_eq!(excluded, forth.p() < 0.05);
        }
    }

    #[test]
    fn a_ratio_over_ones_is_a_mean(a in numbers(), b in numbers()) {
        let ones = |numbers: &[f64]| -> Comoments { numbers.iter().map(|&number| (number, 1.0)).collect() };
        let means = welch(&a.iter().copied().collect(), &b.iter().copied().collect(), Alpha::USUAL);
        if let (Ok(means), Ok(ratios)) = (means, ratio(&ones(&a), &ones(&b), Alpha::USUAL)) {
            prop_assert!(close(means.difference.value, ratios.difference.value, 1.0));
            prop_assert!(close(means.difference.standard_error, ratios.difference.standard_error, 1e-3));
        }
    }

    #[test]
    fn clustered_differences_change_sign_with_the_models(pairs in pairs()) {
        let swapped: Comoments = pairs.iter().map(|&(y, x)| (-y, x)).collect();
        let plain: Comoments = pairs.into_iter().collect();
        if let (Ok(forth), Ok(back)) = (clustered_mean(&plain, Alpha::USUAL), clustered_mean(&swapped, Alpha::USUAL)) {
            prop_assert!(close(forth.mean.value, -back.mean.value, 0.0));
            prop_assert!(close(forth.log_p, back.log_p, 1.0));
        }
    }

    #[test]
    fn proportions_are_sound_for_any_arms(a in arm(), b in arm()) {
        let forth = two_proportions(a, b, Alpha::USUAL).unwrap();
        let back = two_proportions(b, a, Alpha::USUAL).unwrap();
        prop_assert!(close(forth.difference.low, -back.difference.high, 1e-3));
        prop_assert!(close(forth.log_p, back.log_p, 1.0), "{} {}", forth.log_p, back.log_p);
        prop_assert!(forth.log_p <= 0.0 && forth.log_p.is_finite());
        for estimate in [forth.control, forth.treatment] {
            prop_assert!((0.0..=1.0).contains(&estimate.low) && (0.0..=1.0).contains(&estimate.high));
            prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high + 1e-15);
        }
        prop_assert!(forth.difference.low <= forth.difference.value && forth.difference.value <= forth.difference.high);
        if let Ok(lift) = forth.relative {
            prop_assert!(lift.low <= lift.value && lift.value <= lift.high);
        }
    }

    #[test]
    fn exact_tests_equal_their_plain_sums(a in 0_u64..25, m in 1_u64..25, b in 0_u64..25, n in 1_u64..25) {
        let (a, b) = (a.min(m), b.min(n));
        let arm = |successes, units: u64| Proportion { successes, failures: units - successes };
        let p = fisher_exact(arm(a, m), arm(b, n)).exp();
        prop_assert!((p - plain_fisher(a, m, b, n)).abs() < 1e-9, "{} {}", p, plain_fisher(a, m, b, n));
        let exact = mcnemar(a, b).log_p.exp();
        prop_assert!((exact - plain_sign(a, b)).abs() < 1e-9, "{} {}", exact, plain_sign(a, b));
        let split = sample_ratio(&[a, b + 1], &[2.0, 1.0]).unwrap();
        if split.exact {
            prop_assert!((split.p() - plain_binomial(a, a + b + 1, 2.0 / 3.0)).abs() < 1e-9, "{:?}", split);
        }
    }

    #[test]
    fn adjusted_p_values_are_no_smaller_and_keep_their_order(log_p in prop::collection::vec(-50.0..0.0_f64, 1..20)) {
        let (holm, hochberg) = (holm(&log_p), benjamini_hochberg(&log_p));
        for (index, raw) in log_p.iter().enumerate() {
            prop_assert!(*raw <= hochberg[index] && hochberg[index] <= holm[index] && holm[index] <= 0.0);
        }
        for (a, b) in (0..log_p.len()).flat_map(|a| (0..log_p.len()).map(move |b| (a, b))) {
            if log_p[a] < log_p[b] {
                prop_assert!(holm[a] <= holm[b] && hochberg[a] <= hochberg[b]);
            }
        }
    }
}

fn choose(n: u64, k: u64) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (k - i) as f64).product()
}

/// The chances no larger than the one seen, with the ties of rounding.
fn no_likelier(chances: &[f64], seen: f64) -> f64 {
    chances.iter().filter(|&&chance| chance <= seen * (1.0 + 1e-7)).sum::<f64>().min(1.0)
}

fn plain_fisher(a: u64, m: u64, b: u64, n: u64) -> f64 {
    let k = a + b;
    let chance = |x: u64| choose(m, x) * choose(n, k - x) / choose(m + n, k);
    let chances: Vec<f64> = (k.saturating_sub(n)..=k.min(m)).map(chance).collect();
    no_likelier(&chances, chance(a))
}

fn plain_binomial(k: u64, n: u64, p: f64) -> f64 {
    let chance = |x: u64| choose(n, x) * p.powf(x as f64) * (1.0 - p).powf((n - x) as f64);
    let chances: Vec<f64> = (0..=n).map(chance).collect();
    no_likelier(&chances, chance(k))
}

fn plain_sign(a: u64, b: u64) -> f64 {
    plain_binomial(a, a + b, 0.5)
}

fn whole_numbers() -> impl Strategy<Value = Vec<f64>> {
    let number = (-100_000_000_i64..100_000_000).prop_map(|millionths| millionths as f64 / 1e6);
    prop::collection::vec(number, 2..40)
}

proptest! {
    #[test]
    fn exact_sums_are_the_same_in_any_order_and_retract(numbers in whole_numbers(), extra in whole_numbers(), at in 0_usize..40) {
        let sums = |numbers: &[f64]| {
            let mut sums = ExactMoments::default();
            numbers.iter().for_each(|number| sums.push(*number).unwrap());
            sums
        };
        let whole = sums(&numbers);
        let reversed: Vec<f64> = numbers.iter().rev().copied().collect();
        prop_assert_eq!(sums(&reversed), whole);
        let (left, right) = numbers.split_at(at.min(numbers.len()));
        let mut merged = sums(right);
        merged.merge(&sums(left));
        prop_assert_eq!(merged, whole);
        let mut retracted = sums(&[numbers.as_slice(), &extra].concat());
        extra.iter().for_each(|number| retracted.retract(*number).unwrap());
        prop_assert_eq!(retracted, whole);
        let floats: Moments = numbers.iter().copied().collect();
        let exact = whole.moments();
        prop_assert!(close(exact.mean, floats.mean, 1.0) && close(exact.m2, floats.m2, 1.0), "{:?} {:?}", exact, floats);
    }

    #[test]
    fn exact_pairs_agree_with_floats_and_retract(pairs in pairs(), extra in pairs()) {
        let mut sums = ExactComoments::default();
        pairs.iter().chain(&extra).for_each(|(y, x)| sums.push(*y, *x).unwrap());
        extra.iter().for_each(|(y, x)| sums.retract(*y, *x).unwrap());
        let floats: Comoments = pairs.iter().copied().collect();
        let exact = sums.comoments();
        // Millionths are rounded to.
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * (1.0 + a.abs());
        prop_assert!(near(exact.c_yx, floats.c_yx) && near(exact.m2_x, floats.m2_x) && near(exact.mean_y, floats.mean_y));
    }

    #[test]
    fn ranks_are_mirrored_and_shifted_along(a in whole_numbers(), b in whole_numbers(), shift in -50_i32..50) {
        let (forth, back) = (mann_whitney(&a, &b).unwrap(), mann_whitney(&b, &a).unwrap());
        prop_assert!(close(forth.statistic, -back.statistic, 1.0) && close(forth.log_p, back.log_p, 1.0));
        let moved: Vec<f64> = b.iter().map(|number| number + f64::from(shift)).collect();
        let (before, after) = (hodges_lehmann(&a, &b).unwrap(), hodges_lehmann(&a, &moved).unwrap());
        prop_assert!(close(after - before, f64::from(shift), 1e3));
    }

    #[test]
    fn evidence_does_not_depend_on_the_order_of_arms(counts in prop::collection::vec(0_u64..1_000_000, 2..5), k in 0.1..1e4_f64) {
        let shares: Vec<f64> = (1..=counts.len()).map(|index| index as f64).collect();
        let forth = multinomial(&counts, &shares, k).unwrap();
        let reversed = |list: &[f64]| -> Vec<f64> { list.iter().rev().copied().collect() };
        let turned: Vec<u64> = counts.iter().rev().copied().collect();
        let back = multinomial(&turned, &reversed(&shares), k).unwrap();
        prop_assert!(close(forth, back, 1.0), "{} {}", forth, back);
    }

    #[test]
    fn score_intervals_hold_the_difference_seen(control in arm(), treatment in arm()) {
        let interval = miettinen_nurminen(control, treatment, Alpha::USUAL).unwrap();
        let seen = treatment.share().unwrap() - control.share().unwrap();
        prop_assert!(interval.low <= seen + 1e-12 && seen <= interval.high + 1e-12);
        prop_assert!(-1.0 <= interval.low && interval.high <= 1.0);
    }

    #[test]
    fn chances_to_win_add_up(control in arm(), treatment in arm()) {
        let prior = Prior { successes: 1.0, failures: 1.0 };
        let result = beta_binomial(control, treatment, prior).unwrap();
        // Both come from one quadrature, which ends at about 1e-9.
        let sum = result.log_treatment_higher.exp() + result.log_control_higher.exp();
        prop_assert!((sum - 1.0).abs() < 1e-8, "{}", sum);
        // Chances change places with the arms, and so do losses.
        let back = beta_binomial(treatment, control, prior).unwrap();
        prop_assert!(close(back.log_control_higher, result.log_treatment_higher, 1.0));
        prop_assert!((back.loss_of_control - result.loss_of_treatment).abs() < 1e-12);
    }
}
