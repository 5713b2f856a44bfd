//! `schemas/assignment/vectors.json`, made by another implementation.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LEAST, basis_points, nothing, parse};
use crate::{BasisPoints, Salt};

#[derive(Deserialize)]
struct Vectors {
    buckets: Vec<BucketVector>,
    arms: Vec<ArmVector>,
}

#[derive(Deserialize)]
struct BucketVector {
    what: String,
    salt: String,
    unit: String,
    bucket: u16,
}

#[derive(Deserialize)]
struct ArmVector {
    salt: String,
    layer: LayerVector,
    weights: Vec<u16>,
    coverage: String,
    arms: BTreeMap<String, Option<usize>>,
}

#[derive(Deserialize)]
struct LayerVector {
    salt: String,
    range: [u16; 2],
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../schemas/assignment/vectors.json")).unwrap()
}

#[test]
fn every_bucket_is_that_of_the_vectors() {
    let vectors = vectors().buckets;
    for vector in &vectors {
        let bucket = Salt::new(&vector.salt).unwrap().bucket(&vector.unit);
        assert_eq!(bucket.get(), vector.bucket, "{}: {:?} {:?}", vector.what, vector.salt, vector.unit);
    }
    assert!(vectors.len() > 150);
}

#[test]
fn every_arm_is_that_of_the_vectors() {
    let mut taking_part = 0;
    for vector in vectors().arms {
        let experiment = experiment(&vector);
        for (unit, &arm) in &vector.arms {
            let assignment = experiment.assign(unit, nothing);
            let place = (&vector.salt, &vector.coverage, unit);
            assert_eq!(assignment.map(|assignment| assignment.arm), arm, "{place:?}");
            taking_part += usize::from(arm.is_some());
        }
    }
    assert!(taking_part > 100, "the vectors put nearly nobody into an arm");
}

fn experiment(vector: &ArmVector) -> crate::Experiment {
    let ArmVector { salt, layer, weights, coverage, .. } = vector;
    let arms: String = weights
        .iter()
        .enumerate()
        .map(|(index, weight)| format!("{{ name = \"{index}\", version = \"{index}\", weight = {weight} }},"))
        .collect();
    let text: String = LEAST
        .lines()
        .filter(|line| {
            !["salt", "coverage", "arm"].iter().any(|field| line.starts_with(&format!("{field} =")))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let [start, end] = layer.range;
    let layer = &layer.salt;
    let experiment = parse(&format!(
        "salt = {salt:?}\ncoverage = {coverage}\narm = [{arms}]\n{text}[layer]\nsalt = {layer:?}\nrange = [{start}, {end}]\n"
    ));
    let fraction: f64 = coverage.parse().unwrap();
    assert_eq!(BasisPoints::from_fraction(fraction), Ok(experiment.coverage));
    assert!(experiment.coverage <= basis_points(10_000));
    experiment
}
