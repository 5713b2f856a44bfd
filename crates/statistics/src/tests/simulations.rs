//! Simulations with a known truth. Seeds are fixed, so each either always holds or never.
//!
//! The rate of false alarms must lie within four standard deviations of alpha, or below it for exact tests,
//! which are conservative. Each has a counterpart that plants an effect, and finds it as often as promised.

use super::random::Random;
use crate::{
    Alpha, Comoments, Comparison, Moments, Plan, Proportion, clustered_mean, mcnemar, ratio, sample_ratio,
    two_proportions, welch,
};

const ALPHA: f64 = 0.05;
const RUNS: u32 = 4_000;

/// How many of `runs` experiments alarm.
fn alarms(runs: u32, seed: u64, mut experiment: impl FnMut(&mut Random) -> f64) -> f64 {
    let mut random = Random::new(seed);
    let count = (0..runs).filter(|_| experiment(&mut random) < ALPHA.ln()).count();
    count as f64 / f64::from(runs)
}

fn assert_near(rate: f64, expected: f64, runs: u32) {
    let bound = 4.0 * (expected * (1.0 - expected) / f64::from(runs)).sqrt();
    assert!((rate - expected).abs() < bound, "rate {rate}, {expected} ± {bound} expected");
}

fn normal_arm(random: &mut Random, units: u32, mean: f64, deviation: f64) -> Moments {
    (0..units).map(|_| mean + deviation * random.normal()).collect()
}

/// Units with a habit of their own and 1 to many events each: what makes events dependent.
fn clustered_arm(random: &mut Random, units: u32, rate: f64) -> Comoments {
    let unit = |random: &mut Random| {
        let own = (rate + 0.25 * (random.uniform() - 0.5)).clamp(0.0, 1.0);
        let events = random.events(5.0);
        let successes = (0..events).filter(|_| random.happens(own)).count();
        (successes as f64, f64::from(events))
    };
    (0..units).map(|_| unit(random)).collect()
}

fn proportion_arm(random: &mut Random, units: u32, rate: f64) -> Proportion {
    let mut arm = Proportion::default();
    (0..units).for_each(|_| arm.push(random.happens(rate)));
    arm
}

fn log_p(result: Result<Comparison, crate::Unavailable>) -> f64 {
    result.unwrap().log_p
}

#[test]
fn welch_alarms_at_alpha_with_unequal_arms() {
    let rate = alarms(RUNS, 1, |random| {
        let (a, b) = (normal_arm(random, 15, 10.0, 1.0), normal_arm(random, 60, 10.0, 4.0));
        log_p(welch(&a, &b, Alpha::USUAL))
    });
    assert_near(rate, ALPHA, RUNS);
}

#[test]
fn welch_finds_a_planted_effect_as_often_as_planned() {
    let plan = Plan::default();
    let units = plan.units_for_means(4.0, 4.0, 0.5).unwrap();
    let n = u32::try_from(units.control).unwrap();
    assert_eq!(units.control, units.treatment);
    let rate = alarms(RUNS, 2, |random| {
        let (a, b) = (normal_arm(random, n, 10.0, 2.0), normal_arm(random, n, 10.5, 2.0));
        log_p(welch(&a, &b, Alpha::USUAL))
    });
    assert_near(rate, plan.power.get(), RUNS);
}

#[test]
fn welch_intervals_cover_the_truth() {
    let mut random = Random::new(3);
    let covered = |random: &mut Random| {
        let (a, b) = (normal_arm(random, 30, 20.0, 2.0), normal_arm(random, 50, 21.0, 5.0));
        let result = welch(&a, &b, Alpha::USUAL).unwrap();
        let lift = result.relative.unwrap();
        let holds = |estimate: crate::Estimate, truth| estimate.low < truth && truth < estimate.high;
        (holds(result.difference, 1.0), holds(lift, 0.05))
    };
    let (mut absolute, mut relative) = (0, 0);
    for _ in 0..RUNS {
        let (first, second) = covered(&mut random);
        absolute += u32::from(first);
        relative += u32::from(second);
    }
    assert_near(f64::from(absolute) / f64::from(RUNS), 1.0 - ALPHA, RUNS);
    assert_near(f64::from(relative) / f64::from(RUNS), 1.0 - ALPHA, RUNS);
}

#[test]
fn ratios_alarm_at_alpha_although_events_are_dependent() {
    let rate = alarms(RUNS, 4, |random| {
        let (a, b) = (clustered_arm(random, 200, 0.3), clustered_arm(random, 250, 0.3));
        log_p(ratio(&a, &b, Alpha::USUAL))
    });
    assert_near(rate, ALPHA, RUNS);
}

#[test]
fn ratios_find_a_planted_effect() {
    let rate = alarms(500, 5, |random| {
        let (a, b) = (clustered_arm(random, 400, 0.30), clustered_arm(random, 400, 0.36));
        log_p(ratio(&a, &b, Alpha::USUAL))
    });
    assert!(rate > 0.9, "{rate}");
}

#[test]
fn proportions_alarm_at_alpha_and_exact_ones_below() {
    let many = |random: &mut Random| {
        let (a, b) = (proportion_arm(random, 300, 0.3), proportion_arm(random, 200, 0.3));
        log_p(two_proportions(a, b, Alpha::USUAL))
    };
    assert_near(alarms(RUNS, 6, many), ALPHA, RUNS);
    let few = |random: &mut Random| {
        let (a, b) = (proportion_arm(random, 60, 0.05), proportion_arm(random, 40, 0.05));
        log_p(two_proportions(a, b, Alpha::USUAL))
    };
    let rate = alarms(RUNS, 7, few);
    assert!(rate > 0.0 && rate < ALPHA, "{rate}");
}

#[test]
fn proportions_find_a_planted_effect_as_often_as_planned() {
    let plan = Plan::default();
    let n = u32::try_from(plan.units_for_proportions(0.2, 0.28).unwrap().control).unwrap();
    let rate = alarms(RUNS, 8, |random| {
        let (a, b) = (proportion_arm(random, n, 0.2), proportion_arm(random, n, 0.28));
        log_p(two_proportions(a, b, Alpha::USUAL))
    });
    assert_near(rate, plan.power.get(), RUNS);
}

#[test]
fn newcombe_intervals_cover_rare_successes() {
    let mut random = Random::new(9);
    let covered = (0..RUNS)
        .filter(|_| {
            let (a, b) = (proportion_arm(&mut random, 200, 0.02), proportion_arm(&mut random, 150, 0.05));
            let difference = two_proportions(a, b, Alpha::USUAL).unwrap().difference;
            difference.low < 0.03 && 0.03 < difference.high
        })
        .count();
    let rate = covered as f64 / f64::from(RUNS);
    // Newcombe (1998) found between 0.93 and 0.98 for such arms.
    assert!((0.93..0.98).contains(&rate), "{rate}");
}

#[test]
fn clustered_means_alarm_at_alpha_and_find_a_planted_shift() {
    let pairs = |random: &mut Random, shift: f64| -> Comoments {
        let unit = |random: &mut Random| {
            let (own, events) = (random.normal(), random.events(4.0));
            let sum: f64 = (0..events).map(|_| own + random.normal() + shift).sum();
            (sum, f64::from(events))
        };
        (0..120).map(|_| unit(random)).collect()
    };
    let run = |random: &mut Random, shift| clustered_mean(&pairs(random, shift), Alpha::USUAL).unwrap().log_p;
    assert_near(alarms(RUNS, 10, |random| run(random, 0.0)), ALPHA, RUNS);
    let found = alarms(500, 11, |random| run(random, 0.6));
    assert!(found > 0.9, "{found}");
}

#[test]
fn mcnemar_alarms_below_alpha_and_finds_a_better_model() {
    let run = |random: &mut Random, first: f64| {
        let wins = (0..80).filter(|_| random.happens(first)).count() as u64;
        mcnemar(wins, 80 - wins)
    };
    let exact = alarms(RUNS, 12, |random| run(random, 0.5).log_p);
    let middle = alarms(RUNS, 12, |random| run(random, 0.5).log_mid_p);
    assert!(exact > 0.0 && exact <= middle && exact < ALPHA, "{exact} {middle}");
    assert_near(middle, ALPHA, RUNS);
    let found = alarms(500, 13, |random| run(random, 0.7).log_mid_p);
    assert!(found > 0.9, "{found}");
}

#[test]
fn sample_ratios_alarm_at_alpha_and_find_a_leak() {
    let run = |random: &mut Random, share: f64| {
        let first = (0..2_000).filter(|_| random.happens(share)).count() as u64;
        sample_ratio(&[first, 2_000 - first], &[3.0, 1.0]).unwrap().log_p
    };
    assert_near(alarms(RUNS, 14, |random| run(random, 0.75)), ALPHA, RUNS);
    let found = alarms(500, 15, |random| run(random, 0.70));
    assert!(found > 0.9, "{found}");
}
