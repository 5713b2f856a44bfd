//! Writes small ONNX files.

/// A graph with the input `x` of rows of four floats and the output `y`, unless said otherwise.
pub(super) struct Graph {
    nodes: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    output: String,
    element: u64,
    width: u64,
    opset: u64,
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// An attribute of one integer.
pub(super) fn attribute(name: &str, value: i64) -> Vec<u8> {
    [bytes(1, name.as_bytes()), number(3, value.cast_unsigned()), number(20, 2)].concat()
}

pub(super) fn floats(name: &str, values: &[f32]) -> Vec<u8> {
    let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [bytes(1, name.as_bytes()), bytes(7, &packed), number(20, 6)].concat()
}

fn list(name: &str, values: &[i64]) -> Vec<u8> {
    let packed: Vec<u8> = values.iter().flat_map(|value| varint(value.cast_unsigned())).collect();
    [bytes(1, name.as_bytes()), bytes(8, &packed), number(20, 7)].concat()
}

fn texts(name: &str, values: &[&str]) -> Vec<u8> {
    let all: Vec<u8> = values.iter().flat_map(|value| bytes(9, value.as_bytes())).collect();
    [bytes(1, name.as_bytes()), all, number(20, 8)].concat()
}

/// A node of `ai.onnx`; names of values are separated by spaces.
pub(super) fn node(operator: &str, inputs: &str, outputs: &str, attributes: Vec<Vec<u8>>) -> Vec<u8> {
    let mut node = bytes(4, operator.as_bytes());
    node.extend(inputs.split(' ').flat_map(|name| bytes(1, name.as_bytes())));
    node.extend(outputs.split(' ').flat_map(|name| bytes(2, name.as_bytes())));
    node.extend(attributes.iter().flat_map(|attribute| bytes(5, attribute)));
    node
}

fn ml(mut node: Vec<u8>) -> Vec<u8> {
    node.extend(bytes(7, b"ai.onnx.ml"));
    node
}

/// A tensor of floats, in the way of the field that is for them.
pub(super) fn tensor(name: &str, dims: &[i64], values: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, dim.cast_unsigned())).collect();
    let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [dims, number(2, 1), bytes(4, &packed), bytes(8, name.as_bytes())].concat()
}

/// A list of integers, in the way of memory.
pub(super) fn integers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [number(1, values.len() as u64), number(2, 7), bytes(9, &raw), bytes(8, name.as_bytes())].concat()
}

impl Graph {
    pub(super) fn new(nodes: Vec<Vec<u8>>) -> Self {
        Self { nodes, tensors: Vec::new(), output: "y".to_owned(), element: 1, width: 4, opset: 17 }
    }

    pub(super) fn with(mut self, tensor: Vec<u8>) -> Self {
        self.tensors.push(tensor);
        self
    }

    pub(super) fn output(mut self, name: &str) -> Self {
        name.clone_into(&mut self.output);
        self
    }

    pub(super) fn opset(mut self, version: u64) -> Self {
        self.opset = version;
        self
    }

    /// A network of two layers.
    pub(super) fn network() -> Self {
        let nodes = vec![
            node("Gemm", "x w0 b0", "a", vec![attribute("transB", 1)]),
            node("Relu", "a", "h", vec![]),
            node("MatMul", "h w1", "m", vec![]),
            node("Softmax", "m", "s", vec![attribute("axis", -1)]),
            node("Reshape", "s shape", "y", vec![]),
        ];
        Self::new(nodes)
            .with(tensor("w0", &[3, 4], &[0.25; 12]))
            .with(tensor("b0", &[3], &[0.1, -0.2, 0.3]))
            .with(tensor("w1", &[3, 2], &[0.5; 6]))
            .with(integers("shape", &[-1, 2]))
    }

    /// A tree of a root and two leaves.
    pub(super) fn tree(yes: &[i64], no: &[i64], features: &[i64]) -> Self {
        let attributes = vec![
            list("nodes_treeids", &[0, 0, 0]),
            list("nodes_nodeids", &[0, 1, 2]),
            list("nodes_featureids", features),
            texts("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]),
            floats("nodes_values", &[0.5, 0.0, 0.0]),
            list("nodes_truenodeids", yes),
            list("nodes_falsenodeids", no),
            list("target_treeids", &[0, 0]),
            list("target_nodeids", &[1, 2]),
            list("target_ids", &[0, 0]),
            floats("target_weights", &[1.5, -2.5]),
            attribute("n_targets", 1),
        ];
        Self::new(vec![ml(node("TreeEnsembleRegressor", "x", "y", attributes))])
    }

    pub(super) fn trees() -> Self {
        Self::tree(&[1, 0, 0], &[2, 0, 0], &[3, 0, 0])
    }

    /// An integer that chooses one of two numbers.
    pub(super) fn embedding() -> Self {
        let nodes = vec![node("Gather", "table x", "y", vec![])];
        Self { element: 7, width: 1, ..Self::new(nodes).with(tensor("table", &[2], &[10.0, 20.0])) }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let dims = [bytes(1, &bytes(2, b"N")), bytes(1, &number(1, self.width))].concat();
        let kind = bytes(1, &[number(1, self.element), bytes(2, &dims)].concat());
        let mut graph: Vec<u8> = self.nodes.iter().flat_map(|node| bytes(1, node)).collect();
        graph.extend(self.tensors.iter().flat_map(|tensor| bytes(5, tensor)));
        graph.extend(bytes(11, &[bytes(1, b"x"), bytes(2, &kind)].concat()));
        graph.extend(bytes(12, &bytes(1, self.output.as_bytes())));
        let opset = bytes(8, &[bytes(1, b""), number(2, self.opset)].concat());
        let ml = bytes(8, &[bytes(1, b"ai.onnx.ml"), number(2, 3)].concat());
        [number(1, 8), opset, ml, bytes(7, &graph)].concat()
    }
}
