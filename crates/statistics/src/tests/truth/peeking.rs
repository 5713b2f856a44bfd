//! Nothing differs, and somebody looks after every hundred units.

use super::{ALPHA, Promise, Random, Row, Size, ever};
use crate::{
    Alpha, Comoments, Moments, Proportion, clustered_mean, cuped, ratio,
    sequential::{
        NormalMixture,
        bernstein::ScoreDifferences,
        counts,
        group::{Sides, Spending, boundaries},
        proportions_sequential,
    },
    special::normal,
    two_proportions, welch,
};

/// How many units come between looks.
const PACE: u32 = 100;

pub(super) fn rows(size: Size) -> Vec<Row> {
    let parts: [fn(Size) -> Vec<Row>; 6] = [conversions, canary, money, clusters, shadows, splits];
    parts.into_iter().flat_map(|part| part(size)).collect()
}

/// The always-valid test's evidence, as far as a rule needs it.
fn is_enough(log_e: f64) -> bool {
    log_e >= -ALPHA.ln()
}

fn mixture(size: Size) -> NormalMixture {
    NormalMixture::tuned_for(f64::from(size.units), Alpha::USUAL).unwrap()
}

/// Two arms of conversions, of which the second has this share of the units.
fn watch_conversions(random: &mut Random, size: Size, rate: f64, share: f64) -> [bool; 3] {
    let mut arms = [Proportion::default(); 2];
    let mut said = [false; 3];
    for unit in 1..=size.units {
        let arm = usize::from(random.happens(share));
        arms[arm].push(random.happens(rate));
        if unit % PACE == 0 && arms.iter().all(|arm| arm.units() > 0) {
            let [a, b] = arms;
            let fixed = two_proportions(a, b, Alpha::USUAL).unwrap();
            said[0] |= normal::log_two_sided(fixed.statistic.abs()) < ALPHA.ln();
            let evidence = counts::multinomial(&[a.successes, b.successes], &[1.0 - share, share], 100.0);
            said[1] |= is_enough(evidence.unwrap());
            let watched = proportions_sequential(a, b, mixture(size)).unwrap();
            said[2] |= watched.is_burnt_in && is_enough(watched.log_e);
        }
    }
    said
}

fn conversions(size: Size) -> Vec<Row> {
    let story = "A/A, 10 % convert, even split";
    let [fixed, exact, watched] = ever(size.runs, 101, |random| watch_conversions(random, size, 0.1, 0.5));
    vec![
        Row::new(story, "fixed score test at every look", Promise::FarAbove(ALPHA), fixed, size.runs),
        Row::new(story, "count e-process", Promise::AtMost(ALPHA), exact, size.runs),
        Row::new(story, "normal mixture, pooled, after burn-in", Promise::AtMost(ALPHA), watched, size.runs),
    ]
}

fn canary(size: Size) -> Vec<Row> {
    let story = "A/A, 5 % convert, 5 % canary";
    let [fixed, exact, watched] = ever(size.runs, 102, |random| watch_conversions(random, size, 0.05, 0.05));
    vec![
        Row::new(story, "fixed score test at every look", Promise::FarAbove(ALPHA), fixed, size.runs),
        Row::new(story, "count e-process", Promise::AtMost(ALPHA), exact, size.runs),
        Row::new(story, "normal mixture, pooled, after burn-in", Promise::AtMost(ALPHA), watched, size.runs),
    ]
}

/// Lopsided money, and what the unit spent before, which is like it.
fn watch_money(random: &mut Random, size: Size) -> [bool; 3] {
    let mut arms = [Comoments::default(); 2];
    let mut said = [false; 3];
    for unit in 1..=size.units {
        let habit = random.normal();
        let (now, before) = (habit + 0.6 * random.normal(), habit + 0.6 * random.normal());
        arms[usize::from(random.happens(0.5))].push((0.5 * now).exp(), (0.5 * before).exp());
        if unit % PACE == 0 && unit >= 2 * PACE {
            let [a, b] = &arms;
            let fixed = welch(&own(a), &own(b), Alpha::USUAL).unwrap();
            said[0] |= fixed.log_p < ALPHA.ln();
            let n = f64::from(unit);
            said[1] |= is_enough(mixture(size).log_e(fixed.statistic, n));
            let adjusted = cuped(a, b, Alpha::USUAL).unwrap().comparison;
            said[2] |= is_enough(mixture(size).log_e(adjusted.statistic, n));
        }
    }
    said
}

fn own(pairs: &Comoments) -> Moments {
    Moments { n: pairs.n, mean: pairs.mean_y, mean_rest: pairs.rest_y, m2: pairs.m2_y }
}

fn money(size: Size) -> Vec<Row> {
    let story = "A/A, lopsided money";
    let [fixed, watched, adjusted] = ever(size.runs, 103, |random| watch_money(random, size));
    vec![
        Row::new(story, "Welch's t-test at every look", Promise::FarAbove(ALPHA), fixed, size.runs),
        Row::new(story, "normal mixture", Promise::AtMost(ALPHA), watched, size.runs),
        Row::new(story, "normal mixture with CUPED", Promise::AtMost(ALPHA), adjusted, size.runs),
    ]
}

/// Ten events a unit, all much alike; units are a tenth as many.
fn watch_clusters(random: &mut Random, size: Size) -> [bool; 3] {
    let mut arms = [Comoments::default(); 2];
    let mut events = [Proportion::default(); 2];
    let mut said = [false; 3];
    for unit in 1..=size.units / 5 {
        let arm = usize::from(random.happens(0.5));
        let habit = if random.happens(0.5) { 0.9 } else { 0.1 };
        let successes = (0..10).filter(|_| random.happens(habit)).count();
        (0..10).for_each(|event| events[arm].push(event < successes));
        arms[arm].push(successes as f64, 10.0);
        if unit % (PACE / 2) == 0 && unit >= PACE {
            let result = ratio(&arms[0], &arms[1], Alpha::USUAL).unwrap();
            said[0] |= is_enough(mixture(size).log_e(result.statistic, f64::from(unit)));
        }
    }
    let result = ratio(&arms[0], &arms[1], Alpha::USUAL).unwrap();
    said[1] = result.log_p < ALPHA.ln();
    said[2] = two_proportions(events[0], events[1], Alpha::USUAL).unwrap().log_p < ALPHA.ln();
    said
}

fn clusters(size: Size) -> Vec<Row> {
    let story = "A/A, ten events a unit, much alike";
    let [watched, once, naive] = ever(size.runs, 104, |random| watch_clusters(random, size));
    vec![
        Row::new(
            story,
            "ratio by units, normal mixture at every look",
            Promise::AtMost(ALPHA),
            watched,
            size.runs,
        ),
        Row::new(story, "ratio by units, one look", Promise::About(ALPHA), once, size.runs),
        Row::new(story, "score test of events, one look", Promise::FarAbove(ALPHA), naive, size.runs),
    ]
}

/// Two models as good as each other, whose errors differ by event; units bring several events.
fn watch_shadows(random: &mut Random, size: Size) -> [bool; 4] {
    let (mut losses, mut units) = (ScoreDifferences::default(), Comoments::default());
    let mut discordant = [0_u64; 2];
    let mut said = [false; 4];
    for unit in 1..=size.units / 5 {
        let lean = 0.3 * (random.uniform() - 0.5);
        let mut sum = 0.0;
        for _ in 0..5 {
            sum += lean + 0.4 * (random.uniform() - 0.5);
        }
        // Of a unit's events the later ones can be told from the earlier ones: one number a unit.
        losses.push(sum / 5.0);
        units.push(sum, 5.0);
        if random.happens(0.2) {
            discordant[usize::from(random.happens(0.5))] += 1;
        }
        if unit % (PACE / 5) == 0 && unit >= PACE {
            let interval = losses.interval((-1.0, 1.0), 10.0, Alpha::USUAL).unwrap();
            said[0] |= interval.mean.abs() > interval.radius;
            let [first, second] = discordant;
            said[1] |= is_enough(counts::mcnemar(first, second, 1.0).unwrap());
            said[2] |= crate::mcnemar(first, second).log_mid_p < ALPHA.ln();
        }
    }
    said[3] = clustered_mean(&units, Alpha::USUAL).unwrap().log_p < ALPHA.ln();
    said
}

fn shadows(size: Size) -> Vec<Row> {
    let story = "shadow as good as production, five events a unit";
    let [bernstein, exact, fixed, once] = ever(size.runs, 105, |random| watch_shadows(random, size));
    vec![
        Row::new(
            story,
            "empirical Bernstein of unit means, every look",
            Promise::AtMost(ALPHA),
            bernstein,
            size.runs,
        ),
        Row::new(story, "McNemar e-process at every look", Promise::AtMost(ALPHA), exact, size.runs),
        Row::new(story, "McNemar's mid-p at every look", Promise::FarAbove(ALPHA), fixed, size.runs),
        Row::new(story, "paired mean by units, one look", Promise::About(ALPHA), once, size.runs),
    ]
}

/// A healthy split, and planned looks at a mean.
fn watch_split(random: &mut Random, size: Size, bounds: &[f64]) -> [bool; 3] {
    let mut units = [0_u64; 2];
    let mut said = [false; 3];
    let (mut sum, mut looks) = (0.0, bounds.iter());
    for unit in 1..=size.units {
        units[usize::from(random.happens(0.3))] += 1;
        sum += random.normal();
        if unit % PACE == 0 {
            said[0] |= crate::sample_ratio(&units, &[0.7, 0.3]).unwrap().log_p < ALPHA.ln();
            said[1] |= is_enough(counts::multinomial(&units, &[0.7, 0.3], 100.0).unwrap());
        }
        if unit % (size.units / 5) == 0
            && let Some(bound) = looks.next()
        {
            said[2] |= f64::abs(sum) / f64::from(unit).sqrt() > *bound;
        }
    }
    said
}

fn splits(size: Size) -> Vec<Row> {
    let times = [0.2, 0.4, 0.6, 0.8, 1.0];
    let one_sided = Alpha::new(ALPHA / 2.0).unwrap();
    let spent = times.map(|t| Spending::ObrienFleming.spent(t, one_sided));
    let bounds = boundaries(&times, &spent, Sides::Both).unwrap();
    let [fixed, exact, planned] = ever(size.runs, 106, |random| watch_split(random, size, &bounds));
    vec![
        Row::new(
            "healthy split, 70 : 30",
            "chi-squared at every look",
            Promise::FarAbove(ALPHA),
            fixed,
            size.runs,
        ),
        Row::new("healthy split, 70 : 30", "multinomial e-process", Promise::AtMost(ALPHA), exact, size.runs),
        Row::new(
            "no effect, five planned looks",
            "O'Brien-Fleming spending",
            Promise::About(ALPHA),
            planned,
            size.runs,
        ),
    ]
}
