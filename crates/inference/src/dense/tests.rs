use proptest::prelude::*;

use super::*;
use crate::manifest::Layer;
use crate::testing::{f32s, safetensors};

const LINEAR: Layer = Layer::Linear;
const RELU: Layer = Layer::Activation(Activation::Relu);
const SIGMOID: Layer = Layer::Activation(Activation::Sigmoid);

type Tensors<'t> = [(&'t str, &'t str, &'t [usize], Vec<u8>)];

fn prefix(prefix: &str) -> crate::manifest::Tensors {
    crate::manifest::Tensors::Prefix(prefix.to_owned())
}

fn load(tensors: &Tensors<'_>, layers: &[Layer], inputs: usize) -> Result<Dense, Vec<String>> {
    Dense::load("file", &safetensors(tensors), layers, &prefix("net"), inputs)
        .map_err(|problems| problems.problems.iter().map(ToString::to_string).collect())
}

/// The outputs of one row, computed in a block whose other rows are zero.
fn single(network: &Dense, row: &[f32]) -> Vec<f32> {
    let mut block = vec![0.0; BLOCK_ROWS * network.inputs];
    block[..row.len()].copy_from_slice(row);
    let mut outputs = vec![0.0; BLOCK_ROWS * network.outputs];
    network.forward(&block, &mut outputs);
    outputs.truncate(network.outputs);
    outputs
}

#[test]
fn layers_compute_what_pytorch_computes() {
    // 3 inputs, 2 hidden, 1 output; by hand: hidden = relu([1-4+9+0.5, -1+0-1-1]) = [6.5, 0]; 2*6.5 + 0 = 13.
    let tensors = [
        ("net.0.weight", "F32", &[2, 3][..], f32s(&[1.0, -2.0, 3.0, -1.0, 0.0, -1.0 / 3.0])),
        ("net.0.bias", "F32", &[2], f32s(&[0.5, -1.0])),
        ("net.2.weight", "F32", &[1, 2], f32s(&[2.0, 5.0])),
    ];
    let network = load(&tensors, &[LINEAR, RELU, LINEAR], 3).unwrap();
    assert_eq!(single(&network, &[1.0, 2.0, 3.0]), [13.0]);
    let network = load(&tensors, &[LINEAR, RELU, LINEAR, SIGMOID, SIGMOID], 3).unwrap();
    // sigmoid(sigmoid(13))
    assert!((single(&network, &[1.0, 2.0, 3.0])[0] - 0.731_058_1).abs() < 1e-6);
}

#[test]
fn a_bare_sequential_needs_no_prefix() {
    let file = safetensors(&[("0.weight", "F32", &[1, 1], f32s(&[3.0]))]);
    let network = Dense::load("file", &file, &[LINEAR], &prefix(""), 1).unwrap();
    assert_eq!(single(&network, &[2.0]), [6.0]);
}

#[test]
fn weights_of_other_float_types_are_converted() {
    let cases = [
        ("F64", 1.5_f64.to_le_bytes().to_vec()),
        ("F16", 0x3e00_u16.to_le_bytes().to_vec()),
        ("BF16", 0x3fc0_u16.to_le_bytes().to_vec()),
    ];
    for (dtype, bytes) in cases {
        let network = load(&[("net.0.weight", dtype, &[1, 1], bytes)], &[LINEAR], 1).unwrap();
        assert_eq!(single(&network, &[2.0]), [3.0], "{dtype}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused_with_both_shapes() {
    let weight =
        |shape: &'static [usize]| ("net.0.weight", "F32", shape, f32s(&vec![0.5; shape.iter().product()]));
    let bias =
        |shape: &'static [usize]| ("net.0.bias", "F32", shape, f32s(&vec![0.5; shape.iter().product()]));
    let second =
        |shape: &'static [usize]| ("net.1.weight", "F32", shape, f32s(&vec![0.5; shape.iter().product()]));
    let one = [LINEAR].as_slice();
    let two = [LINEAR, LINEAR].as_slice();
    let cases: Vec<(Vec<_>, &[Layer], Vec<&str>)> = vec![
        (vec![], one, vec!["tensor `net.0.weight`: it is missing; the file has no tensors"]),
        (
            vec![second(&[2, 3])],
            one,
            vec![
                "tensor `net.0.weight`: it is missing; the file has `net.1.weight`",
                "tensor `net.1.weight`: it belongs to no linear layer of the manifest",
            ],
        ),
        (
            vec![weight(&[2, 4])],
            one,
            vec![
                "tensor `net.0.weight`: its shape is [2, 4], but the inputs have 3 columns: expected [2, 3]",
            ],
        ),
        (
            vec![weight(&[2, 3]), second(&[1, 3])],
            two,
            vec!["tensor `net.1.weight`: its shape is [1, 3], but layer 0 gives 2 columns: expected [1, 2]"],
        ),
        (vec![weight(&[3])], one, vec!["tensor `net.0.weight`: its shape is [3], expected [out, in]"]),
        (vec![weight(&[0, 3])], one, vec!["tensor `net.0.weight`: its shape is [0, 3], so it has no values"]),
        (
            vec![weight(&[2, 3]), bias(&[3])],
            one,
            vec!["tensor `net.0.bias`: its shape is [3], but the layer has 2 outputs: expected [2]"],
        ),
        (
            vec![weight(&[2, 3]), bias(&[2, 1])],
            one,
            vec!["tensor `net.0.bias`: its shape is [2, 1], but the layer has 2 outputs: expected [2]"],
        ),
        (
            vec![("net.0.weight", "I64", &[1, 3], vec![0; 24])],
            one,
            vec!["tensor `net.0.weight`: its type is I64, expected F32, F64, F16 or BF16"],
        ),
        (
            vec![("net.0.weight", "F8_E4M3", &[1, 3], vec![0; 3])],
            one,
            vec!["tensor `net.0.weight`: its type is F8_E4M3, expected F32, F64, F16 or BF16"],
        ),
        (
            vec![("net.0.weight", "F32", &[1, 3], f32s(&[1.0, f32::NAN, f32::INFINITY]))],
            one,
            vec!["tensor `net.0.weight`: 2 of its values are NaN or infinite as 32-bit floats"],
        ),
        (
            vec![(
                "net.0.weight",
                "F64",
                &[1, 3],
                [1e300_f64; 3].iter().flat_map(|x| x.to_le_bytes()).collect(),
            )],
            one,
            vec!["tensor `net.0.weight`: 3 of its values are NaN or infinite as 32-bit floats"],
        ),
        // Two faults, and a layer behind the faulty one that fits what that one would give.
        (
            vec![weight(&[2, 5]), bias(&[1]), second(&[1, 2])],
            two,
            vec![
                "tensor `net.0.weight`: its shape is [2, 5], but the inputs have 3 columns: expected [2, 3]",
                "tensor `net.0.bias`: its shape is [1], but the layer has 2 outputs: expected [2]",
            ],
        ),
    ];
    for (tensors, layers, expected) in cases {
        assert_eq!(load(&tensors, layers, 3).unwrap_err(), expected);
    }
}

#[test]
fn a_file_of_many_tensors_is_not_listed_whole() {
    let names: Vec<String> = (0..30).map(|at| format!("other.{at:02}")).collect();
    let tensors: Vec<_> =
        names.iter().map(|name| (name.as_str(), "F32", [1].as_slice(), f32s(&[1.0]))).collect();
    let problems = load(&tensors, &[LINEAR], 1).unwrap_err();
    assert!(problems[0].ends_with("`other.07` and 22 more"), "{problems:?}");
    assert_eq!(problems.len(), 1 + 8 + 1);
    assert_eq!(problems[9], "tensors: 22 more belong to no linear layer");
}

#[test]
fn files_that_are_no_safetensors_are_refused() {
    for bytes in [&b""[..], b"short", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", b"\x02\0\0\0\0\0\0\0[]"] {
        let problems = Dense::load("file", bytes, &[LINEAR], &prefix("net"), 1).unwrap_err();
        assert!(problems.to_string().contains("header: not a safetensors file: "), "{problems}");
    }
}

#[test]
fn infinity_inside_the_network_is_not_hidden() {
    // inf - inf in the second layer; a relu that prefers 0 to NaN would make this 0.
    let tensors = [
        ("net.0.weight", "F32", &[2, 1][..], f32s(&[3e38, 3e38])),
        ("net.1.weight", "F32", &[1, 2], f32s(&[1.0, -1.0])),
    ];
    let network = load(&tensors, &[LINEAR, LINEAR, RELU], 1).unwrap();
    assert!(single(&network, &[10.0])[0].is_nan());
}

/// A network of these widths with made-up weights, and rows for it.
fn made_up(widths: &[usize], rows: usize, seed: u32) -> (Dense, Vec<Vec<f32>>) {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let steps = widths.windows(2).map(|pair| {
        let weight: Vec<f32> = (0..pair[0] * pair[1]).map(|_| next()).collect();
        let weight = Tensor::from_vec(weight, (pair[0], pair[1]), &Device::Cpu).unwrap();
        let bias = (0..pair[1]).map(|_| next()).collect();
        Step { weight, bias, activations: vec![Activation::Tanh] }
    });
    let steps = steps.collect();
    let outputs = widths[widths.len() - 1];
    let rows = (0..rows).map(|_| (0..widths[0]).map(|_| next()).collect()).collect();
    (Dense { steps, inputs: widths[0], outputs }, rows)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A row's outputs have the same bits in any place of a block, whatever the other rows are. The widths cross
    /// the tiles of the kernels, one by one: vectors of 4 to 16 floats, tiles of up to 96, depths of 512 and more.
    #[test]
    fn outputs_do_not_depend_on_the_place_in_a_block(
        widths in prop::collection::vec(
            prop_oneof![1..20_usize, 1..140_usize, 500..530_usize, 1_020..1_030_usize], 2..4),
        places in Just((0..BLOCK_ROWS).collect::<Vec<_>>()).prop_shuffle(),
        seed in any::<u32>(),
    ) {
        let (network, rows) = made_up(&widths, BLOCK_ROWS, seed);
        let block: Vec<f32> = places.iter().flat_map(|place| rows[*place].clone()).collect();
        let mut outputs = vec![0.0; BLOCK_ROWS * network.outputs];
        network.forward(&block, &mut outputs);
        for (place, outputs) in places.iter().zip(outputs.chunks(network.outputs)) {
            prop_assert_eq!(bits(&single(&network, &rows[*place])), bits(outputs));
        }
    }

    /// No bytes make loading panic.
    #[test]
    fn damaged_files_are_refused_or_read(at in 0..200_usize, byte in any::<u8>(), cut in 0..200_usize) {
        let mut file = safetensors(&[
            ("net.0.weight", "F32", &[2, 3], f32s(&[0.5; 6])),
            ("net.0.bias", "F32", &[2], f32s(&[0.5; 2])),
        ]);
        let length = file.len();
        file[at % length] = byte;
        file.truncate(length - cut % 3 * cut % length);
        if let Ok(network) = Dense::load("file", &file, &[LINEAR], &prefix("net"), 3) {
            prop_assert_eq!(single(&network, &[1.0, 1.0, 1.0]).len(), 2);
        }
    }
}
