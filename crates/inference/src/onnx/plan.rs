//! A plan: the steps that compute the outputs of a graph, with all shapes known but for the number of rows.
//!
//! Operators put steps into the plan ([`super::ops`]). What depends on constants alone is computed at once, by the
//! same kernels, as a row of its own.

use super::convert::narrow;
use super::kernel::arrange::Select;
use super::kernel::elementwise::{Operand, Places};
use super::kernel::lookup::Labels;
use super::kernel::{Inputs, Kernel, OUTPUTS_MAX, Rows, Source};
use super::shape::{Shape, broadcast_map};
use super::tensor::{Buffer, ElementType, Tensor, VALUES_MAX};

/// The most values that a row has over all tensors of a graph.
pub(super) const ROW_VALUES_MAX: usize = 1 << 22;
/// The most multiplications that a row costs, roughly.
pub(super) const ROW_COST_MAX: usize = 1 << 30;

/// Stands for the number of rows among the sizes that `Shape` gives; no size of a tensor is negative.
pub(super) const BATCH: i64 = i32::MIN as i64;

/// A step: a kernel, where its inputs are, and which slots it fills.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) kernel: Kernel,
    pub(super) inputs: Vec<Source>,
    pub(super) outputs: Vec<usize>,
}

/// Values of rows: their type, and how many a row has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) element: ElementType,
    pub(super) width: usize,
}

/// A value of the graph while it is planned.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) element: ElementType,
    pub(super) shape: Shape,
    pub(super) source: Source,
    /// What it is chosen among, where that is known: of a class, the labels.
    pub(super) labels: Option<std::sync::Arc<Labels>>,
    /// That the number of rows is among its values, as [`BATCH`].
    pub(super) symbolic: bool,
}

impl Value {
    /// Values in a row. Checked when the value was made.
    pub(super) fn width(&self) -> usize {
        self.shape.inner().iter().product()
    }

    /// How far apart rows are: 0 where all are the same.
    pub(super) fn step(&self) -> usize {
        if self.is_constant() { 0 } else { self.width() }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.source, Source::Constant(_))
    }

    /// The same values in another shape.
    pub(super) fn reshaped(&self, shape: Shape) -> Self {
        Self { shape, ..self.clone() }
    }
}

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) constants: Vec<Buffer>,
    pub(super) slots: Vec<Slot>,
    pub(super) steps: Vec<Step>,
    /// The size of the batch that the file was exported with, where it is fixed.
    pub(super) batch: Option<i64>,
    /// Values that constants and maps have taken so far.
    made: usize,
    row_values: usize,
    pub(super) row_cost: usize,
}

impl Plan {
    pub(super) fn constant(&mut self, tensor: Tensor) -> Value {
        let shape = Shape::fixed(&tensor.dims);
        self.constants.push(tensor.data);
        let source = Source::Constant(self.constants.len() - 1);
        Value { element: tensor.element, shape, source, labels: None, symbolic: false }
    }

    /// The values of a constant.
    pub(super) fn data(&self, value: &Value) -> Option<&Buffer> {
        match value.source {
            Source::Constant(constant) => Some(&self.constants[constant]),
            Source::Slot(_) => None,
        }
    }

    /// A slot for values of rows.
    pub(super) fn slot(&mut self, element: ElementType, shape: Shape) -> Result<Value, String> {
        let width = shape.width()?;
        if width == 0 {
            return Err("it has rows without values".to_owned());
        }
        self.row_values += width;
        if self.row_values > ROW_VALUES_MAX {
            return Err(format!("the graph has more than {ROW_VALUES_MAX} values for each row"));
        }
        self.slots.push(Slot { element, width });
        let source = Source::Slot(self.slots.len() - 1);
        Ok(Value { element, shape, source, labels: None, symbolic: false })
    }

    /// Adds a step with one output, or computes it at once where its inputs are constants.
    pub(super) fn emit(
        &mut self,
        kernel: Kernel,
        inputs: &[&Value],
        element: ElementType,
        shape: Shape,
    ) -> Result<Value, String> {
        let mut outputs = self.emit_all(kernel, inputs, vec![(element, shape)])?;
        Ok(outputs.remove(0))
    }

    pub(super) fn emit_all(
        &mut self,
        kernel: Kernel,
        inputs: &[&Value],
        outputs: Vec<(ElementType, Shape)>,
    ) -> Result<Vec<Value>, String> {
        let symbolic = inputs.iter().any(|input| input.symbolic);
        let moves = match &kernel {
            Kernel::Select(_) | Kernel::Concat(_) => true,
            Kernel::Cast(cast) => cast.to.is_integer(),
            _ => false,
        };
        if symbolic && !moves {
            return Err("it computes with the number of rows".to_owned());
        }
        if !moves && inputs.iter().any(|input| input.width() == 0) {
            return Err("it computes with a tensor without values".to_owned());
        }
        let constant = inputs.iter().all(|input| input.is_constant());
        let sources: Vec<Source> = inputs.iter().map(|input| input.source).collect();
        if constant && outputs.iter().all(|(_, shape)| shape.batch().is_none()) {
            return self.fold(&kernel, &sources, outputs);
        }
        if symbolic {
            return Err("it computes with the number of rows".to_owned());
        }
        let values: Vec<Value> = outputs
            .into_iter()
            .map(|(element, shape)| self.slot(element, shape))
            .collect::<Result<_, _>>()?;
        let slots = values.iter().filter_map(|value| match value.source {
            Source::Slot(slot) => Some(slot),
            Source::Constant(_) => None,
        });
        self.steps.push(Step { kernel, inputs: sources, outputs: slots.collect() });
        Ok(values)
    }

    /// Computes constants from constants.
    fn fold(
        &mut self,
        kernel: &Kernel,
        sources: &[Source],
        outputs: Vec<(ElementType, Shape)>,
    ) -> Result<Vec<Value>, String> {
        let mut buffers: [Buffer; OUTPUTS_MAX] = Default::default();
        for ((element, shape), buffer) in outputs.iter().zip(&mut buffers) {
            let width = shape.width()?;
            self.charge(width)?;
            *buffer = Buffer::zeros(*element, width);
        }
        let mut invalid = [false];
        let mut rows = Rows { count: 1, invalid: &mut invalid };
        let inputs = Inputs { sources, slots: &[], constants: &self.constants };
        if buffers[0].len() > 0 {
            kernel.run(&mut rows, inputs, &mut buffers);
        }
        if invalid[0] {
            return Err("its inputs are constants, and it has no result for them".to_owned());
        }
        let values = outputs.into_iter().zip(buffers).map(|((element, shape), data)| {
            let symbolic = matches!(&data, Buffer::I64(values) if values.contains(&BATCH));
            let dims = shape.inner();
            Value { symbolic, ..self.constant(Tensor { element, dims, data }) }
        });
        Ok(values.collect())
    }

    /// Counts values that the plan makes, within a limit.
    pub(super) fn charge(&mut self, values: usize) -> Result<(), String> {
        self.made += values;
        if self.made > VALUES_MAX {
            return Err(format!("the graph makes more than {VALUES_MAX} values out of its constants"));
        }
        Ok(())
    }

    /// Values at other places of the same row, in a new shape; nothing is moved where all stay where they are.
    pub(super) fn select(
        &mut self,
        value: &Value,
        shape: Shape,
        places: Box<[u32]>,
    ) -> Result<Value, String> {
        let same_rows = shape.batch().is_some() != value.is_constant();
        if same_rows && places.len() == value.width() && is_identity(&places) {
            return Ok(value.reshaped(shape));
        }
        self.charge(places.len())?;
        let select = Kernel::Select(Select { step: value.step(), places });
        let labels = value.labels.clone();
        let selected = self.emit(select, &[value], value.element, shape)?;
        Ok(Value { labels, ..selected })
    }

    /// How a value goes with those of a result that it is broadcast to.
    pub(super) fn operand(&mut self, value: &Value, shape: &Shape) -> Result<Operand, String> {
        let width = shape.width()?;
        let places = match value.width() {
            1 if width > 1 => Places::One,
            own if own == width => Places::Same,
            _ => {
                self.charge(width)?;
                Places::Map(broadcast_map(&value.shape, shape))
            }
        };
        Ok(Operand { step: value.step(), places })
    }
}

fn is_identity(places: &[u32]) -> bool {
    places.iter().enumerate().all(|(at, place)| narrow(at) == *place)
}
