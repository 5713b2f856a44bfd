//! Roots, minima and integrals of functions of one number.

/// The nodes and weights of Gauss and Legendre's rule of twenty points, on the positive half of -1..1.
const LEGENDRE: [(f64, f64); 10] = [
    (0.076_526_521_133_497_33, 0.152_753_387_130_725_85),
    (0.227_785_851_141_645_08, 0.149_172_986_472_603_75),
    (0.373_706_088_715_419_56, 0.142_096_109_318_382_05),
    (0.510_867_001_950_827_1, 0.131_688_638_449_176_63),
    (0.636_053_680_726_515_1, 0.118_194_531_961_518_42),
    (0.746_331_906_460_150_8, 0.101_930_119_817_240_44),
    (0.839_116_971_822_218_8, 0.083_276_741_576_704_75),
    (0.912_234_428_251_326, 0.062_672_048_334_109_06),
    (0.963_971_927_277_913_8, 0.040_601_429_800_386_94),
    (0.993_128_599_185_094_9, 0.017_614_007_139_152_118),
];

/// The nodes and weights of the rule of twenty points on each of `panels` equal parts of `low`..`high`, in rising
/// order.
pub(crate) fn rule(low: f64, high: f64, panels: u32) -> Vec<(f64, f64)> {
    let half = (high - low) / f64::from(panels) / 2.0;
    let mut nodes = Vec::with_capacity(20 * panels as usize);
    for panel in 0..panels {
        let centre = low + half * (2.0 * f64::from(panel) + 1.0);
        nodes.extend(LEGENDRE.iter().rev().map(|(x, weight)| (centre - half * x, half * weight)));
        nodes.extend(LEGENDRE.iter().map(|(x, weight)| (centre + half * x, half * weight)));
    }
    nodes
}

/// The integral of `value` over `low`..`high`.
pub(crate) fn integrate(low: f64, high: f64, panels: u32, value: impl Fn(f64) -> f64) -> f64 {
    rule(low, high, panels).into_iter().map(|(x, weight)| weight * value(x)).sum()
}

/// Where `is_below` turns from true to false between `low` and `high`, to the last digit.
pub(crate) fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..400 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Where `value`, which has one valley between `low` and `high`, is least, to half the digits (golden section).
pub(crate) fn lowest(mut low: f64, mut high: f64, value: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (value(left), value(right));
    for _ in 0..120 {
        if at_left < at_right {
            high = right;
            (right, at_right) = (left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = value(left);
        } else {
            low = left;
            (left, at_left) = (right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = value(right);
        }
    }
    f64::midpoint(low, high)
}

/// Where `holds`, true at `low`, ceases to hold, to some hundredth of the way.
pub(crate) fn bisect_roughly(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..7 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
