use events::{TargetingRule, TargetingTest};

use super::*;
use crate::testing::{canary, event, fields, targeted, three};

/// Where an event goes, as a line: role, version, experiment/arm, bucket and propensity.
fn route(event: &FeatureEvent) -> String {
    let router = Router::new(&"1".into(), vec![canary(), three()]);
    let Route { target, draw } = router.route(event);
    let Target { role, version, arm } = &router.targets()[target];
    let mut line = format!("{} {version}", role.as_str());
    if let (Some((experiment, arm)), Some((bucket, propensity))) = (arm, draw) {
        line += &format!(" {experiment}/{arm} {bucket} {propensity}");
    }
    line
}

#[test]
fn units_go_where_their_buckets_say() {
    // Buckets computed with Python's hashlib: of the layer's salt "m", then of the experiment's own.
    let cases = [
        ("k", "production 1 canary/control 303 0.125"), // 646
        ("a", "canary 2 canary/canary 6091 0.125"),     // 2844
        ("i", "canary 2 canary/canary 6124 0.125"),     // 4495
        ("b", "production 1"),                          // 3182, and 3172 is not covered
        ("j", "production 1"),                          // 591, and 4965 is not covered
        ("f", "production 1 three/one 2212 0.2"),       // 8091
        ("h", "variant 2 three/two 5998 0.15"),         // 5709
        ("d", "variant 3 three/three 7703 0.15"),       // 6312
        ("e", "variant 3 three/three 8901 0.15"),       // 6814
    ];
    for (user, expected) in cases {
        assert_eq!(route(&event(user, 0.0)), expected, "user {user}");
    }
}

#[test]
fn who_is_not_eligible_gets_plain_production() {
    let contexts =
        [r#"{"country": "IT"}"#, r#"{"country": null}"#, r#"{"country": 33}"#, r#"{"country": true}"#, "{}"];
    for context in contexts {
        let event = FeatureEvent { context: fields(context), ..event("h", 0.0) };
        assert_eq!(route(&event), "production 1", "{context}");
    }
    let units = events::Units::new(vec![
        events::Unit { kind: "session".into(), id: "h".into() },
        events::Unit { kind: "user".into(), id: "h".into() },
    ]);
    let event = FeatureEvent { units: units.unwrap(), ..event("h", 0.0) };
    assert_eq!(route(&event), "production 1", "the unit is not the key");
}

#[test]
fn a_deployment_records_an_experiment_whole() {
    let route = experiment_route(&canary());
    assert_eq!(
        (&*route.name, &*route.unit, &*route.salt, route.coverage),
        ("canary", "user", "canary", 5_000)
    );
    assert_eq!((&*route.layer.salt, route.layer.start, route.layer.end), ("m", 0, 5_000));
    let arms: Vec<_> = route.arms.iter().map(|arm| (&*arm.name, &*arm.version, arm.weight)).collect();
    assert_eq!(arms, [("control", "1", 5_000), ("canary", "2", 5_000)]);
    assert_eq!(route.targeting, []);
}

#[test]
fn a_deployment_records_every_kind_of_rule() {
    use TargetingTest::{AtLeast, AtMost, In, NotIn};
    type Tests = &'static [(TargetingTest, &'static [&'static str])];
    let cases: [(&str, Tests); 6] = [
        (r#"in = ["FR", "IT"]"#, &[(In, &["FR", "IT"])]),
        ("not_in = [1, 2.5]", &[(NotIn, &["1", "2.5"])]),
        ("in = [true]", &[(In, &["true"])]),
        ("min = 1, max = 2.5", &[(AtLeast, &["1"]), (AtMost, &["2.5"])]),
        ("min = -1", &[(AtLeast, &["-1"])]),
        ("max = 0", &[(AtMost, &["0"])]),
    ];
    for (rule, expected) in cases {
        let expected = expected.iter().map(|(test, values)| TargetingRule {
            field: "country".into(),
            test: *test,
            values: values.iter().map(|value| (*value).into()).collect(),
        });
        let route = experiment_route(&targeted(&format!(r#"{{ field = "country", {rule} }}"#)));
        assert_eq!(route.targeting, expected.collect::<Vec<_>>(), "{rule}");
    }
}
