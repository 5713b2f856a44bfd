//! Group-sequential tests: looks that are planned, with alpha spent over them.

use crate::{
    Alpha, Unavailable,
    numeric::{bisect, rule},
    special::normal,
};

/// The most looks.
pub const LOOKS_MAX: usize = 200;

/// How the chance of a false alarm is spent over the information gathered (Lan and DeMets, Biometrika 70, 1983).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spending {
    /// 2 (1 - Phi(z / sqrt(t))): hardly anything early, nearly all at the end (after O'Brien and Fleming).
    ObrienFleming,
    /// alpha ln(1 + (e - 1) t): about the same at each look (after Pocock).
    Pocock,
    /// alpha t^power (Kim and DeMets).
    Power(f64),
}

impl Spending {
    /// What may be spent, one-sided, until the share `t` of the planned information has been gathered.
    pub fn spent(self, t: f64, one_sided: Alpha) -> f64 {
        let (alpha, t) = (one_sided.get(), t.clamp(0.0, 1.0));
        match self {
            _ if t == 0.0 => 0.0,
            Self::ObrienFleming => 2.0 * normal::log_sf(normal::isf(alpha / 2.0) / t.sqrt()).exp(),
            Self::Pocock => alpha * ((std::f64::consts::E - 1.0) * t).ln_1p(),
            Self::Power(power) => alpha * t.powf(power),
        }
    }
}

/// Whether crossing on the one side ends the test while the other is ignored, or on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Only the upper boundary, as gsDesign's type 1 and Spotify have it.
    One,
    /// Both, at the same distance; each side spends what is given.
    Both,
}

/// The boundaries, in standard errors, at looks after the shares `times` of the planned information, so that until
/// each look the chance to have crossed, on one side, is `spent`. Infinite where a look has nothing to spend.
///
/// By the recursion of Armitage, McPherson and Rowe (Journal of the Royal Statistical Society A 132, 1969),
/// integrated by Gauss and Legendre's rule to some ten digits.
///
/// # Errors
/// [`Unavailable::Parameter`] for times that do not rise from above 0, spending that falls or is not within 0..1,
/// lists of different lengths, or more than [`LOOKS_MAX`] looks.
pub fn boundaries(times: &[f64], spent: &[f64], sides: Sides) -> Result<Vec<f64>, Unavailable> {
    check(times, spent)?;
    let mut walk = Walk { sides, nodes: vec![(0.0, 1.0)] };
    let (mut before, mut spent_before) = (0.0, 0.0);
    let mut bounds = Vec::with_capacity(times.len());
    for (&time, &spent) in times.iter().zip(spent) {
        let deviation = f64::sqrt(time - before);
        let bound = walk.bound(spent - spent_before, time, deviation);
        bounds.push(bound);
        walk = walk.step(bound, time, deviation);
        (before, spent_before) = (time, spent);
    }
    Ok(bounds)
}

/// Where the sum is while the test goes on: places and their chances. The sum's variance is the time.
struct Walk {
    sides: Sides,
    nodes: Vec<(f64, f64)>,
}

impl Walk {
    /// The boundary at the next look, at which `spend` is crossed on one side.
    fn bound(&self, spend: f64, time: f64, deviation: f64) -> f64 {
        const FARTHEST: f64 = 38.0;
        if spend <= 0.0 {
            return f64::INFINITY;
        }
        let root = time.sqrt();
        let crosses = |bound: f64| -> f64 {
            let tail = |place: f64| normal::log_sf((bound * root - place) / deviation).exp();
            self.nodes.iter().map(|&(place, chance)| chance * tail(place)).sum()
        };
        if let [(_, _)] = self.nodes[..] {
            // The first look has a closed form.
            return normal::isf(spend);
        }
        bisect(-FARTHEST, FARTHEST, |bound| crosses(bound) > spend)
    }

    /// The walk after a look at which it did not cross.
    fn step(&self, bound: f64, time: f64, deviation: f64) -> Self {
        const REACH: f64 = 9.0;
        let root = time.sqrt();
        let high = bound.min(REACH) * root;
        let low = if self.sides == Sides::Both { -high } else { -REACH * root };
        if high <= low {
            return Self { sides: self.sides, nodes: vec![(low, 0.0), (low, 0.0)] };
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 48 and 2,000")]
        let panels = ((high - low) / deviation).clamp(48.0, 2_000.0) as u32;
        let density = |place: f64| {
            let near = REACH * deviation;
            let first = self.nodes.partition_point(|(from, _)| *from < place - near);
            let kernel = |from: f64| (-((place - from) / deviation).powi(2) / 2.0).exp();
            let sum: f64 = self.nodes[first..]
                .iter()
                .take_while(|(from, _)| *from <= place + near)
                .map(|&(from, chance)| chance * kernel(from))
                .sum();
            sum / deviation * (-normal::LN_SQRT_2PI).exp()
        };
        let nodes =
            rule(low, high, panels).into_iter().map(|(place, weight)| (place, weight * density(place)));
        Self { sides: self.sides, nodes: nodes.collect() }
    }
}

fn check(times: &[f64], spent: &[f64]) -> Result<(), Unavailable> {
    if times.is_empty() || times.len() != spent.len() || times.len() > LOOKS_MAX {
        let parameter = "number of looks, there must be 1 to 200, with what is spent until each";
        return Err(Unavailable::Parameter { parameter, value: times.len() as f64 });
    }
    let mut before = 0.0;
    for &value in times {
        if !(value > before && value.is_finite()) {
            return Err(Unavailable::Parameter {
                parameter: "time of a look, they must rise from above 0",
                value,
            });
        }
        before = value;
    }
    let mut before = 0.0;
    for &value in spent {
        if !(value >= before && value < 1.0) {
            let parameter = "share of alpha spent, it must rise and be below 1";
            return Err(Unavailable::Parameter { parameter, value });
        }
        before = value;
    }
    Ok(())
}
