//! What opens a new epoch, and what does not.

use super::{WHOLE, edit, parse};

#[test]
fn the_epoch_is_stable_over_releases() {
    // Computed from the description of `Epoch` with Python's hashlib.
    assert_eq!(parse(WHOLE).epoch().to_string(), "5eb8b3ff30818144");
}

#[test]
fn what_decides_the_assignment_opens_a_new_epoch() {
    let edits = [
        ("unit = \"card\"", "unit = \"user\""),
        ("salt = \"fraud-13.1\"", "salt = \"fraud-13.2\""),
        ("salt = \"fraud-layer\"", "salt = \"layer\""),
        ("range = [0, 5000]", "range = [0, 5001]"),
        ("range = [0, 5000]", "range = [1, 5000]"),
        ("in = [\"FR\", \"IT\"]", "in = [\"FR\"]"),
        ("in = [\"FR\", \"IT\"]", "not_in = [\"FR\", \"IT\"]"),
        ("in = [\"FR\", \"IT\"]", "in = [\"FRIT\"]"),
        ("field = \"country\"", "field = \"region\""),
        ("min = 10", "max = 10"),
        ("min = 10", "min = 10.5"),
        ("version = \"13\"", "version = \"14\""),
        (
            "name = \"canary\"\nversion = \"13\"\nweight = 5000",
            "name = \"canary\"\nversion = \"12\"\nweight = 5000",
        ),
    ];
    let mut epochs = vec![parse(WHOLE).epoch()];
    for (from, to) in edits {
        let epoch = parse(&edit(WHOLE, from, to)).epoch();
        assert!(!epochs.contains(&epoch), "{from} -> {to}");
        epochs.push(epoch);
    }
    let weights =
        WHOLE.replacen("weight = 5000", "weight = 6000", 1).replacen("weight = 5000", "weight = 4000", 1);
    assert!(!epochs.contains(&parse(&weights).epoch()));
}

#[test]
fn what_does_not_decide_it_stays_in_the_epoch() {
    let edits = [
        ("coverage = 0.02", "coverage = 0.5"),
        ("name = \"fraud-13\"", "name = \"fraud-thirteen\""),
        ("hypothesis = \"version", "hypothesis = \"perhaps version"),
        ("in = [\"FR\", \"IT\"]", "in = [\"IT\", \"FR\", \"IT\"]"),
        ("alpha = 0.01", "alpha = 0.05"),
        ("exposure_window = \"14d\"", "exposure_window = \"7d\""),
    ];
    let epoch = parse(WHOLE).epoch();
    for (from, to) in edits {
        assert_eq!(parse(&edit(WHOLE, from, to)).epoch(), epoch, "{from} -> {to}");
    }
    let first = "[[targeting]]\nfield = \"country\"\nin = [\"FR\", \"IT\"]\n";
    let second = "[[targeting]]\nfield = \"amount\"\nmin = 10\n";
    let swapped = edit(WHOLE, &format!("{first}{second}"), &format!("{second}{first}"));
    assert_eq!(parse(&swapped).epoch(), epoch);
}
