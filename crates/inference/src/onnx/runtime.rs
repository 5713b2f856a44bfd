//! Graphs that are not built in, run by onnxruntime: the optional feature `onnxruntime`.
//!
//! The library is loaded when the first such graph is: from the file that `SERIN_ONNXRUNTIME` names, else from where
//! the system looks for `libonnxruntime.so`. Nothing is downloaded or linked.
//!
//! **Invariant:** rows are run one by one, so that even of a graph that mixes rows, a result depends on its own row
//! alone.

use std::sync::{Arc, OnceLock};

use ort::environment::Environment;
use ort::session::Session;
use ort::value::{DynMapValueType, DynValue, Tensor};

use super::{Description, ElementType, Input, Labels, Output, OutputKind};

/// The variable that names the library.
const LIBRARY: &str = "SERIN_ONNXRUNTIME";

/// A graph for onnxruntime. Each [`Worker`] has a session of its own.
#[derive(Clone, Debug)]
pub(super) struct Runtime {
    bytes: Arc<[u8]>,
    inputs: Vec<Input>,
    /// Those that are computed.
    outputs: Vec<Output>,
}

/// A session with its graph, for one thread.
#[derive(Debug)]
pub(super) struct Worker {
    session: Session,
}

/// What an output holds for a row.
enum Values {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
    /// Labels and their numbers.
    Map(Labels, Vec<f64>),
}

impl Runtime {
    /// Opens a session, and runs a row of zeros and empty texts to see what comes out. Of the outputs, those that
    /// are `chosen` (by name, in that order), or all.
    pub(super) fn load(
        bytes: &[u8],
        inputs: Vec<Input>,
        chosen: Option<&[&str]>,
    ) -> Result<(Self, Description), String> {
        let mut runtime = Self { bytes: bytes.into(), inputs, outputs: Vec::new() };
        let mut worker = runtime.worker()?;
        let numbers = vec![0.0; runtime.count(false)];
        let texts = vec![String::new(); runtime.count(true)];
        let names: Vec<String> = match chosen {
            Some(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            None => worker.session.outputs().iter().map(|output| output.name().to_owned()).collect(),
        };
        let values = runtime.run(&mut worker, &numbers, &texts, &names).map_err(|error| error.to_string())?;
        let classes = values.iter().find_map(|values| match values {
            Values::Map(labels, _) => Some(Arc::new(labels.clone())),
            _ => None,
        });
        let described: Vec<Output> = names
            .into_iter()
            .zip(&values)
            .map(|(name, values)| describe(name, values, classes.as_ref()))
            .collect();
        runtime.outputs =
            described.iter().filter(|output| output.kind != OutputKind::Texts).cloned().collect();
        if runtime.outputs.is_empty() || (chosen.is_some() && runtime.outputs.len() < described.len()) {
            return Err("an output is of texts that are no class labels".to_owned());
        }
        let description = Description { inputs: runtime.inputs.clone(), outputs: described };
        Ok((runtime, description))
    }

    /// Numbers or texts in a row of input.
    pub(super) fn count(&self, texts: bool) -> usize {
        let own = self.inputs.iter().filter(|input| (input.element == ElementType::String) == texts);
        own.map(|input| input.width).sum()
    }

    /// Numbers in a row of output.
    pub(super) fn width(&self) -> usize {
        self.outputs.iter().map(|output| output.width).sum()
    }

    /// A session of one thread.
    pub(super) fn worker(&self) -> Result<Worker, String> {
        let environment = environment()?;
        let session = Session::builder(environment)
            .map_err(|error| error.to_string())?
            .with_intra_threads(1)
            .map_err(|error| error.to_string())?
            .commit_from_memory(&self.bytes)
            .map_err(|error| error.to_string())?;
        Ok(Worker { session })
    }

    /// Computes a row; one that onnxruntime refuses gets NaN.
    pub(super) fn predict(
        &self,
        worker: &mut Worker,
        numbers: &[f64],
        texts: &[impl AsRef<str>],
        outputs: &mut [f64],
    ) {
        let names: Vec<String> = self.outputs.iter().map(|output| output.name.clone()).collect();
        let values = self.run(worker, numbers, texts, &names);
        if !values.is_ok_and(|values| self.write(&values, outputs)) {
            outputs.fill(f64::NAN);
        }
    }

    /// Puts a row together. Whether every output has the values that it had when it was described.
    fn write(&self, values: &[Values], outputs: &mut [f64]) -> bool {
        let mut first = 0;
        for (output, values) in self.outputs.iter().zip(values) {
            let to = &mut outputs[first..][..output.width];
            let numbers = match (values, &output.kind) {
                (Values::Numbers(numbers) | Values::Map(_, numbers), _) => numbers.clone(),
                (Values::Texts(texts), OutputKind::Label(labels)) => {
                    let place =
                        |text: &String| labels.place(text).map_or(f64::NAN, super::convert::Number::f64);
                    texts.iter().map(place).collect()
                }
                (Values::Texts(_), _) => return false,
            };
            if numbers.len() != output.width {
                return false;
            }
            to.copy_from_slice(&numbers);
            first += output.width;
        }
        true
    }

    fn run(
        &self,
        worker: &mut Worker,
        numbers: &[f64],
        texts: &[impl AsRef<str>],
        names: &[String],
    ) -> ort::Result<Vec<Values>> {
        let (mut number, mut text) = (0, 0);
        let mut values: Vec<(&str, DynValue)> = Vec::new();
        for input in &self.inputs {
            let value = if input.element == ElementType::String {
                text += input.width;
                texts_of(input, &texts[text - input.width..text])?
            } else {
                number += input.width;
                numbers_of(input, &numbers[number - input.width..number])?
            };
            values.push((&input.name, value));
        }
        let outputs = worker.session.run(values)?;
        let value = |name: &String| {
            outputs.get(name.as_str()).ok_or_else(|| ort::Error::new(format!("there is no output `{name}`")))
        };
        names.iter().map(|name| read(value(name)?)).collect()
    }
}

fn texts_of(input: &Input, texts: &[impl AsRef<str>]) -> ort::Result<DynValue> {
    let texts: Vec<String> = texts.iter().map(|text| text.as_ref().to_owned()).collect();
    Ok(Tensor::from_string_array((shape(input), texts.as_slice()))?.into_dyn())
}

/// A row as a tensor of the type that the graph reads.
fn numbers_of(input: &Input, numbers: &[f64]) -> ort::Result<DynValue> {
    use super::convert::Number;
    let shape = shape(input);
    if input.element.is_integer() && numbers.iter().any(|number| number.fract() != 0.0 || number.is_nan()) {
        return Err(ort::Error::new("a number is not whole"));
    }
    let numbers = numbers.iter().copied();
    Ok(match input.element {
        ElementType::Float => {
            Tensor::from_array((shape, numbers.map(Number::f32).collect::<Vec<_>>()))?.into_dyn()
        }
        ElementType::Double => Tensor::from_array((shape, numbers.collect::<Vec<_>>()))?.into_dyn(),
        ElementType::Bool => {
            Tensor::from_array((shape, numbers.map(Number::bool).collect::<Vec<_>>()))?.into_dyn()
        }
        ElementType::Int32 => {
            let narrow =
                |number: f64| i32::try_from(number.i64()).map_err(|_| ort::Error::new("beyond 32 bits"));
            Tensor::from_array((shape, numbers.map(narrow).collect::<ort::Result<Vec<_>>>()?))?.into_dyn()
        }
        _ => Tensor::from_array((shape, numbers.map(Number::i64).collect::<Vec<_>>()))?.into_dyn(),
    })
}

/// One row.
fn shape(input: &Input) -> Vec<i64> {
    let mut shape = vec![1];
    shape.extend(input.sizes.iter().map(|size| super::convert::from_index(*size)));
    shape
}

fn read(value: &DynValue) -> ort::Result<Values> {
    if let Ok(maps) = value.try_extract_sequence::<DynMapValueType>() {
        let map = maps.first().ok_or_else(|| ort::Error::new("a sequence is empty"))?;
        if let Ok(pairs) = map.try_extract_key_values::<i64, f32>() {
            let (labels, numbers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            return Ok(Values::Map(Labels::Integers(labels), numbers.into_iter().map(f64::from).collect()));
        }
        let pairs = map.try_extract_key_values::<String, f32>()?;
        let (labels, numbers): (Vec<String>, Vec<_>) = pairs.into_iter().unzip();
        let labels = labels.into_iter().map(Into::into).collect();
        return Ok(Values::Map(Labels::Texts(labels), numbers.into_iter().map(f64::from).collect()));
    }
    if let Ok((_, texts)) = value.try_extract_strings() {
        return Ok(Values::Texts(texts));
    }
    if let Ok((_, numbers)) = value.try_extract_tensor::<f32>() {
        return Ok(Values::Numbers(numbers.iter().map(|number| f64::from(*number)).collect()));
    }
    if let Ok((_, numbers)) = value.try_extract_tensor::<i64>() {
        return Ok(Values::Numbers(
            numbers.iter().map(|number| super::convert::Number::f64(*number)).collect(),
        ));
    }
    if let Ok((_, flags)) = value.try_extract_tensor::<bool>() {
        return Ok(Values::Numbers(flags.iter().map(|flag| f64::from(u8::from(*flag))).collect()));
    }
    if let Ok((_, numbers)) = value.try_extract_tensor::<i32>() {
        return Ok(Values::Numbers(numbers.iter().map(|number| f64::from(*number)).collect()));
    }
    Ok(Values::Numbers(value.try_extract_tensor::<f64>()?.1.to_vec()))
}

fn describe(name: String, values: &Values, classes: Option<&Arc<Labels>>) -> Output {
    let (element, width, kind) = match (values, classes) {
        (Values::Map(labels, numbers), _) => {
            (ElementType::Float, numbers.len(), OutputKind::PerClass(Arc::new(labels.clone())))
        }
        (Values::Numbers(numbers), _) => (ElementType::Float, numbers.len(), OutputKind::Values),
        (Values::Texts(texts), Some(classes)) if texts.len() == 1 => {
            (ElementType::String, 1, OutputKind::Label(classes.clone()))
        }
        (Values::Texts(texts), _) => (ElementType::String, texts.len(), OutputKind::Texts),
    };
    Output { name, element, width, kind }
}

/// The library, loaded once for the process.
fn environment() -> Result<&'static Environment, String> {
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let library = std::env::var(LIBRARY).unwrap_or_else(|_| "libonnxruntime.so".to_owned());
        let failed = |error: String| {
            format!("onnxruntime cannot be loaded from `{library}`, name its library in {LIBRARY}: {error}")
        };
        let builder = ort::init_from(&library).map_err(|error| failed(error.to_string()))?;
        builder.with_name("serin").build().map_err(|error| failed(error.to_string()))
    });
    environment.as_ref().map_err(Clone::clone)
}
