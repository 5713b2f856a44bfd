use super::*;
use crate::manifest::Manifest;
use crate::signature::{ArtifactOutputKind, Column, ColumnKind};

/// The outputs of a manifest.
fn outputs(text: &str) -> Vec<Output> {
    let text = format!(
        "name = \"m\"\nversion = \"1\"\nformat = \"onnx\"\nfile = \"f\"\ninput = [{{ feature = \"x\", kind = \"number\" }}]\n{text}"
    );
    Manifest::parse("model.toml", &text).unwrap_or_else(|problems| panic!("{problems}")).outputs
}

/// A label, and the probabilities of three flowers.
fn flowers() -> Signature {
    let probability = |(at, label): (usize, &str)| ArtifactOutput {
        name: format!("probabilities[{at}]").into(),
        label: Some(label.into()),
        kind: ArtifactOutputKind::Probability,
    };
    let label = ArtifactOutput { name: "label".into(), label: None, kind: ArtifactOutputKind::Class };
    let flowers = ["setosa", "versicolor", "virginica"].into_iter().enumerate().map(probability);
    let column = Column { name: "x".into(), kind: ColumnKind::Text };
    Signature {
        outputs: std::iter::once(label).chain(flowers).collect(),
        columns: vec![column],
        ..Signature::default()
    }
}

fn answer(text: &str, given: &[f64]) -> Result<Vec<f64>, String> {
    let outputs = outputs(text);
    let answers = Answers::bind(&outputs, &flowers(), "graph").map_err(|problems| problems.to_string())?;
    let mut row = vec![0.0; outputs.len()];
    let scored = answers.outputs(given, &mut row).map_err(|error| error.to_string())?;
    Ok(scored.iter().map(|(_, value)| value).collect())
}

#[test]
fn outputs_are_found_by_name_and_by_label() {
    let given = [2.0, 0.2, 0.1, 0.7];
    for (text, expected) in [
        ("output = [{ name = \"p\", of = \"probabilities[2]\" }]", vec![0.7]),
        ("output = [{ name = \"p\", of = \"versicolor\" }]", vec![0.1]),
        (
            "output = [{ name = \"a\" }, { name = \"b\" }, { name = \"c\" }, { name = \"d\" }]",
            vec![2.0, 0.2, 0.1, 0.7],
        ),
        (
            "output = [{ name = \"c\", kind = \"class\" }, { name = \"s\", of = \"setosa\" }, { name = \"v\", of = \"virginica\" }]",
            vec![1.0, 0.2, 0.7],
        ),
        (
            "output = [{ name = \"s\", of = \"setosa\" }, { name = \"v\", of = \"virginica\" }, { name = \"c\", kind = \"class\", labels = [7, 9] }]",
            vec![0.2, 0.7, 9.0],
        ),
        (
            "output = [{ name = \"v\", of = \"virginica\" }, { name = \"c\", kind = \"class\", threshold = 0.7, labels = [\"no\", \"yes\"] }]",
            vec![0.7, 1.0],
        ),
        (
            "output = [{ name = \"v\", of = \"virginica\" }, { name = \"c\", kind = \"class\", threshold = 0.71 }]",
            vec![0.7, 0.0],
        ),
    ] {
        assert_eq!(answer(text, &given), Ok(expected), "{text}");
    }
}

#[test]
fn what_an_artifact_does_not_give_is_refused_with_what_it_gives() {
    let listed = "\"label\", \"probabilities[0]\" (class setosa), \"probabilities[1]\" (class versicolor), \
                  \"probabilities[2]\" (class virginica)";
    for (text, expected) in [
        (
            "output = [{ name = \"p\", of = \"virginia\" }]",
            format!(
                "output \"p\": `of`: the artifact has no output \"virginia\" (did you mean \"virginica\"?); it has {listed}"
            ),
        ),
        (
            "output = [{ name = \"p\" }]",
            format!(
                "outputs: it has 4 outputs, but the manifest names 1; `of` says which ones are meant: {listed}"
            ),
        ),
    ] {
        assert_eq!(answer(text, &[0.0; 4]), Err(format!("graph: 1 problem\n  {expected}")), "{text}");
    }
}

#[test]
fn no_class_is_decided_on_nan() {
    let text = "output = [{ name = \"c\", kind = \"class\" }, { name = \"s\", of = \"setosa\" }, { name = \"v\", of = \"virginica\" }]";
    let told = answer(text, &[0.0, f64::NAN, 0.0, 1.0]);
    assert_eq!(told, Err("output `c` is `NaN`, not a finite number".to_owned()));
}

/// The numbers of Platt's function are scikit-learn's: `_SigmoidCalibration` with `a_` and `b_` set to these.
#[test]
fn scores_are_calibrated_as_scikit_learn_does() {
    let platt = Calibration::Platt { a: -2.0, b: 0.5 };
    let isotonic = Calibration::Isotonic { x: vec![0.0, 1.0, 3.0], y: vec![0.1, 0.5, 0.9] };
    for (calibration, x, expected) in [
        (&platt, 0.0, 0.377_540_668_798_145_4),
        (&platt, 1.0, 0.817_574_476_193_643_7),
        (&platt, -1e6, 0.0),
        (&platt, 1e6, 1.0),
        (&isotonic, -5.0, 0.1),
        (&isotonic, 0.0, 0.1),
        (&isotonic, 0.5, 0.3),
        (&isotonic, 1.0, 0.5),
        (&isotonic, 2.0, 0.7),
        (&isotonic, 3.0, 0.9),
        (&isotonic, f64::INFINITY, 0.9),
    ] {
        let got = calibration.apply(x);
        assert!((got - expected).abs() < 1e-15, "{calibration:?} of {x}: {got}");
    }
    assert!(platt.apply(f64::NAN).is_nan() && isotonic.apply(f64::NAN).is_nan());
}
