use super::*;

/// x, and what each function gives for it: computed in double precision with Python's `math` (`erf`, `tanh`,
/// `exp`), as PyTorch documents the functions.
const REFERENCE: [(f32, [f64; 5]); 9] = [
    (-30.0, [0.0, -1.0, 0.0, 0.0, 9.357622969e-14]),
    (-3.0, [0.0, -0.995_054_753_687, -0.004_049_694_095, -0.003_637_392_082, 0.047_425_873_178]),
    (-1.0, [0.0, -0.761_594_155_956, -0.158_655_253_931, -0.158_808_009_392, 0.268_941_421_37]),
    (-0.125, [0.0, -0.124_353_001_772, -0.056_282_721_896, -0.056_282_801_376, 0.468_790_626_626]),
    (0.0, [0.0, 0.0, 0.0, 0.0, 0.5]),
    (0.5, [0.5, 0.462_117_157_26, 0.345_731_230_637, 0.345_714_009_825, 0.622_459_331_202]),
    (1.0, [1.0, 0.761_594_155_956, 0.841_344_746_069, 0.841_191_990_608, 0.731_058_578_63]),
    (4.0, [4.0, 0.999_329_299_739, 3.999_873_315_033, 3.999_929_754_052, 0.982_013_790_038]),
    (30.0, [30.0, 1.0, 30.0, 30.0, 1.0]),
];

const FUNCTIONS: [Activation; 5] =
    [Activation::Relu, Activation::Tanh, Activation::Gelu, Activation::GeluTanh, Activation::Sigmoid];

fn apply(activation: Activation, values: &[f32], width: usize) -> Vec<f32> {
    let mut values = values.to_vec();
    activation.apply(&mut values, width);
    values
}

#[test]
fn functions_agree_with_double_precision() {
    for (x, expected) in REFERENCE {
        for (function, expected) in FUNCTIONS.into_iter().zip(expected) {
            let got = f64::from(apply(function, &[x], 1)[0]);
            // The absolute part is for GELU far left, where 1 + erf cancels, in PyTorch too.
            let error = (got - expected).abs();
            assert!(error <= 5e-7 * expected.abs() + 5e-7, "{function:?}({x}) is {got}, expected {expected}");
        }
    }
}

#[test]
fn a_small_probability_is_not_rounded_to_zero() {
    let got = f64::from(apply(Activation::Sigmoid, &[-80.0], 1)[0]);
    let expected = (-80.0_f64).exp();
    assert!((got / expected - 1.0).abs() < 1e-4, "{got} is not near {expected}");
    assert_eq!(apply(Activation::Sigmoid, &[-1e30, 1e30], 2), [0.0, 1.0]);
}

#[test]
fn softmax_is_stable_and_keeps_rows_apart() {
    let rows = [1_000.0, 1_001.0, 999.0, /* next row */ 0.0, -1e30, 0.0];
    // exp(-1), exp(0) and exp(-2) over their sum
    let expected = [0.244_728_47, 0.665_240_96, 0.090_030_57, 0.5, 0.0, 0.5];
    for (got, expected) in apply(Activation::Softmax, &rows, 3).into_iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
    }
}

#[test]
fn nan_is_never_hidden() {
    for function in FUNCTIONS.into_iter().chain([Activation::Softmax]) {
        assert!(apply(function, &[f32::NAN], 1)[0].is_nan(), "{function:?}");
    }
    let row = apply(Activation::Softmax, &[1.0, f32::NAN, 2.0], 3);
    assert!(row.iter().all(|value| value.is_nan()), "{row:?}");
}
