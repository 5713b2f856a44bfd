//! Has a distribution changed? Between a reference and now, for inputs, scores and predictions.
//!
//! At a billion numbers everything is significant: a change counts if both its size (an index above 0.1, say) and its
//! p-value say so.

mod distance;
mod histogram;
mod kolmogorov_smirnov;

pub use distance::wasserstein;
pub use histogram::{HistogramDrift, histogram_drift};
pub use kolmogorov_smirnov::{
    KolmogorovSmirnov, UniformTest, kolmogorov_smirnov, kolmogorov_smirnov_binned, uniform,
};
