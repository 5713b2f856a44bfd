//! The distributions themselves.

use statistics::special::{
    beta as beta_, chi_squared as chi_squared_, normal as normal_, student_t as student_t_,
};

use crate::{fault::Fault, inputs::Inputs, results::Results};

type Answer = Result<Results, Fault>;

fn tails(log_sf: Vec<f64>) -> Results {
    let sf: Vec<f64> = log_sf.iter().map(|log| log.exp()).collect();
    Results::new().with("sf", sf).with("log_sf", log_sf)
}

/// A chance in (0, 1) at a place in a list.
fn chance(inputs: &Inputs<'_>, key: &str, p: f64) -> Result<f64, Fault> {
    if p > 0.0 && p < 1.0 {
        return Ok(p);
    }
    Err(inputs.out_of_range(key, p, "a chance must be between 0 and 1, both exclusive"))
}

/// A parameter above 0.
fn positive(inputs: &Inputs<'_>, key: &str, number: f64) -> Result<f64, Fault> {
    if number > 0.0 { Ok(number) } else { Err(inputs.out_of_range(key, number, "it must be positive")) }
}

pub(super) fn normal(inputs: &Inputs<'_>) -> Answer {
    if inputs.has("z") {
        return Ok(tails(inputs.numbers("z")?.into_iter().map(normal_::log_sf).collect()));
    }
    let quantiles = inputs.numbers("p")?.into_iter().map(|p| Ok(normal_::isf(chance(inputs, "p", p)?)));
    Ok(Results::new().with("z", quantiles.collect::<Result<Vec<_>, Fault>>()?))
}

pub(super) fn student_t(inputs: &Inputs<'_>) -> Answer {
    if inputs.has("t_df") {
        let rows = inputs.rows::<2>("t_df")?.into_iter();
        let log = rows.map(|[t, df]| Ok(student_t_::log_sf(t, positive(inputs, "t_df", df)?)));
        return Ok(tails(log.collect::<Result<_, Fault>>()?));
    }
    let rows = inputs.rows::<2>("p_df")?.into_iter();
    let quantiles =
        rows.map(|[p, df]| Ok(student_t_::isf(chance(inputs, "p_df", p)?, positive(inputs, "p_df", df)?)));
    Ok(Results::new().with("t", quantiles.collect::<Result<Vec<_>, Fault>>()?))
}

pub(super) fn chi_squared(inputs: &Inputs<'_>) -> Answer {
    let rows = inputs.rows::<2>("x_k")?.into_iter();
    let log = rows.map(|[x, k]| Ok(chi_squared_::log_sf(x, positive(inputs, "x_k", k)?)));
    Ok(tails(log.collect::<Result<_, Fault>>()?))
}

pub(super) fn beta(inputs: &Inputs<'_>) -> Answer {
    let rows = inputs.rows::<3>("a_b_x")?.into_iter();
    let log = rows.map(|[a, b, x]| {
        let (a, b) = (positive(inputs, "a_b_x", a)?, positive(inputs, "a_b_x", b)?);
        if !(0.0..=1.0).contains(&x) {
            return Err(inputs.out_of_range("a_b_x", x, "it must be from 0 to 1"));
        }
        Ok(beta_::log_tails(a, b, x, 1.0 - x))
    });
    let (log_cdf, log_sf): (Vec<f64>, Vec<f64>) = log.collect::<Result<Vec<_>, Fault>>()?.into_iter().unzip();
    let cdf: Vec<f64> = log_cdf.iter().map(|log| log.exp()).collect();
    let sf: Vec<f64> = log_sf.iter().map(|log| log.exp()).collect();
    Ok(Results::new().with("cdf", cdf).with("sf", sf).with("log_cdf", log_cdf).with("log_sf", log_sf))
}
