//! What to believe: chances to be better, and what a wrong choice costs.
//!
//! A read-out, never a licence to peek: the chance to win crosses any line sooner or later, as a p-value does.

mod beta_binomial;
mod gamma_poisson;
mod normal;

pub use beta_binomial::{BetaPosteriors, Prior, beta_binomial};
pub use gamma_poisson::{RatePosteriors, gamma_poisson};
pub use normal::{NormalPosterior, normal_posterior};
