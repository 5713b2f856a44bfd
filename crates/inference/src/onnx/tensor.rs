//! Values: element types, buffers of them, and constants.

use compact_str::CompactString;

use super::convert::Wrap;
use super::proto;
use crate::error::shorten;

/// The most values of a constant, and of all that the plan makes out of constants.
pub(super) const VALUES_MAX: usize = 1 << 26;

/// The types of values that are computed with; of ONNX's others (16-bit floats, small and unsigned integers,
/// complex numbers) none comes out of an exporter of tabular models by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// 64-bit integer.
    Int64,
    /// 32-bit integer; kept as 64 bits, and cut to 32 where it is made.
    Int32,
    /// Truth value.
    Bool,
    /// Text.
    String,
}

/// ONNX's names of element types, by number; the names of those that are not supported are for messages.
const NAMES: [&str; 17] = [
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
];

impl ElementType {
    pub(super) fn of(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::Float,
            6 => Self::Int32,
            7 => Self::Int64,
            8 => Self::String,
            9 => Self::Bool,
            11 => Self::Double,
            _ => {
                let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number).copied());
                let name = name.map_or_else(|| number.to_string(), str::to_owned);
                return Err(format!(
                    "element type `{name}`, expected float, double, int64, int32, bool or string"
                ));
            }
        })
    }

    /// As ONNX writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Double => "double",
            Self::Int64 => "int64",
            Self::Int32 => "int32",
            Self::Bool => "bool",
            Self::String => "string",
        }
    }

    /// Bytes of a value in memory, without those of a long text.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Float => 4,
            Self::Double | Self::Int64 | Self::Int32 => 8,
            Self::Bool => 1,
            Self::String => 24,
        }
    }

    /// Whether it is `Float` or `Double`.
    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// Whether it is `Int64` or `Int32`.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Int64 | Self::Int32)
    }
}

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Buffer {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<CompactString>),
}

/// Nothing; it costs no allocation, and stands in for a buffer that is being written.
impl Default for Buffer {
    fn default() -> Self {
        Self::F32(Vec::new())
    }
}

impl Buffer {
    /// `length` zeros, falsehoods or empty texts.
    pub(super) fn zeros(element: ElementType, length: usize) -> Self {
        match element {
            ElementType::Float => Self::F32(vec![0.0; length]),
            ElementType::Double => Self::F64(vec![0.0; length]),
            ElementType::Int64 | ElementType::Int32 => Self::I64(vec![0; length]),
            ElementType::Bool => Self::Bool(vec![false; length]),
            ElementType::String => Self::Text(vec![CompactString::default(); length]),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }
}

/// A type that buffers hold.
pub(super) trait Element: Clone + PartialEq + 'static {
    fn values(buffer: &Buffer) -> &[Self];
    fn values_mut(buffer: &mut Buffer) -> &mut [Self];
}

macro_rules! element {
    ($type:ty, $case:ident) => {
        impl Element for $type {
            fn values(buffer: &Buffer) -> &[Self] {
                match buffer {
                    Buffer::$case(values) => values,
                    _ => unreachable!("the plan gives each kernel the types that it was built for"),
                }
            }

            fn values_mut(buffer: &mut Buffer) -> &mut [Self] {
                match buffer {
                    Buffer::$case(values) => values,
                    _ => unreachable!("the plan gives each kernel the types that it was built for"),
                }
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);
element!(i64, I64);
element!(bool, Bool);
element!(CompactString, Text);

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) element: ElementType,
    pub(super) dims: Vec<usize>,
    pub(super) data: Buffer,
}

impl Tensor {
    pub(super) fn scalar(element: ElementType, data: Buffer) -> Self {
        Self { element, dims: Vec::new(), data }
    }

    pub(super) fn vector(element: ElementType, data: Buffer) -> Self {
        Self { element, dims: vec![data.len()], data }
    }

    /// Reads a tensor of a file.
    pub(super) fn read(tensor: &proto::Tensor<'_>) -> Result<Self, String> {
        let about = |message: String| format!("tensor `{}`: {message}", shorten(tensor.name));
        if tensor.external {
            return Err(about(
                "its values are in another file, which is not supported; save the model as one file"
                    .to_owned(),
            ));
        }
        let element = ElementType::of(tensor.element).map_err(about)?;
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
        let dims = dims.ok_or_else(|| about(format!("its shape {:?} has a negative size", tensor.dims)))?;
        let length = volume(&dims).map_err(about)?;
        let data = data(tensor, element, length).map_err(about)?;
        if data.len() != length {
            return Err(about(format!("its shape is {dims:?}, but it has {} values", data.len())));
        }
        Ok(Self { element, dims, data })
    }
}

/// The product of sizes, within [`VALUES_MAX`].
pub(super) fn volume(dims: &[usize]) -> Result<usize, String> {
    let product = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    product
        .filter(|product| *product <= VALUES_MAX)
        .ok_or_else(|| format!("shape {dims:?} has more than {VALUES_MAX} values"))
}

fn data(tensor: &proto::Tensor<'_>, element: ElementType, length: usize) -> Result<Buffer, String> {
    if let Some(raw) = tensor.raw {
        return raw_data(raw, element, length);
    }
    Ok(match element {
        ElementType::Float => Buffer::F32(tensor.floats.clone()),
        ElementType::Double => Buffer::F64(tensor.doubles.clone()),
        ElementType::Int64 => Buffer::I64(tensor.integers.clone()),
        ElementType::Int32 => Buffer::I64(tensor.integers.iter().map(|value| i64::wrap(*value)).collect()),
        ElementType::Bool => Buffer::Bool(tensor.integers.iter().map(|value| *value != 0).collect()),
        ElementType::String => Buffer::Text(texts(&tensor.texts)?),
    })
}

/// Reads values that a file has as they are in memory, little-endian.
fn raw_data(raw: &[u8], element: ElementType, length: usize) -> Result<Buffer, String> {
    let size = match element {
        ElementType::Float | ElementType::Int32 => 4,
        ElementType::Double | ElementType::Int64 => 8,
        ElementType::Bool => 1,
        ElementType::String => return Err("texts cannot be raw data".to_owned()),
    };
    if raw.len() != length * size {
        return Err(format!("it has {} bytes, expected {} for its shape", raw.len(), length * size));
    }
    Ok(match element {
        ElementType::Float => Buffer::F32(chunks(raw, f32::from_le_bytes)),
        ElementType::Double => Buffer::F64(chunks(raw, f64::from_le_bytes)),
        ElementType::Int32 => Buffer::I64(chunks(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))),
        ElementType::Int64 => Buffer::I64(chunks(raw, i64::from_le_bytes)),
        _ => Buffer::Bool(raw.iter().map(|byte| *byte != 0).collect()),
    })
}

fn chunks<T, const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks().0.iter().map(|bytes| read(*bytes)).collect()
}

/// Texts of a file, which must be UTF-8.
pub(super) fn texts(all: &[&[u8]]) -> Result<Vec<CompactString>, String> {
    all.iter()
        .map(|text| CompactString::from_utf8(text).map_err(|_| "a text is not UTF-8".to_owned()))
        .collect()
}
