#![expect(clippy::float_cmp, reason = "these results are exact")]

mod damaged;
mod flights;
mod write;
