//! Every case of `testdata/reference.json`: inputs, expected numbers and who computed them.
//!
//! The numbers were computed by the program in `source` with 40 to 70 digits or exact fractions; each must be met
//! within the case's relative tolerance. Every expected key must be answered, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    Alpha, Comoments, Direction, Moments, Plan, Power, Proportion, Unavailable, benjamini_hochberg,
    binomial::Binomial,
    clustered_mean, fisher_exact, holm, mcnemar, ratio, relative, sample_ratio,
    special::{beta, chi_squared, normal, student_t},
    two_proportions, welch,
};

#[test]
fn every_reference_case_is_met() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../testdata/reference.json")).unwrap();
    let mut faults = Vec::new();
    let mut methods = BTreeMap::<_, usize>::new();
    for case in &cases {
        let method = case["method"].as_str().unwrap();
        *methods.entry(method).or_default() += 1;
        let answer = answer(method, &case["inputs"]);
        let expected = case["expected"].as_object().unwrap();
        let tolerance = case["rtol"].as_f64().unwrap();
        faults.extend(
            compare(expected, answer.as_object().unwrap(), tolerance)
                .iter()
                .map(|fault| format!("{}: {fault}", case["id"].as_str().unwrap())),
        );
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert_eq!((cases.len(), methods.len()), (54, 21));
}

/// What the crate answers, under the names of the reference.
fn answer(method: &str, inputs: &Value) -> Value {
    let alpha =
        inputs.get("alpha").map_or(Alpha::USUAL, |alpha| Alpha::new(alpha.as_f64().unwrap()).unwrap());
    match method {
        "distribution.normal" => distribution_normal(inputs),
        "distribution.student_t" => distribution_student_t(inputs),
        "distribution.chi_squared" => distribution_chi_squared(inputs),
        "distribution.beta" => {
            let cdf = rows(&inputs["a_b_x"])
                .map(|row| beta::log_tails(row[0], row[1], row[2], 1.0 - row[2]).0.exp());
            json!({ "cdf": cdf.collect::<Vec<_>>() })
        }
        "moments.merge" => merged(inputs),
        "moments.covariance" => covariance(inputs),
        "mean.welch_t" => {
            let result = welch(&moments(&inputs["control"]), &moments(&inputs["treatment"]), alpha).unwrap();
            json!({
                "diff": result.difference.value, "se": result.difference.standard_error, "df": result.df,
                "t": result.statistic, "p_two_sided": result.p(), "log_p": result.log_p,
                "ci_low": result.difference.low, "ci_high": result.difference.high,
            })
        }
        "mean.degenerate" => {
            let arm = |n: &str, mean: &str, variance: &str| {
                Moments::from_sample(
                    inputs[n].as_u64().unwrap(),
                    number(&inputs[mean]),
                    number(&inputs[variance]),
                )
            };
            let result = welch(&arm("n1", "m1", "v1"), &arm("n2", "m2", "v2"), alpha);
            json!({ "p_two_sided": result.ok().map(|result| result.p()) })
        }
        "lift.relative" => lift(inputs, alpha),
        "proportion.two_sample" => proportions(inputs, alpha),
        "proportion.fisher_exact" => {
            let p = fisher_exact(proportion(&inputs["control"]), proportion(&inputs["treatment"])).exp();
            json!({ "p_two_sided": p })
        }
        "proportion.ratio" => {
            let result =
                two_proportions(proportion(&inputs["control"]), proportion(&inputs["treatment"]), alpha);
            let lift = result.unwrap().relative.unwrap();
            json!({ "risk_ratio": lift.value + 1.0, "rr_low": lift.low + 1.0, "rr_high": lift.high + 1.0 })
        }
        "ratio.delta_method" => {
            let result =
                ratio(&comoments(&inputs["control"]), &comoments(&inputs["treatment"]), alpha).unwrap();
            json!({
                "ratio_control": result.control.value, "ratio_treatment": result.treatment.value,
                "diff": result.difference.value, "se": result.difference.standard_error,
                "z": result.statistic, "p_z": result.p(), "lift": result.relative.unwrap().value,
            })
        }
        "paired.mcnemar" => discordant(inputs),
        "paired.loss_difference" => loss_difference(inputs, alpha),
        "srm.chi_square" => split(inputs),
        "multiplicity.adjusted_p" => {
            let log_p: Vec<f64> = numbers(&inputs["p"]).iter().map(|p| p.ln()).collect();
            let p = |adjusted: Vec<f64>| adjusted.into_iter().map(f64::exp).collect::<Vec<_>>();
            json!({ "holm": p(holm(&log_p)), "bh": p(benjamini_hochberg(&log_p)) })
        }
        "power.sample_size_proportions" => {
            let (a, b) = (number(&inputs["p1"]), number(&inputs["p2"]));
            let plan = plan(inputs, alpha);
            let unpooled = plan.control_for_means(alpha.half(), a * (1.0 - a), b * (1.0 - b), b - a);
            json!({ "n_pooled": plan.control_for_proportions(a, b).unwrap(), "n_unpooled": unpooled.unwrap() })
        }
        "power.mde" => {
            let variance = number(&inputs["var"]);
            let standard_error = (variance / number(&inputs["n1"]) + variance / number(&inputs["n2"])).sqrt();
            json!({ "mde_z": plan(inputs, alpha).detectable_effect(standard_error) })
        }
        "power.non_inferiority" => {
            let variance = number(&inputs["sd"]).powi(2);
            let tail = number(&inputs["alpha_one_sided"]);
            let n =
                plan(inputs, alpha).control_for_means(tail, variance, variance, number(&inputs["margin"]));
            json!({ "n_per_arm": n.unwrap() })
        }
        "guardrail.non_inferiority" => {
            let result = welch(&moments(&inputs["control"]), &moments(&inputs["treatment"]), alpha).unwrap();
            let shown = result.non_inferior(number(&inputs["margin_abs"]), Direction::Higher, alpha).unwrap();
            json!({ "t_abs": shown.statistic, "p_abs": shown.p() })
        }
        other => panic!("no answer to {other}"),
    }
}

fn distribution_normal(inputs: &Value) -> Value {
    if let Some(z) = inputs.get("z") {
        let log_sf: Vec<f64> = numbers(z).into_iter().map(normal::log_sf).collect();
        return json!({ "sf": log_sf.iter().map(|log| log.exp()).collect::<Vec<_>>(), "log_sf": log_sf });
    }
    json!({ "z": numbers(&inputs["p"]).into_iter().map(normal::isf).collect::<Vec<_>>() })
}

fn distribution_student_t(inputs: &Value) -> Value {
    if let Some(table) = inputs.get("t_df") {
        return json!({ "sf": rows(table).map(|row| student_t::log_sf(row[0], row[1]).exp()).collect::<Vec<_>>() });
    }
    json!({ "t": rows(&inputs["p_df"]).map(|row| student_t::isf(row[0], row[1])).collect::<Vec<_>>() })
}

fn distribution_chi_squared(inputs: &Value) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the table holds small whole numbers"
    )]
    let log_sf: Vec<f64> =
        rows(&inputs["x_k"]).map(|row| chi_squared::log_sf(row[0], row[1] as u32)).collect();
    json!({ "sf": log_sf.iter().map(|log| log.exp()).collect::<Vec<_>>(), "log_sf": log_sf })
}

fn merged(inputs: &Value) -> Value {
    let mut whole = Moments::default();
    for part in inputs["partitions"].as_array().unwrap() {
        whole.merge(&numbers(part).into_iter().collect());
    }
    json!({ "n": whole.n, "mean": whole.mean, "m2": whole.m2, "variance": whole.variance() })
}

fn covariance(inputs: &Value) -> Value {
    let (x, y) = (numbers(&inputs["x"]), numbers(&inputs["y"]));
    let at = usize::try_from(inputs["split_at"].as_u64().unwrap()).unwrap();
    let pairs: Vec<_> = x.into_iter().zip(y).collect();
    let mut whole: Comoments = pairs[..at].iter().copied().collect();
    whole.merge(&pairs[at..].iter().copied().collect());
    let df = (whole.n - 1) as f64;
    // The first of a pair is called y here, and x in the reference.
    json!({ "cov": whole.covariance(), "var_x": whole.m2_y / df, "var_y": whole.m2_x / df })
}

fn lift(inputs: &Value, alpha: Alpha) -> Value {
    let (control, treatment) = (moments(&inputs["control"]), moments(&inputs["treatment"]));
    let value = |arm: Moments| relative::Value {
        value: arm.mean,
        variance: arm.variance().unwrap() / arm.n as f64,
        df: (arm.n - 1) as f64,
    };
    let (a, b) = (value(control), value(treatment));
    let z = normal::isf(alpha.half());
    let g = z * z * a.variance / (a.value * a.value);
    let log = relative::log_interval(a, b, alpha);
    let fieller = match relative::relative(a, b, alpha) {
        Err(Unavailable::ControlNearZero) => (f64::NEG_INFINITY, f64::INFINITY),
        Err(other) => panic!("{other}"),
        Ok(_) => relative::fieller(a, b, z, g),
    };
    // Not available from the whole function beyond g = 1, where the delta method is all there is.
    let standard_error = (b.variance + (b.value / a.value).powi(2) * a.variance).sqrt() / a.value;
    if let Ok(estimate) = relative::relative(a, b, alpha) {
        assert!((estimate.standard_error / standard_error - 1.0).abs() < 1e-12);
        assert!(
            (estimate.low - (log.0 - 1.0)).abs() < 1e-12 && (estimate.high - (log.1 - 1.0)).abs() < 1e-12
        );
    }
    json!({
        "lift": b.value / a.value - 1.0, "delta_se": standard_error,
        "lift_log_ci_low": log.0 - 1.0, "lift_log_ci_high": log.1 - 1.0, "fieller_g": g,
        "fieller_z_ci_low": infinite(fieller.0 - 1.0), "fieller_z_ci_high": infinite(fieller.1 - 1.0),
    })
}

fn proportions(inputs: &Value, alpha: Alpha) -> Value {
    let (control, treatment) = (proportion(&inputs["control"]), proportion(&inputs["treatment"]));
    let result = two_proportions(control, treatment, alpha).unwrap();
    // The score test's own p-value, also where the expected counts are too small for it.
    let log_p = normal::log_two_sided(result.statistic.abs());
    json!({
        "diff": result.difference.value, "se_unpooled": result.difference.standard_error,
        "z_pooled": result.statistic, "p_pooled": log_p.exp(), "log_p_pooled": log_p,
        "newcombe_low": result.difference.low, "newcombe_high": result.difference.high,
        "wilson_control": [result.control.low, result.control.high],
        "wilson_treatment": [result.treatment.low, result.treatment.high],
    })
}

fn discordant(inputs: &Value) -> Value {
    let (b, c) = (inputs["b"].as_u64().unwrap(), inputs["c"].as_u64().unwrap());
    let result = mcnemar(b, c);
    match (b + c, b) {
        // The reference has no exact test there; the approximation it has is within a hundredth of ours.
        (10_000.., _) => {
            let chi_squared = chi_squared::log_sf(b.abs_diff(c).pow(2) as f64 / (b + c) as f64, 1);
            assert!((result.log_mid_p - chi_squared).abs() < 0.01, "{} {chi_squared}", result.log_mid_p);
            json!({ "p_chi2": chi_squared.exp() })
        }
        (_, 0) => json!({ "p_exact": result.log_p.exp(), "p_midp": result.p() }),
        _ => json!({ "p_exact": result.log_p.exp(), "p_midp": result.p(), "log_p_exact": result.log_p }),
    }
}

fn loss_difference(inputs: &Value, alpha: Alpha) -> Value {
    let (y, production, shadow) =
        (numbers(&inputs["y"]), numbers(&inputs["p_prod"]), numbers(&inputs["p_shadow"]));
    // Only the logarithm needs a clip, and no case reaches it.
    let is_log = inputs.get("clip").is_some();
    let loss =
        |p: f64, y: f64| if is_log { -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()) } else { (p - y).powi(2) };
    let pairs = y.iter().zip(production.iter().zip(&shadow));
    let units: Comoments = pairs.map(|(&y, (&a, &b))| (loss(b, y) - loss(a, y), 1.0)).collect();
    let result = clustered_mean(&units, alpha).unwrap();
    json!({
        "n": units.n, "mean_diff": result.mean.value, "se": result.mean.standard_error, "t": result.statistic,
        "p": result.p(), "ci_low": result.mean.low, "ci_high": result.mean.high,
    })
}

fn split(inputs: &Value) -> Value {
    let observed: Vec<u64> =
        inputs["observed"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let weights = numbers(&inputs["weights"]);
    let result = sample_ratio(&observed, &weights).unwrap();
    let n = observed.iter().sum();
    let exact = Binomial { n, p: weights[0] / weights.iter().sum::<f64>() }.log_p(observed[0]);
    let mut answer =
        json!({ "chi2": result.statistic, "df": result.df, "p": result.p(), "log_p": result.log_p });
    // The reference gives up on the exact test beyond a billion units.
    if n < 1_000_000_000 {
        answer["p_exact_binomial"] = json!(exact.exp());
    }
    answer
}

fn compare(expected: &Map<String, Value>, answer: &Map<String, Value>, tolerance: f64) -> Vec<String> {
    let keys = expected.keys().chain(answer.keys().filter(|key| !expected.contains_key(*key)));
    keys.filter_map(|key| {
        let (wanted, got) = (expected.get(key), answer.get(key));
        let met = wanted.zip(got).is_some_and(|(wanted, got)| is_close(wanted, got, tolerance));
        (!met).then(|| format!("{key}: expected {wanted:?}, got {got:?}"))
    })
    .collect()
}

fn is_close(expected: &Value, got: &Value, tolerance: f64) -> bool {
    match (expected, got) {
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(e, g)| is_close(e, g, tolerance))
        }
        (Value::Number(expected), Value::Number(got)) => {
            let (expected, got) = (expected.as_f64().unwrap(), got.as_f64().unwrap());
            // A p-value below the smallest float is zero on both sides; a logarithm near 0 has absolute digits.
            (expected - got).abs() <= tolerance * expected.abs()
        }
        _ => expected == got,
    }
}

fn moments(arm: &Value) -> Moments {
    Moments::from_sample(arm["n"].as_u64().unwrap(), number(&arm["mean"]), number(&arm["var"]))
}

fn comoments(arm: &Value) -> Comoments {
    let n = arm["n"].as_u64().unwrap();
    let df = (n - 1) as f64;
    Comoments {
        n,
        mean_y: number(&arm["mean_y"]),
        mean_x: number(&arm["mean_d"]),
        m2_y: number(&arm["var_y"]) * df,
        m2_x: number(&arm["var_d"]) * df,
        c_yx: number(&arm["cov"]) * df,
        ..Comoments::default()
    }
}

fn proportion(arm: &Value) -> Proportion {
    let successes = arm["x"].as_u64().unwrap();
    Proportion { successes, failures: arm["n"].as_u64().unwrap() - successes }
}

fn plan(inputs: &Value, alpha: Alpha) -> Plan {
    Plan { alpha, power: Power::new(number(&inputs["power"])).unwrap(), allocation: 1.0 }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn rows(value: &Value) -> impl Iterator<Item = Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers)
}

fn infinite(number: f64) -> Value {
    match number {
        f64::INFINITY => json!("inf"),
        f64::NEG_INFINITY => json!("-inf"),
        finite => json!(finite),
    }
}
