//! Shares in whole basis points, so that sums are exact.

use std::fmt;

use serde::Serialize;

/// A share in whole basis points: 250 is 2.5 %, 10,000 is all. Never more than 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BasisPoints(u16);

/// Why a number is not a share in whole basis points.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NotBasisPoints {
    /// Below 0, above 1, or no number at all.
    #[error("`{0}` is not a share between 0 and 1")]
    Outside(f64),
    /// Finer than 0.0001.
    #[error("`{0}` is finer than a basis point; shares are multiples of 0.0001")]
    TooFine(f64),
}

impl BasisPoints {
    /// Everything.
    pub const ALL: Self = Self(10_000);

    /// `count` basis points, or nothing if that is more than all.
    pub const fn new(count: u16) -> Option<Self> {
        if count <= Self::ALL.0 { Some(Self(count)) } else { None }
    }

    /// Reads a share written as a fraction: 0.02 is 200 basis points.
    ///
    /// # Errors
    /// A fraction outside 0..=1, or one that is not a multiple of 0.0001. Decimal fractions are not exact in
    /// binary, so a difference of a billionth of the share is forgiven.
    pub fn from_fraction(fraction: f64) -> Result<Self, NotBasisPoints> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(NotBasisPoints::Outside(fraction));
        }
        let exact = fraction * f64::from(Self::ALL.0);
        let whole = exact.round();
        if (exact - whole).abs() > whole * 1e-9 {
            return Err(NotBasisPoints::TooFine(fraction));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within 0..=10,000"
        )]
        Ok(Self(whole as u16))
    }

    /// The number of basis points, 0 to 10,000.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The share as a fraction of one.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ALL.0)
    }

    /// The share of a share, in whole basis points, rounded down.
    pub fn of(self, whole: Self) -> Self {
        let product = u32::from(self.0) * u32::from(whole.0) / u32::from(Self::ALL.0);
        #[expect(clippy::cast_possible_truncation, reason = "a product of two shares is at most 10,000")]
        Self(product as u16)
    }
}

/// As a percentage: `2.5 %`.
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_multiple_of_a_basis_point() {
        for count in 0..=10_000_u16 {
            let written: f64 = format!("{}.{:04}", count / 10_000, count % 10_000).parse().unwrap();
            assert_eq!(BasisPoints::from_fraction(written), Ok(BasisPoints(count)), "{written}");
        }
    }

    #[test]
    fn refuses_what_is_outside_or_too_fine() {
        for outside in [-0.0001, 1.0001, 2.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(BasisPoints::from_fraction(outside), Err(NotBasisPoints::Outside(outside)));
        }
        assert!(matches!(BasisPoints::from_fraction(f64::NAN), Err(NotBasisPoints::Outside(_))));
        for fine in [0.000_05, 0.000_15, 0.123_456, 1e-300] {
            assert_eq!(BasisPoints::from_fraction(fine), Err(NotBasisPoints::TooFine(fine)));
        }
        assert_eq!(BasisPoints::new(10_001), None);
    }

    #[test]
    fn a_share_of_a_share_is_rounded_down() {
        for (share, whole, expected) in [(200, 5000, 100), (1, 9999, 0), (3333, 3333, 1110), (10_000, 7, 7)] {
            assert_eq!(BasisPoints(share).of(BasisPoints(whole)), BasisPoints(expected));
        }
    }

    #[test]
    fn displays_percent() {
        assert_eq!(BasisPoints(250).to_string(), "2.5 %");
        assert_eq!(BasisPoints(1).to_string(), "0.01 %");
        assert_eq!(BasisPoints::ALL.to_string(), "100 %");
    }
}
