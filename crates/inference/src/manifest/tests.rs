use events::Value;

use super::*;

const VALID: &str = r#"name = "late"
version = "1"
format = "safetensors"
file = "model.safetensors"
layers = ["linear", "relu", "linear", "sigmoid"]
tensors = "layers"

[[input]]
feature = "delay"
kind = "number"
mean = 2
scale = 0.5

[[input]]
feature = "carrier"
kind = "one_hot"
values = ["AA", "UA"]

[[output]]
name = "late"

[golden]
file = "golden.ndjson"
"#;

/// The problems of a text, without the line that counts them.
fn problems(text: &str) -> Vec<String> {
    match Manifest::parse("model.toml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_valid_manifest_is_read_whole() {
    let manifest = Manifest::parse("model.toml", VALID).unwrap();
    assert_eq!((&*manifest.name, &*manifest.version), ("late", "1"));
    let layers = [Layer::Linear, Layer::Activation(Activation::Relu)].into_iter();
    let layers = layers.chain([Layer::Linear, Layer::Activation(Activation::Sigmoid)]).collect();
    assert_eq!(
        manifest.format,
        Format::Safetensors { layers, tensors: Tensors::Prefix("layers".to_owned()) }
    );
    let number = InputKind::Number {
        fill: StandIn::Refuse,
        mean: 2.0,
        scale: 0.5,
        missing_value: None,
        data_type: None,
    };
    assert_eq!(manifest.inputs[0].kind, number);
    let InputKind::OneHot { values, unknown, missing } = &manifest.inputs[1].kind else { panic!() };
    assert_eq!(
        values.iter().cloned().collect::<Vec<_>>(),
        [Value::Text("AA".into()), Value::Text("UA".into())]
    );
    assert_eq!((*unknown, *missing), (Absence::Refuse, Absence::Refuse));
    assert_eq!(manifest.golden, Some(Golden { file: "golden.ndjson".to_owned(), tolerance: 1e-5 }));
    let late = OutputKind::Value { of: None, calibration: None };
    assert_eq!(manifest.outputs, [Output { name: "late".into(), kind: late }]);
}

#[test]
fn every_fault_has_its_place_its_value_and_what_would_be_right() {
    let long = "x".repeat(65);
    let cases: &[(&str, &str, &[&str])] = &[
        ("name = \"late\"\n", "", &["manifest: `name` is missing"]),
        (
            "name = \"late\"",
            "nmae = \"late\"",
            &["manifest: `name` is missing", "manifest: unknown field `nmae`; did you mean `name`?"],
        ),
        ("name = \"late\"\n", "name = 7\n", &["manifest: `name`: expected a text, found the number `7`"]),
        (
            "name = \"late\"\nversion = \"1\"",
            &format!("name = \"a/b\"\nversion = \"{long}\""),
            &[
                "manifest: `name` is \"a/b\": expected 1 to 64 letters, digits, `.`, `_` or `-`, a letter or digit first",
                &format!(
                    "manifest: `version` is \"{}…\": expected 1 to 64 letters, digits, `.`, `_` or `-`, a letter or digit first",
                    "x".repeat(64)
                ),
            ],
        ),
        (
            "\"safetensors\"",
            "\"pickle\"",
            &[
                "manifest: `format` is \"pickle\": expected one of \"safetensors\", \"lightgbm\", \"xgboost\", \"onnx\"",
            ],
        ),
        (
            "layers = [\"linear\", \"relu\", \"linear\", \"sigmoid\"]\n",
            "",
            &["manifest: `layers` is missing: a safetensors file has weights, but not what to do with them"],
        ),
        (
            "\"relu\", \"linear\"",
            "\"Relu\", 3",
            &[
                "manifest: `layers` is \"Relu\": expected one of \"linear\", \"relu\", \"tanh\", \"gelu\", \"gelu_tanh\", \"sigmoid\", \"softmax\"",
                "manifest: `layers`: expected a word, found the number `3`",
            ],
        ),
        ("[\"linear\", ", "[", &["manifest: `layers` must begin with \"linear\""]),
        (
            "\"relu\"",
            &vec!["\"relu\""; 70].join(","),
            &["manifest: `layers` has 73 values; at most 64 are allowed"],
        ),
        (
            "\"model.safetensors\"",
            "\"../../etc/passwd\"",
            &["manifest: `file` is \"../../etc/passwd\": expected the name of a file beside this one"],
        ),
        (
            "tensors =",
            "sha256 = \"12ab\"\ntensors =",
            &["manifest: `sha256` is \"12ab\": expected 64 hexadecimal digits"],
        ),
        ("feature = \"delay\"\n", "feature = \"\"\n", &["input 1 \"\": `feature` is empty"]),
        ("feature = \"delay\"\n", "", &["input 1: `feature` is missing"]),
        (
            "kind = \"number\"",
            "kind = \"numeric\"",
            &[
                "input 1 \"delay\": `kind` is \"numeric\": expected one of \"number\", \"one_hot\", \"ordinal\", \"category\", \"boolean\", \"text\"",
            ],
        ),
        (
            "kind = \"number\"",
            "kind = \"number\"\nvalues = [1]",
            &[
                "input 1 \"delay\": unknown field `values`; expected one of `feature`, `kind`, `fill`, `mean`, `scale`, `missing_value`",
            ],
        ),
        ("scale = 0.5", "scael = 0.5", &["input 1 \"delay\": unknown field `scael`; did you mean `scale`?"]),
        (
            "scale = 0.5",
            "scale = 0",
            &[
                "input 1 \"delay\": `scale` is 0, and values are divided by it; use 1 for a feature that never varies",
            ],
        ),
        (
            "scale = 0.5",
            "scale = 1e-30\nfill = 1e30",
            &["input 1 \"delay\": `fill` is infinite after `mean` and `scale`, as a 32-bit float"],
        ),
        ("mean = 2", "mean = inf", &["input 1 \"delay\": `mean` is `inf`: expected a finite number"]),
        ("mean = 2", "mean = \"2\"", &["input 1 \"delay\": `mean`: expected a number, found the text \"2\""]),
        (
            "feature = \"carrier\"\nkind = \"one_hot\"\nvalues = [\"AA\", \"UA\"]",
            "feature = \"delay\"\nkind = \"number\"",
            &["input 2 \"delay\": another input reads this feature as the same kind"],
        ),
        ("[\"AA\", \"UA\"]", "[]", &["input 2 \"carrier\": `values` is empty"]),
        (
            "[\"AA\", \"UA\"]",
            "[\"AA\", 1]",
            &["input 2 \"carrier\": `values` must be all texts, all finite numbers or all truth values"],
        ),
        ("[\"AA\", \"UA\"]", "[1, 1.0]", &["input 2 \"carrier\": `values` has the number `1` twice"]),
        (
            "[\"AA\", \"UA\"]",
            "[\"AA\"]\nunknown = \"zero\"",
            &["input 2 \"carrier\": `unknown` is \"zero\": expected one of \"refuse\", \"zeros\""],
        ),
        (
            "kind = \"one_hot\"",
            "kind = \"ordinal\"\nmissing = \"zeros\"",
            &[
                "input 2 \"carrier\": `missing`: expected a finite number or \"refuse\", found the text \"zeros\"",
            ],
        ),
        (
            "[[output]]\nname = \"late\"",
            "[[output]]\nname = \"a\"\n[[output]]\nname = \"a\"",
            &["output 2: another output is named \"a\""],
        ),
        ("[[output]]\nname = \"late\"", "", &["manifest: `output` is missing"]),
        ("[[output]]\nname = \"late\"", "[[output]]", &["output 1: `name` is missing"]),
        (
            "\"golden.ndjson\"",
            "\"golden.ndjson\"\ntolerance = -1",
            &["golden: `tolerance` is -1: expected 0 or more"],
        ),
        (
            "\"golden.ndjson\"",
            "\"golden.ndjson\"\nrows = 3",
            &["golden: unknown field `rows`; expected one of `file`, `tolerance`"],
        ),
        // Not TOML at all.
        (
            "version = \"1\"",
            "version = ",
            &["line 2, column 11: string values must be quoted, expected literal string"],
        ),
    ];
    for (from, to, expected) in cases {
        assert!(VALID.contains(from), "{from}");
        assert_eq!(problems(&VALID.replacen(from, to, 1)), *expected, "{from} -> {to}");
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = VALID
        .replace("name = \"late\"\nv", "v")
        .replace("\"number\"", "\"txet\"")
        .replace("[\"AA\", \"UA\"]", "\"AA\"")
        .replace("\"golden.ndjson\"", "\"\"");
    let expected = "model.toml: 4 problems
  manifest: `name` is missing
  input 1 \"delay\": `kind` is \"txet\": expected one of \"number\", \"one_hot\", \"ordinal\", \"category\", \"boolean\", \"text\"
  input 2 \"carrier\": `values`: expected an array, found the text \"AA\"
  golden: `file` is \"\": expected the name of a file beside this one";
    assert_eq!(Manifest::parse("model.toml", &text).unwrap_err().to_string(), expected);
}

#[test]
fn there_are_limits_to_inputs_and_columns() {
    let with = |inputs: String| problems(&VALID.replacen("[[output]]", &format!("{inputs}\n[[output]]"), 1));
    let input = |at: usize| format!("[[input]]\nfeature = \"f{at}\"\nkind = \"number\"\n");
    assert_eq!(
        with((0..INPUTS_MAX).map(input).collect()),
        [format!("manifest: `input` has {} values; at most {INPUTS_MAX} are allowed", INPUTS_MAX + 2)]
    );
    let values: Vec<_> = (0..COLUMNS_MAX).map(|at| at.to_string()).collect();
    let wide = format!("[[input]]\nfeature = \"w\"\nkind = \"one_hot\"\nvalues = [{}]\n", values.join(", "));
    assert_eq!(
        with(wide),
        [format!("inputs: they have {} columns; at most {COLUMNS_MAX} are allowed", COLUMNS_MAX + 3)]
    );
}

const TREES: &str = r#"name = "late"
version = "1"
format = "lightgbm"
file = "model.txt"
iterations = "best"
raw_scores = true
missing_value = -999

[[input]]
feature = "x"
column = "Column_0"
kind = "number"
type = "float"

[[output]]
name = "raw"
calibration = { platt = { a = -1, b = 0.5 } }

[[output]]
name = "late"
kind = "class"
of = "raw"
threshold = 0.3
labels = ["on time", "late"]
"#;

#[test]
fn a_manifest_of_trees_is_read_whole() {
    let manifest = Manifest::parse("model.toml", TREES).unwrap_or_else(|problems| panic!("{problems}"));
    let trees = Trees { iterations: Iterations::Best, raw_scores: true };
    assert_eq!(manifest.format, Format::LightGbm(trees));
    let number = InputKind::Number {
        fill: StandIn::Nan,
        mean: 0.0,
        scale: 1.0,
        missing_value: Some(-999.0),
        data_type: Some(DataType::Float),
    };
    assert_eq!(manifest.inputs[0].kind, number);
    assert_eq!(manifest.inputs[0].column.as_deref(), Some("Column_0"));
    let calibration = Some(Calibration::Platt { a: -1.0, b: 0.5 });
    assert_eq!(manifest.outputs[0].kind, OutputKind::Value { of: None, calibration });
    let labels = Labels::Texts(vec!["on time".into(), "late".into()]);
    let class = OutputKind::Class { of: vec!["raw".into()], threshold: Some(0.3), labels };
    assert_eq!(manifest.outputs[1].kind, class);
}

#[test]
fn faults_of_trees_and_outputs_have_their_places_too() {
    for (from, to, expected) in [
        (
            "\"best\"",
            "0",
            "manifest: `iterations`: expected \"all\", \"best\" or a number from 1, found the number `0`",
        ),
        (
            "raw_scores = true",
            "raw_scores = 1",
            "manifest: `raw_scores`: expected true or false, found the number `1`",
        ),
        (
            "raw_scores = true",
            "layers = [\"linear\"]",
            "manifest: unknown field `layers`; expected one of `name`, `version`, `format`, `iterations`, `raw_scores`, \
             `file`, `sha256`, `input`, `output`, `golden`, `missing_value`",
        ),
        (
            "\"float\"",
            "\"half\"",
            "input 1 \"x\": `type` is \"half\": expected one of \"double\", \"float\", \"int64\", \"int32\"",
        ),
        (
            "kind = \"number\"\ntype = \"float\"",
            "kind = \"one_hot\"\nvalues = [1, 2]",
            "input 1 \"x\": `column` is \"Column_0\": expected a pattern with one `{}` where the value stands, such as \
             \"carrier={}\"",
        ),
        (
            "{ platt = { a = -1, b = 0.5 } }",
            "{ plat = { a = -1, b = 0.5 } }",
            "output 1: `calibration`: expected { platt = { a = …, b = … } } or { isotonic = { x = […], y = […] } }",
        ),
        (
            "{ platt = { a = -1, b = 0.5 } }",
            "{ isotonic = { x = [0, 0], y = [0, 1] } }",
            "output 1: `calibration.isotonic`: `x` has 2 numbers and `y` 2: expected as many of each, from 1 to 65536, and \
             each of `x` larger than the one before",
        ),
        (
            "name = \"raw\"",
            "name = \"error\"",
            "output 1: `name` is \"error\": that name is taken in files of scores",
        ),
        (
            "of = \"raw\"",
            "of = \"raws\"",
            "output 2 \"late\": `of`: no output of kind \"value\" is named \"raws\"; did you mean \"raw\"?",
        ),
        (
            "threshold = 0.3",
            "",
            "output 2 \"late\": `threshold` is missing: with a single output, it says where the second class begins",
        ),
        (
            "[\"on time\", \"late\"]",
            "[\"on time\", \"late\", \"lost\"]",
            "output 2 \"late\": `labels` has 3 labels for 2 classes",
        ),
        (
            "[\"on time\", \"late\"]",
            "[\"on time\", 1]",
            "output 2: `labels` must be all finite numbers or all texts",
        ),
        (
            "kind = \"class\"",
            "kind = \"clas\"",
            "output 2: `kind` is \"clas\": expected \"value\" or \"class\"",
        ),
    ] {
        assert!(TREES.contains(from), "{from}");
        let told = problems(&TREES.replacen(from, to, 1));
        assert!(told.iter().any(|line| line == expected), "{from} -> {to}: {told:#?}");
    }
}
