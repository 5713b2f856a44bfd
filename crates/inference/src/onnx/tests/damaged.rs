//! Files that are damaged, or made to do harm.

use super::flights::MODEL;
use super::write::{Graph as Written, attribute, floats, integers, node, tensor};
use crate::onnx::{BLOCK_ROWS, Graph};

/// What is said of a file.
fn refused(bytes: &[u8]) -> String {
    match Graph::load("model.onnx", bytes) {
        Ok(_) => "it loads".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// A generator of numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn no_cut_makes_loading_panic() {
    for length in 0..MODEL.len() {
        // A cut may fall between two fields, and leave a graph.
        drop(Graph::load("model.onnx", &MODEL[..length]));
    }
}

#[test]
fn no_mutation_makes_loading_or_running_panic() {
    let networks = [MODEL.to_vec(), Written::network().write(), Written::trees().write()];
    let mut chance = Chance(17);
    let mut loaded = 0;
    for round in 0..20_000 {
        let mut bytes = networks[round % networks.len()].clone();
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len());
            match chance.below(20) {
                0..9 => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
                9..18 => bytes[at] ^= 1 << chance.below(8),
                18 => drop(bytes.splice(at..at, [0xff; 3])),
                _ => drop(bytes.drain(at..(at + 3).min(bytes.len()))),
            }
        }
        if let Ok((graph, _)) = Graph::load("model.onnx", &bytes) {
            let rows = BLOCK_ROWS + 1;
            let mut outputs = vec![0.0; rows * graph.outputs()];
            let (numbers, texts) = (vec![0.5; rows * graph.numbers()], vec!["UA"; rows * graph.texts()]);
            graph.predict(&numbers, &texts, &mut outputs, &mut graph.scratch());
            loaded += 1;
        }
    }
    assert!(loaded > 1_000, "{loaded} of them load");
}

#[test]
fn what_is_no_graph_is_refused() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "not an ONNX file"),
        (b"tree\nversion=v4", "not an ONNX file, or damaged"),
        (b"{\"learner\": 1}", "damaged"),
        (&[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f], "truncated"),
        (&[0xff; 40], "longer than ten bytes"),
        (&MODEL[..MODEL.len() / 2], "truncated"),
    ];
    for (bytes, says) in cases {
        let error = refused(bytes);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn graphs_that_are_wrong_are_refused_with_their_place() {
    let weights = || tensor("w", &[3, 2], &[0.5; 6]);
    let cases = [
        (
            Written::new(vec![node("Relu", "a", "y", vec![]), node("Relu", "y", "a", vec![])]),
            "it has a cycle",
        ),
        (Written::new(vec![node("Relu", "y", "y", vec![])]), "it has a cycle"),
        (Written::new(vec![node("Relu", "nowhere", "y", vec![])]), "nothing gives `nowhere`"),
        (
            Written::new(vec![node("Relu", "x", "y", vec![]), node("Tanh", "x", "y", vec![])]),
            "two nodes give `y`",
        ),
        (
            Written::new(vec![node("Relu", "x", "x", vec![]), node("Relu", "x", "y", vec![])]),
            "it has a cycle",
        ),
        (
            Written::new(vec![node("MatMul", "x w", "y", vec![])]).with(weights()),
            "node `y` (MatMul): its input has shape [1, 4], but its weights are for 3 values",
        ),
        (
            Written::new(vec![node("MatMul", "x x", "y", vec![])]),
            "multiplies two values that depend on the inputs",
        ),
        (
            Written::new(vec![node("MatMul", "x w", "y", vec![])]).with(tensor(
                "w",
                &[4, 1 << 40],
                &[0.5; 6],
            )),
            "has more than 67108864 values",
        ),
        (
            Written::new(vec![node("MatMul", "x w", "y", vec![])]).with(tensor("w", &[4, -1], &[0.5; 6])),
            "has a negative size",
        ),
        (
            Written::new(vec![node("MatMul", "x w", "y", vec![])]).with(tensor("w", &[4, 2], &[0.5; 6])),
            "its shape is [4, 2], but it has 6 values",
        ),
        (
            Written::new(vec![node("Softmax", "x", "y", vec![attribute("axis", 0)])]),
            "works along the batch axis",
        ),
        (
            Written::new(vec![node("Softmax", "x", "y", vec![attribute("axis", 9)])]),
            "axis 9 is outside of the 2 axes",
        ),
        (
            Written::new(vec![node("Relu", "x", "y", vec![attribute("alpha", 1)])]),
            "node `y` (Relu): attribute `alpha` is not supported",
        ),
        (
            Written::new(vec![node("Softmax", "x", "y", vec![floats("axis", &[1.0])])]),
            "attribute `axis` is not an integer",
        ),
        (
            Written::new(vec![node("Loop", "x", "a", vec![]), node("LSTM", "a", "y", vec![])]),
            "operator `LSTM`: ai.onnx 17 has it, but it is not among the operators that are built in; serin with \
             the feature `onnxruntime` runs it",
        ),
        (
            Written::new(vec![node("Expand", "x s", "y", vec![])]).with(integers("s", &[1 << 20, 1, 4])),
            "the graph has more than 4194304 values for each row",
        ),
        (
            Written::new(vec![node("ConstantOfShape", "s", "c", vec![]), node("Add", "x c", "y", vec![])])
                .with(integers("s", &[1 << 62, 1 << 62])),
            "has more than 67108864 values",
        ),
        (
            Written::new(vec![node("Relu", "x", "y", vec![])]).opset(99),
            "version 99 of ai.onnx is not supported",
        ),
    ];
    for (graph, says) in cases {
        let error = refused(&graph.write());
        assert!(error.contains(says), "expected `{says}`, found {error}");
    }
}

#[test]
fn trees_that_are_none_are_refused() {
    // A root that leads to itself; two parents; no root at all; a leaf of a feature that is not there.
    let cases = [
        ([1, 0, 0], [2, 0, 0], [0, 0, 0], "it loads"),
        ([1, 0, 0], [1, 0, 0], [0, 0, 0], "two nodes lead to the same one"),
        ([0, 0, 0], [1, 0, 0], [0, 0, 0], "a tree has a cycle"),
        ([1, 0, 0], [0, 0, 0], [0, 0, 0], "a tree has a cycle"),
        ([1, 0, 0], [7, 0, 0], [0, 0, 0], "tree 0 has no node 7"),
        ([1, 0, 0], [2, 0, 0], [99, 0, 0], "feature 99 is not one of 4"),
        ([1, 0, 0], [2, 0, 0], [-1, 0, 0], "feature -1 is not one of 4"),
    ];
    for (yes, no, features, says) in cases {
        let error = refused(&Written::tree(&yes, &no, &features).write());
        assert!(error.contains(says), "expected `{says}`, found {error}");
    }
}

#[test]
fn a_chain_of_thousands_of_nodes_is_walked_without_recursion() {
    let mut nodes: Vec<_> =
        (0..19_999).map(|at| node("Identity", &format!("n{at}"), &format!("n{}", at + 1), vec![])).collect();
    nodes.reverse();
    nodes.push(node("Relu", "x", "n0", vec![]));
    let (graph, _) = Graph::load("model.onnx", &Written::new(nodes).output("n19999").write()).unwrap();
    let mut outputs = [0.0; 4];
    graph.predict(&[1.0, -1.0, 0.5, -0.0], &[""; 0], &mut outputs, &mut graph.scratch());
    assert_eq!(outputs, [1.0, 0.0, 0.5, 0.0]);
}

#[test]
fn a_bomb_of_nodes_is_counted() {
    // Two bytes each: a message without fields.
    let nodes = [0x0a, 0x00].repeat(1 << 20);
    let mut file = vec![0x3a];
    let mut length = nodes.len();
    while length > 0 {
        let more = if length > 0x7f { 0x80 } else { 0 };
        file.push(u8::try_from(length & 0x7f).unwrap() | more);
        length >>= 7;
    }
    file.extend(nodes);
    assert!(refused(&file).contains("more than 20000 nodes"));
}

#[test]
fn rows_without_a_result_are_not_numbers_and_leave_their_neighbours_alone() {
    let graph = Written::embedding().write();
    let (graph, _) = Graph::load("model.onnx", &graph).unwrap();
    let mut outputs = [0.0; 6];
    graph.predict(&[0.0, 2.0, 1.0, -1.0, 0.5, f64::NAN], &[""; 0], &mut outputs, &mut graph.scratch());
    assert_eq!(outputs[0], 10.0);
    assert!(outputs[1].is_nan(), "two is outside of the table");
    assert_eq!(outputs[2..4], [20.0, 20.0]);
    assert!(outputs[4].is_nan() && outputs[5].is_nan(), "no integers");
}
