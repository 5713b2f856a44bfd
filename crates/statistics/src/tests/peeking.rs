//! Two arms watched all the time: false alarms stay below alpha, and effects are found.

use super::random::Random;
use crate::{
    Alpha, Comoments, Moments, Proportion,
    sequential::{
        BURN_IN, NormalMixture, Sequential, conversions_sequential, counts::multinomial, means_sequential,
        ratios_sequential,
    },
};

const RUNS: u32 = 400;
const UNITS: u32 = 2_000;

/// The share of experiments that ever reach 1 / alpha, looking every twenty units; a fifth of them in treatment.
fn ever<A: Default>(
    seed: u64,
    push: impl Fn(&mut A, &mut Random, bool),
    watch: impl Fn(&A, &A) -> Result<Sequential, crate::Unavailable>,
) -> f64 {
    let mut random = Random::new(seed);
    let limit = -Alpha::USUAL.get().ln();
    let rejects = |random: &mut Random| {
        let mut arms = [A::default(), A::default()];
        (0..UNITS).any(|unit| {
            let treated = random.happens(0.2);
            push(&mut arms[usize::from(treated)], random, treated);
            unit % 20 == 0
                && watch(&arms[0], &arms[1]).is_ok_and(|seen| seen.is_burnt_in && seen.log_e >= limit)
        })
    };
    f64::from((0..RUNS).map(|_| u32::from(rejects(&mut random))).sum::<u32>()) / f64::from(RUNS)
}

fn mixture(alpha: f64) -> NormalMixture {
    NormalMixture::tuned_for(2_000.0, Alpha::new(alpha).unwrap()).unwrap()
}

/// 0.05 and four standard deviations of a share of so many runs.
const MOST: f64 = 0.05 + 0.044;

#[test]
fn means_keep_their_level_though_a_small_arm_varies_more() {
    let run = |seed, effect: f64| {
        let push = |arm: &mut Moments, random: &mut Random, treated: bool| {
            let (mean, deviation) = if treated { (effect, 3.0) } else { (0.0, 1.0) };
            arm.push(mean + deviation * random.normal());
        };
        ever(seed, push, |a, b| means_sequential(a, b, mixture(0.05)))
    };
    let (none, some) = (run(1, 0.0), run(2, 0.8));
    assert!(none < MOST, "{none}");
    assert!(some > 0.9, "{some}");
}

#[test]
fn ratios_keep_their_level_though_events_of_a_unit_are_alike() {
    let run = |seed, effect: f64| {
        let push = |arm: &mut Comoments, random: &mut Random, treated: bool| {
            let rate = 0.1 + 0.6 * random.uniform() + if treated { effect } else { 0.0 };
            let events = random.events(5.0);
            let successes = (0..events).map(|_| u32::from(random.happens(rate))).sum::<u32>();
            arm.push(f64::from(successes), f64::from(events));
        };
        ever(seed, push, |a, b| ratios_sequential(a, b, mixture(0.05)))
    };
    let (none, some) = (run(3, 0.0), run(4, 0.15));
    assert!(none < MOST, "{none}");
    assert!(some > 0.9, "{some}");
}

#[test]
fn conversions_keep_their_level_rare_and_common() {
    for (seed, rate, effect) in [(5, 0.01, 0.12), (6, 0.5, 0.18)] {
        let run = |seed, effect: f64| {
            let push = |arm: &mut Proportion, random: &mut Random, treated: bool| {
                arm.push(random.happens(rate + if treated { effect } else { 0.0 }));
            };
            // Before the burn-in too: that part is exact.
            ever(seed, push, |a, b| {
                let seen = conversions_sequential(*a, *b, [0.8, 0.2], mixture(0.025))?;
                Ok(Sequential { is_burnt_in: true, ..seen })
            })
        };
        let (none, some) = (run(seed, 0.0), run(seed + 10, effect));
        assert!(none < MOST, "{rate}: {none}");
        assert!(some > 0.9, "{rate}: {some}");
    }
}

#[test]
fn the_interval_is_trivial_before_the_burn_in_and_there_is_none_without_units() {
    let arm = |successes, failures| Proportion { successes, failures };
    let seen = conversions_sequential(arm(1, 99), arm(5, 95), [0.5; 2], mixture(0.025)).unwrap();
    let exact = multinomial(&[1, 5], &[0.5; 2], 4.0 / 1.2_f64.ln().powi(2)).unwrap();
    assert!(!seen.is_burnt_in && (seen.log_e - (exact - 2.0_f64.ln())).abs() < 1e-12);
    assert_eq!((seen.estimate.low, seen.estimate.high), (-1.0, 1.0));
    assert!(conversions_sequential(arm(0, 0), arm(5, 95), [0.5; 2], mixture(0.025)).is_err());
    let one: Moments = [1.0].into_iter().collect();
    assert!(means_sequential(&one, &one, mixture(0.05)).is_err());
    let alike: Moments = std::iter::repeat_n(1.0, 20).collect();
    let other: Moments = std::iter::repeat_n(2.0, 20).collect();
    assert!(means_sequential(&alike, &other, mixture(0.05)).is_err());
    let same = means_sequential(&alike, &alike, mixture(0.05)).unwrap();
    assert!(same.log_e <= 0.0 && BURN_IN <= 20.0 && same.is_burnt_in);
}
