use events::OutcomeEvent;
use expect_test::expect;

use super::numbers::*;
use super::*;
use crate::testing::{Fact, Table, Vary, at, experiment, metric, outcome, served};
use crate::watermark::Source;

#[test]
fn numbers_have_sensible_digits() {
    for (value, text) in [
        (0.0, "0"),
        (0.342_41, "0.3424"),
        (-0.011_6, "-0.01160"),
        (12.345_6, "12.35"),
        (123_456.0, "123456"),
        (1.5e-7, "1.500e-7"),
        (2.0e9, "2.000e9"),
    ] {
        assert_eq!(number(value), text);
    }
    assert_eq!(signed(0.5), "+0.5000");
}

#[test]
fn probabilities_do_not_underflow() {
    for (log_p, text) in
        [(0.0, "1.000"), (0.05_f64.ln(), "0.050"), (1e-4_f64.ln(), "1.0e-4"), (-2_000.0, "2.6e-869")]
    {
        assert_eq!(probability(log_p), text);
    }
}

#[test]
fn a_page_reads_like_one() {
    let mut facts: Vec<Fact> = Vec::new();
    for n in 0..24_u32 {
        let (id, arm) = (format!("e{n:02}"), if n % 2 == 0 { "control" } else { "canary" });
        let p = f64::from(n % 7) / 10.0 + if n % 2 == 0 { 0.2 } else { 0.1 };
        let prediction = served(&id, &id, 200).arm(arm).says(p);
        facts.push(if n == 3 { prediction.fallback().into() } else { prediction.into() });
        facts.push(served(&id, &id, 200).says(p + 0.01 * f64::from(n % 3)).shadow("3").into());
        facts.push(served(&format!("{id}-plain"), &id, 200).says(p).into());
        facts.push(
            served(&format!("{id}-plain"), &id, 200).says(p - 0.05 * f64::from(n % 3)).shadow("3").into(),
        );
        facts.push(outcome(&id, "late", f64::from(u8::from(n % 5 == 0)), 260).into());
        facts.push(outcome(&format!("{id}-plain"), "late", 0.0, 260).into());
    }
    // One unit in both arms, one in none that is known, one whose window is open, and one corrected outcome.
    facts.push(served("x", "crossing", 200).arm("control").into());
    facts.push(served("y", "crossing", 200).arm("canary").into());
    facts.push(served("z", "ghost", 200).arm("ghost").into());
    facts.push(served("w", "young", 900).arm("control").into());
    facts.push(OutcomeEvent { revision: 1, ..outcome("e00", "late", 0.0, 260) }.into());
    facts.push(outcome("e05", "late", 0.5, 270).into());
    facts.push(outcome("end", "late", 0.0, 1_000).into());
    let lower = "attribution = \"100s\"";
    let metrics = metric("Brier score", "ratio", "brier(prediction.late, outcome.late)", lower)
        .replace("prediction.late", "prediction.p")
        + &metric("score", "mean", "prediction.p", "role = \"guardrail\"\nmargin = 0.05")
        + &metric("complaints", "ratio", "outcome.complaint", "role = \"secondary\"\nattribution = \"100s\"");
    let mut table = Table::of(facts);
    for source in [Source::Predictions, Source::ShadowPredictions, Source::Outcomes] {
        table.watermarks.observe(source, 0, at(1_000));
    }
    let page = render(&table.report(&experiment(&["control", "canary"], &metrics)));
    expect![[r#"
        Model m: 52 predictions, 49 outcomes; 48 events joined with an outcome
          2 outcomes that came again; the latest revision stands
          1 outcome in a corrected revision
          up to 1970-01-01T00:16:40Z; more is to come

        Experiment e
          Is it true that version 2 is better?
          Randomized by user.

          arm         version          units  predictions  fallbacks
          control     1                   13           13          0
          canary      2                   12           12          1
          The split is healthy: 12.5 : 12.5 units were expected, p = 0.841.
          Seen in two arms, and so counted in none: 1 unit.
          In an arm that is not defined: 1 prediction.

          Brier score (primary; lower is better)
            control         0.2267   12 events of 12 units; 1 unit still open
            canary          0.2050   12 events of 12 units
            canary - control: -0.02167 [-0.1798, +0.1365] at 95 %, or -9.6 % [-62.4, +101.0], p = 0.788
              chance to win 60.6 %, expected loss 0.02251

          score (guardrail, margin 0.05; lower is better)
            control         0.4833   12 events of 12 units; 1 unit still open
            canary          0.3667   12 events of 12 units
            canary - control: -0.1167 [-0.2939, +0.06055] at 95 %, or -24.1 % [-50.4, +16.1], p = 0.186
              chance to win 91.4 %, expected loss 0.003377

          complaints (secondary; lower is better)
            control           none   0 events of 0 units; 1 unit still open
            canary            none   0 events of 0 units
            canary - control: no comparison, since too few units: 0, at least 2 are needed

          Verdict: canary is not shown to be better or worse than control: no primary metric differs beyond chance.

        Shadow 3, had it served in place of 1
          48 events scored, 36 of them by 1 too

          Brier score (lower is better): 3 0.2002, 1 0.2250, on 36 events of 24 units
            3 - 1: -0.02483 [-0.03709, -0.01257] at 95 %, p = 3.5e-4
          A shadow says how well it would predict, not what acting on it would change.
    "#]].assert_eq(&page);
}

#[test]
fn nothing_yet_is_said_as_nothing_yet() {
    let experiment = experiment(&["control", "canary"], &metric("score", "mean", "prediction.p", ""));
    expect![[r#"
        Model m: 0 predictions, 0 outcomes; 0 events joined with an outcome
          nothing was seen so far

        Experiment e
          Is it true that version 2 is better?
          Randomized by user.

          arm         version          units  predictions  fallbacks
          control     1                    0            0          0
          canary      2                    0            0          0

          score (primary; lower is better)
            control           none   0 events of 0 units
            canary            none   0 events of 0 units
            canary - control: no comparison, since too few units: 0, at least 2 are needed

          Verdict: canary is not shown to be better or worse than control: an arm has no units.
    "#]]
    .assert_eq(&render(&Table::new().report(&experiment)));
}
