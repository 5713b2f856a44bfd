//! Single cases: the edges of each method, and what it refuses.

use std::f64::consts::LN_2;

use crate::{
    Alpha, Comoments, Direction, Loss, Moments, NonInferiority, Plan, Power, Proportion, RequiredUnits, Test,
    Unavailable, benjamini_hochberg, clustered_mean, cuped,
    drift::{kolmogorov_smirnov, kolmogorov_smirnov_binned},
    fisher_exact, holm, mann_whitney, mann_whitney_binned, mcnemar, non_inferior_proportions, ratio,
    sample_ratio, special, two_proportions, welch, wilson,
};

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 1e-9 * expected.abs()
}

fn share(successes: u64, units: u64) -> Proportion {
    Proportion { successes, failures: units - successes }
}

#[test]
fn levels_lie_strictly_between_zero_and_one() {
    for wrong in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!((Alpha::new(wrong), Power::new(wrong)), (None, None), "{wrong}");
    }
    assert_eq!(Alpha::new(0.05), Some(Alpha::USUAL));
    assert!(
        serde_json::from_str::<Alpha>("1.5")
            .unwrap_err()
            .to_string()
            .starts_with("`1.5` is not a probability")
    );
    assert_eq!(serde_json::from_str::<Alpha>("0.05").unwrap(), Alpha::USUAL);
}

#[test]
fn a_thousand_standard_errors_do_not_underflow() {
    // ln p = -z^2/2 - ln z + ln(2 / sqrt(2 pi)) + ln(1 - 1/z^2 + ...)
    let expected =
        -1000.0_f64 * 1000.0 / 2.0 - 1000.0_f64.ln() + 0.5 * (2.0 / std::f64::consts::PI).ln() - 1e-6;
    let sample = |mean| Moments::from_sample(1_000_000_000_000, mean, 5e11);
    let result = welch(&sample(0.0), &sample(1000.0), Alpha::USUAL).unwrap();
    assert!((result.statistic - 1000.0).abs() < 1e-9, "{}", result.statistic);
    assert!((result.log_p - expected).abs() < 1e-5 * expected.abs(), "{} {expected}", result.log_p);
    assert_eq!((result.p().to_bits(), result.log_p.is_finite()), (0, true));
}

#[test]
fn means_that_cannot_be_compared_say_why() {
    let constant = |n, mean| Moments::from_sample(n, mean, 0.0);
    let rows = [
        (Moments::default(), constant(5, 1.0), Unavailable::TooFewUnits { units: 0, needed: 2 }),
        (constant(5, 1.0), constant(1, 1.0), Unavailable::TooFewUnits { units: 1, needed: 2 }),
        (constant(5, 1.0), constant(5, 3.0), Unavailable::ZeroVariance { difference: 2.0 }),
        ([1.0, f64::NAN].into_iter().collect(), constant(5, 1.0), Unavailable::NotFinite),
        ([1.0, f64::INFINITY].into_iter().collect(), constant(5, 1.0), Unavailable::NotFinite),
        ([1e200, -1e200].into_iter().collect(), constant(5, 1.0), Unavailable::NotFinite),
    ];
    for (control, treatment, expected) in rows {
        assert_eq!(welch(&control, &treatment, Alpha::USUAL), Err(expected), "{control:?}");
    }
}

#[test]
fn equal_constants_do_not_differ() {
    let constant = Moments::from_sample(10, 2.0, 0.0);
    let result = welch(&constant, &constant, Alpha::USUAL).unwrap();
    assert_eq!(result.log_p.to_bits(), 0.0_f64.to_bits());
    assert_eq!((result.difference.low, result.difference.high), (0.0, 0.0));
}

#[test]
fn one_constant_arm_leaves_the_other_ones_degrees_of_freedom() {
    let result =
        welch(&Moments::from_sample(10, 1.0, 0.0), &Moments::from_sample(7, 2.0, 3.0), Alpha::USUAL).unwrap();
    assert!(close(result.df.unwrap(), 6.0));
}

#[test]
fn a_control_near_zero_has_no_lift() {
    let result =
        welch(&Moments::from_sample(50, 0.1, 1.0), &Moments::from_sample(50, 0.2, 1.0), Alpha::USUAL)
            .unwrap();
    assert_eq!(result.relative, Err(Unavailable::ControlNearZero));
    let json = serde_json::to_value(result).unwrap();
    assert_eq!(json["relative"]["reason"], "control-near-zero");
    assert_eq!(json["test"], "welch");
}

#[test]
fn a_lift_from_a_negative_control_has_the_sign_of_the_difference() {
    let result =
        welch(&Moments::from_sample(500, -3.0, 2.0), &Moments::from_sample(600, -2.8, 2.5), Alpha::USUAL)
            .unwrap();
    let lift = result.relative.unwrap();
    assert!(close(lift.value, 0.2 / 3.0), "{lift:?}");
    assert!(0.0 < lift.low && lift.low < lift.value && lift.value < lift.high, "{lift:?}");
}

#[test]
fn ratios_that_cannot_be_compared_say_why() {
    let fine: Comoments = [(1.0, 2.0), (0.0, 3.0), (2.0, 2.0)].into_iter().collect();
    let rows = [
        (Comoments::default(), Unavailable::TooFewUnits { units: 0, needed: 2 }),
        ([(1.0, 0.0), (2.0, 0.0)].into_iter().collect(), Unavailable::NoDenominator { sum: 0.0 }),
        ([(1.0, 1.0), (f64::NAN, 1.0)].into_iter().collect(), Unavailable::NotFinite),
    ];
    for (arm, expected) in rows {
        assert_eq!(ratio(&fine, &arm, Alpha::USUAL), Err(expected));
        assert_eq!(ratio(&arm, &fine, Alpha::USUAL), Err(expected));
        assert_eq!(clustered_mean(&arm, Alpha::USUAL), Err(expected));
    }
    let always: Comoments = [(2.0, 2.0), (3.0, 3.0)].into_iter().collect();
    let never: Comoments = [(0.0, 2.0), (0.0, 3.0)].into_iter().collect();
    assert_eq!(ratio(&never, &always, Alpha::USUAL), Err(Unavailable::ZeroVariance { difference: 1.0 }));
    assert_eq!(clustered_mean(&always, Alpha::USUAL), Err(Unavailable::ZeroVariance { difference: 1.0 }));
}

#[test]
fn rounding_does_not_pass_for_spread() {
    let constant =
        |ratio: f64| -> Comoments { (1..=50).map(|x| (ratio * f64::from(x), f64::from(x))).collect() };
    let result = ratio(&constant(0.3), &constant(0.7), Alpha::USUAL);
    assert!(matches!(result, Err(Unavailable::ZeroVariance { .. })), "{result:?}");
}

#[test]
fn identical_models_do_not_differ() {
    let none: Comoments = [(0.0, 2.0), (0.0, 5.0)].into_iter().collect();
    let result = clustered_mean(&none, Alpha::USUAL).unwrap();
    assert_eq!((result.log_p, result.mean.low, result.mean.high), (0.0, 0.0, 0.0));
}

#[test]
fn proportions_choose_their_test() {
    let rows = [
        (share(50, 100), share(60, 100), Test::Score),
        (share(10, 100), share(10, 100), Test::Score),
        (share(9, 100), share(10, 100), Test::FisherExact),
        (share(100, 100), share(95, 100), Test::FisherExact),
        (share(0, 1), share(1, 1), Test::FisherExact),
    ];
    for (control, treatment, expected) in rows {
        let result = two_proportions(control, treatment, Alpha::USUAL).unwrap();
        assert_eq!(result.test, expected, "{control:?} {treatment:?}");
        if expected == Test::FisherExact {
            assert_eq!(result.log_p, fisher_exact(control, treatment));
        }
    }
}

#[test]
fn proportions_without_units_or_successes() {
    let empty = Proportion::default();
    let too_few = Unavailable::TooFewUnits { units: 0, needed: 1 };
    assert_eq!(two_proportions(empty, share(1, 2), Alpha::USUAL), Err(too_few));
    assert_eq!(wilson(empty, Alpha::USUAL), Err(too_few));
    assert_eq!(empty.share(), None);
    let none = two_proportions(share(0, 500), share(0, 500), Alpha::USUAL).unwrap();
    assert_eq!((none.log_p, none.statistic, none.relative), (0.0, 0.0, Err(Unavailable::NoSuccesses)));
    // Nothing seen is not nothing there: about 3.8 in 500 at most (Wilson).
    assert!(close(none.treatment.high, 3.841_458_820_694_124 / (500.0 + 3.841_458_820_694_124)), "{none:?}");
    assert!(none.difference.low < -0.007 && none.difference.high > 0.007);
    let all = wilson(share(500, 500), Alpha::USUAL).unwrap();
    assert_eq!(all.high, 1.0);
}

#[test]
fn fisher_is_symmetric_in_everything() {
    for (a, b) in [(share(1, 8), share(7, 9)), (share(0, 500), share(6, 520)), (share(3, 7), share(3, 9))] {
        let flipped = |arm: Proportion| Proportion { successes: arm.failures, failures: arm.successes };
        let p = fisher_exact(a, b);
        for other in
            [fisher_exact(b, a), fisher_exact(flipped(a), flipped(b)), fisher_exact(flipped(b), flipped(a))]
        {
            assert!((p - other).abs() < 1e-10, "{p} {other}");
        }
    }
}

#[test]
fn fisher_on_a_small_table_is_the_sum_of_its_parts() {
    // Tea tasting (Fisher 1935): 3 of 4 and 1 of 4; tables have 1, 16, 36, 16, 1 of 70.
    assert!(close(fisher_exact(share(1, 4), share(3, 4)).exp(), 34.0 / 70.0));
    assert!(close(fisher_exact(share(0, 4), share(4, 4)).exp(), 2.0 / 70.0));
    assert_eq!(fisher_exact(share(2, 4), share(2, 4)), 0.0);
}

#[test]
fn mcnemar_is_symmetric_and_certain_where_nothing_differs() {
    for (b, c) in [(0, 5), (3, 17), (40, 41), (9_000, 11_000)] {
        assert_eq!(mcnemar(b, c), mcnemar(c, b));
        assert!(mcnemar(b, c).log_mid_p < mcnemar(b, c).log_p);
    }
    for same in [0, 1, 7, 100_000] {
        assert_eq!((mcnemar(same, same).log_p, mcnemar(same, same).log_mid_p), (0.0, 0.0));
    }
    // All of n on one side: 2 / 2^n, and half of that.
    let n = 2_000_u32;
    let result = mcnemar(0, n.into());
    assert!(close(result.log_p, (1.0 - f64::from(n)) * LN_2), "{result:?}");
    assert!(close(result.log_mid_p, -f64::from(n) * LN_2), "{result:?}");
}

#[test]
fn sample_ratios_choose_their_test() {
    let few = sample_ratio(&[9_990, 10], &[9_995.0, 5.0]).unwrap();
    assert!(few.exact && few.df == 1);
    // Poisson with mean 5, at least 10 or at most 0 (0.0318 and 0.0067); binomial is a shade less.
    assert!((few.p() - 0.0385).abs() < 0.001, "{}", few.p());
    let three = sample_ratio(&[60, 30, 10], &[6.0, 3.0, 1.0]).unwrap();
    assert!(!three.exact && three.df == 2 && close(three.p(), 1.0), "{three:?}");
    let bonferroni = sample_ratio(&[80, 11, 9], &[90.0, 5.0, 5.0]).unwrap();
    assert!(bonferroni.exact && bonferroni.p() < 0.05 && bonferroni.p() > 0.001, "{bonferroni:?}");
}

#[test]
fn an_arm_without_weight_does_not_count_unless_it_has_units() {
    let idle = sample_ratio(&[50, 50, 0], &[1.0, 1.0, 0.0]).unwrap();
    assert_eq!((idle.df, idle.is_mismatch()), (1, false));
    let broken = sample_ratio(&[50, 50, 1], &[1.0, 1.0, 0.0]).unwrap();
    assert!(broken.is_mismatch() && broken.log_p == f64::NEG_INFINITY);
}

#[test]
fn sample_ratios_refuse_what_is_no_split() {
    assert_eq!(sample_ratio(&[0, 0], &[1.0, 1.0]), Err(Unavailable::TooFewUnits { units: 0, needed: 1 }));
    let rows: [(&[u64], &[f64], f64); 5] = [
        (&[1, 2], &[1.0], 1.0),
        (&[1, 2], &[1.0, -1.0], -1.0),
        (&[1, 2], &[1.0, f64::INFINITY], f64::INFINITY),
        (&[1, 2], &[1.0, 0.0], 1.0),
        (&[], &[], 0.0),
    ];
    for (observed, weights, wrong) in rows {
        let error = sample_ratio(observed, weights).unwrap_err();
        assert!(matches!(error, Unavailable::Parameter { value, .. } if value == wrong), "{error:?}");
    }
}

#[test]
fn adjustments_keep_order_and_bounds() {
    assert_eq!(holm(&[]), Vec::<f64>::new());
    assert_eq!(benjamini_hochberg(&[]), Vec::<f64>::new());
    assert_eq!((holm(&[-3.0]), benjamini_hochberg(&[-3.0])), (vec![-3.0], vec![-3.0]));
    // Far beyond what a p-value can hold.
    let far = holm(&[-500_000.0, -2.0]);
    assert!(close(far[0], -500_000.0 + LN_2) && close(far[1], -2.0), "{far:?}");
    assert_eq!(holm(&[f64::NEG_INFINITY, 0.0]), [f64::NEG_INFINITY, 0.0]);
}

#[test]
fn plans_refuse_what_cannot_be_planned() {
    let plan = Plan::default();
    let lopsided = Plan { allocation: 0.0, ..plan };
    let rows = [
        plan.units_for_means(1.0, 1.0, 0.0),
        plan.units_for_means(1.0, 1.0, f64::NAN),
        plan.units_for_means(-1.0, 1.0, 1.0),
        plan.units_for_means(1.0, f64::INFINITY, 1.0),
        plan.units_for_means(1.0, 1.0, 1e-12),
        plan.units_for_proportions(0.1, 0.1),
        plan.units_for_proportions(0.1, 1.1),
        lopsided.units_for_means(1.0, 1.0, 1.0),
    ];
    for row in rows {
        assert!(matches!(row, Err(Unavailable::Parameter { .. })), "{row:?}");
    }
}

#[test]
fn a_lopsided_split_needs_more_units() {
    let even = Plan::default().units_for_means(4.0, 4.0, 0.5).unwrap();
    assert_eq!(even, RequiredUnits { control: 252, treatment: 252 });
    let canary = Plan { allocation: 0.1, ..Plan::default() }.units_for_means(4.0, 4.0, 0.5).unwrap();
    assert!(canary.control + canary.treatment > 2 * (even.control + even.treatment), "{canary:?}");
    assert_eq!(canary.treatment, canary.control.div_ceil(10));
}

#[test]
fn a_guardrail_passes_when_the_margin_is_excluded() {
    let arm = |mean| Moments::from_sample(1_000, mean, 1.0);
    let run = |mean, margin, better| {
        welch(&arm(10.0), &arm(mean), Alpha::USUAL)
            .unwrap()
            .non_inferior(margin, better, Alpha::USUAL)
            .unwrap()
    };
    let rows = [
        (10.0, 0.2, Direction::Higher, true),
        (10.0, 0.05, Direction::Higher, false),
        (9.9, 0.2, Direction::Higher, true),
        (9.8, 0.2, Direction::Higher, false),
        (9.8, 0.2, Direction::Lower, true),
        (10.2, 0.2, Direction::Lower, false),
        (11.0, 0.01, Direction::Higher, true),
    ];
    for (mean, margin, better, expected) in rows {
        let shown = run(mean, margin, better);
        assert_eq!(shown.passes(), expected, "{mean} {margin} {better:?}: {shown:?}");
        assert_eq!(shown.p() < 0.05, expected, "{shown:?}");
    }
}

#[test]
fn a_guardrail_on_proportions_agrees_with_its_interval() {
    let run = |a, b, margin, better, alpha| {
        non_inferior_proportions(a, b, margin, better, Alpha::new(alpha).unwrap()).unwrap()
    };
    let rows = [
        (share(900, 1_000), share(895, 1_000), 0.02, Direction::Higher),
        (share(900, 1_000), share(895, 1_000), 0.05, Direction::Higher),
        (share(0, 400), share(0, 400), 0.01, Direction::Lower),
        (share(3, 400), share(12, 400), 0.01, Direction::Lower),
        (share(400, 400), share(380, 400), 0.2, Direction::Higher),
    ];
    for (a, b, margin, better) in rows {
        let shown = run(a, b, margin, better, 0.05);
        assert_eq!(shown.passes(), shown.p() < 0.05, "{shown:?}");
        // At the level of its own p-value, the bound is the margin.
        if shown.p() < 0.5 {
            let NonInferiority { worst_loss, .. } = run(a, b, margin, better, shown.p());
            assert!((worst_loss - margin).abs() < 1e-9, "{worst_loss} {margin}");
        }
    }
    for margin in [0.0, -1.0, 1.0, f64::NAN] {
        let refused =
            non_inferior_proportions(share(1, 2), share(1, 2), margin, Direction::Higher, Alpha::USUAL);
        assert!(matches!(refused, Err(Unavailable::Parameter { .. })), "{margin}");
    }
}

#[test]
fn an_offset_costs_an_adjusted_difference_no_digits() {
    let pairs = |shift: f64, by: f64| -> Comoments {
        (0..40).map(|i| (f64::from(i % 7) + by + shift, f64::from(i % 5) + by + shift)).collect()
    };
    let plain = cuped(&pairs(0.0, 0.0), &pairs(0.0, 0.5), Alpha::USUAL).unwrap().comparison;
    let far = cuped(&pairs(1e8, 0.0), &pairs(1e8, 0.5), Alpha::USUAL).unwrap().comparison;
    assert!((plain.difference.value - far.difference.value).abs() < 1e-14, "{far:?}");
    assert!((plain.difference.standard_error - far.difference.standard_error).abs() < 1e-12, "{far:?}");
}

#[test]
fn tests_of_bins_are_those_of_the_numbers_in_them() {
    let (a, b) = ([0.0, 0.0, 1.0, 2.0, 2.0], [1.0, 2.0, 3.0, 3.0]);
    let (bins_a, bins_b) = ([2, 1, 2, 0], [0, 1, 1, 2]);
    assert_eq!(mann_whitney(&a, &b), mann_whitney_binned(&bins_a, &bins_b));
    let (raw, binned) =
        (kolmogorov_smirnov(&a, &b).unwrap(), kolmogorov_smirnov_binned(&bins_a, &bins_b).unwrap());
    assert!((raw.d - binned.d).abs() < 1e-15 && close(raw.p_limit, binned.p_limit), "{raw:?} {binned:?}");
}

#[test]
fn tails_of_beta_agree_where_the_recipe_changes() {
    // The larger shapes have another recipe; at a fixed number of standard deviations little changes with the shapes.
    for z in [-8.0_f64, -1.0, 0.0, 1e-6, 2.0, 20.0] {
        let tails = |n: f64| {
            let (a, b) = (0.3 * n, 0.7 * n);
            let x = 0.3 + z * (0.21 / n).sqrt();
            special::beta::log_tails(a, b, x, 1.0 - x)
        };
        let (below, above) = (tails(3.33e9), tails(3.34e9));
        assert!((below.0 - above.0).abs() < 1e-6 * (1.0 + below.0.abs()), "{z}: {below:?} {above:?}");
        assert!((below.1 - above.1).abs() < 1e-6 * (1.0 + below.1.abs()), "{z}: {below:?} {above:?}");
    }
}

#[test]
fn a_log_loss_is_clipped_from_both_sides() {
    let loss = Loss::Log { clip: 1e-15 };
    assert!(close(loss.of(0.0, true), -(1e-15_f64.ln())) && close(loss.of(1.0, false), -(1e-15_f64.ln())));
    assert!(close(loss.of(1e-20, false), 1e-15) && close(loss.of(0.25, true), 4.0_f64.ln()));
}
