//! How far numbers would have to be moved.

use crate::Unavailable;

/// Wasserstein's distance of order 1: the mean distance that the numbers of one sample have to be moved to become the
/// other; the area between the two distribution functions. In the numbers' own unit.
///
/// # Errors
/// [`Unavailable::TooFewUnits`] if a sample is empty, [`Unavailable::NotFinite`] for numbers that are not finite.
pub fn wasserstein(a: &[f64], b: &[f64]) -> Result<f64, Unavailable> {
    if a.is_empty() || b.is_empty() {
        return Err(Unavailable::TooFewUnits { units: 0, needed: 1 });
    }
    if a.iter().chain(b).any(|number| !number.is_finite()) {
        return Err(Unavailable::NotFinite);
    }
    let steps = |list: &[f64], sign: f64| {
        let step = sign / list.len() as f64;
        list.iter().map(|&number| (number, step)).collect::<Vec<_>>()
    };
    let mut all = [steps(a, 1.0), steps(b, -1.0)].concat();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut area, mut height) = (0.0, 0.0);
    for pair in all.windows(2) {
        height += pair[0].1;
        area += f64::abs(height) * (pair[1].0 - pair[0].0);
    }
    Ok(area)
}
