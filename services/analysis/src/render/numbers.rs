//! Numbers as people read them.

/// A number of things: `1 unit`, `2 units`.
pub(super) fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Four significant digits, without the exponent where a person can do without.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".into()
    } else if (1e-3..1e6).contains(&magnitude) {
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm between -3 and 6")]
        let decimals = (3 - magnitude.log10().floor() as i32).max(0);
        format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
    } else {
        format!("{value:.3e}")
    }
}

pub(super) fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A p-value from its logarithm: two digits, however small it is.
pub(super) fn probability(log_p: f64) -> String {
    let p = log_p.exp();
    if p >= 0.001 {
        return format!("{p:.3}");
    }
    let decades = log_p / std::f64::consts::LN_10;
    let exponent = decades.floor();
    format!("{:.1}e{exponent:.0}", 10_f64.powf(decades - exponent))
}

/// A chance in percent, never as certain as rounding would make it.
pub(super) fn chance(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        99.95.. => "above 99.9 %".into(),
        ..0.05 => "below 0.1 %".into(),
        _ => format!("{percent:.1} %"),
    }
}
