//! Something differs: is it found as often as planned, and do intervals hold it?

use super::{ALPHA, Promise, Random, Row, Size, ever};
use crate::{
    Alpha, Comoments, Moments, Plan, Proportion, cuped, miettinen_nurminen,
    sequential::{NormalMixture, counts},
    two_proportions, welch,
};

pub(super) fn rows(size: Size) -> Vec<Row> {
    let parts: [fn(Size) -> Vec<Row>; 4] = [shares, means, always_valid, adjusted];
    parts.into_iter().flat_map(|part| part(size)).collect()
}

fn arm(random: &mut Random, units: u64, rate: f64) -> Proportion {
    let mut arm = Proportion::default();
    (0..units).for_each(|_| arm.push(random.happens(rate)));
    arm
}

fn shares(size: Size) -> Vec<Row> {
    let (a, b) = (0.2, 0.26);
    let plan = Plan::default();
    let units = plan.units_for_proportions(a, b).unwrap();
    let [found, newcombe, score] = ever(size.runs, 201, |random| {
        let (control, treatment) = (arm(random, units.control, a), arm(random, units.treatment, b));
        let result = two_proportions(control, treatment, Alpha::USUAL).unwrap();
        let interval = miettinen_nurminen(control, treatment, Alpha::USUAL).unwrap();
        let within = |low: f64, high: f64| low < b - a && b - a < high;
        [
            result.log_p < ALPHA.ln(),
            within(result.difference.low, result.difference.high),
            within(interval.low, interval.high),
        ]
    });
    let story = "20 % against 26 %, units as planned";
    vec![
        Row::new(story, "score test finds it", Promise::About(plan.power.get()), found, size.runs),
        Row::new(story, "Newcombe's interval holds it", Promise::About(1.0 - ALPHA), newcombe, size.runs),
        Row::new(story, "Miettinen and Nurminen's holds it", Promise::About(1.0 - ALPHA), score, size.runs),
    ]
}

fn means(size: Size) -> Vec<Row> {
    let plan = Plan::default();
    let units = plan.units_for_means(4.0, 9.0, 0.5).unwrap().control;
    let sample = |random: &mut Random, mean: f64, deviation: f64| -> Moments {
        (0..units).map(|_| mean + deviation * random.normal()).collect()
    };
    let [found, absolute, relative] = ever(size.runs, 202, |random| {
        let (a, b) = (sample(random, 10.0, 2.0), sample(random, 10.5, 3.0));
        let result = welch(&a, &b, Alpha::USUAL).unwrap();
        let lift = result.relative.unwrap();
        [
            result.log_p < ALPHA.ln(),
            result.difference.low < 0.5 && 0.5 < result.difference.high,
            lift.low < 0.05 && 0.05 < lift.high,
        ]
    });
    let story = "means 10 and 10.5, units as planned";
    vec![
        Row::new(story, "Welch's t-test finds it", Promise::About(plan.power.get()), found, size.runs),
        Row::new(
            story,
            "the difference's interval holds it",
            Promise::About(1.0 - ALPHA),
            absolute,
            size.runs,
        ),
        Row::new(story, "the lift's interval holds it", Promise::About(1.0 - ALPHA), relative, size.runs),
    ]
}

/// Looked at every hundred units, up to as many as an always-valid test takes.
fn always_valid(size: Size) -> Vec<Row> {
    let plan = Plan::default();
    let effect = 0.2;
    let fixed = plan.units_for_means(1.0, 1.0, effect).unwrap();
    let total = (fixed.control + fixed.treatment) as f64 * plan.sequential_inflation().unwrap();
    let mixture = NormalMixture::tuned_for(total, Alpha::USUAL).unwrap();
    let [found, missed, log_ratio] = ever(size.runs, 203, |random| {
        let mut arms = [Moments::default(); 2];
        let (mut found, mut missed) = (false, false);
        let mut unit = 0.0;
        while unit < total {
            unit += 1.0;
            let arm = usize::from(random.happens(0.5));
            arms[arm].push(random.normal() + effect * arm as f64);
            if unit % 100.0 == 0.0 {
                let difference = welch(&arms[0], &arms[1], Alpha::USUAL).unwrap().difference;
                let (interval, log_e) = mixture.watch(difference.value, difference.standard_error, unit);
                found |= log_e >= -ALPHA.ln();
                missed |= effect < interval.low || interval.high < effect;
            }
        }
        [found, missed, misses_ratio(random)]
    });
    let story = "means differ by 0.2 deviations, units as an always-valid test takes";
    vec![
        Row::new(
            story,
            "normal mixture finds it by then",
            Promise::AtLeast(plan.power.get()),
            found,
            size.runs,
        ),
        Row::new(story, "its interval ever misses it", Promise::AtMost(ALPHA), missed, size.runs),
        Row::new(
            "twice as many errors in a 10 % canary",
            "the count e-process's interval ever misses it",
            Promise::AtMost(ALPHA),
            log_ratio,
            size.runs,
        ),
    ]
}

/// Errors come one by one, in the canary with the chance that twice the rate gives.
fn misses_ratio(random: &mut Random) -> bool {
    let (share, truth) = (0.1, 2.0_f64);
    let chance = share * truth / (1.0 - share + share * truth);
    let mut seen = [0, 0];
    (1..=400).any(|event| {
        seen[usize::from(random.happens(chance))] += 1;
        let look = event % 20 == 0;
        let interval =
            look.then(|| counts::conversions(seen, [1.0 - share, share], 50.0, Alpha::USUAL).unwrap());
        interval.is_some_and(|interval| truth.ln() < interval.low || interval.high < truth.ln())
    })
}

/// Adjustment takes away what the covariate explains, and keeps the level.
fn adjusted(size: Size) -> Vec<Row> {
    let correlation = 0.8_f64;
    let rest = (1.0 - correlation * correlation).sqrt();
    let sample = |random: &mut Random| -> Comoments {
        let unit = |random: &mut Random| {
            let x = random.normal();
            (correlation * x + rest * random.normal(), x)
        };
        (0..400).map(|_| unit(random)).collect()
    };
    let mut narrowing = Moments::default();
    let [alarm, holds] = ever(size.runs, 204, |random| {
        let (a, b) = (sample(random), sample(random));
        let result = cuped(&a, &b, Alpha::USUAL).unwrap().comparison;
        let of_y =
            |pairs: &Comoments| Moments { n: pairs.n, mean: pairs.mean_y, mean_rest: 0.0, m2: pairs.m2_y };
        let plain = welch(&of_y(&a), &of_y(&b), Alpha::USUAL).unwrap();
        narrowing.push(result.difference.standard_error / plain.difference.standard_error);
        [result.log_p < ALPHA.ln(), result.difference.low < 0.0 && 0.0 < result.difference.high]
    });
    assert!((narrowing.mean - rest).abs() < 0.01, "{} in place of {rest}", narrowing.mean);
    let story = "no effect, a covariate with correlation 0.8 (interval 0.60 as wide)";
    vec![
        Row::new(story, "CUPED, one look", Promise::About(ALPHA), alarm, size.runs),
        Row::new(story, "its interval holds the truth", Promise::About(1.0 - ALPHA), holds, size.runs),
    ]
}
