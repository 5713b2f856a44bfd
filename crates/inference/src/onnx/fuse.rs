//! Makes a plan shorter: biases and activations become part of the products before them, and slots are shared by
//! values that are not alive at the same time, so that a block stays in the cache.

use std::collections::HashMap;

use super::kernel::elementwise::Places;
use super::kernel::linear::Linear;
use super::kernel::{Kernel, Source};
use super::math::Arithmetic;
use super::plan::{Plan, Slot, Step};
use super::tensor::{Buffer, ElementType};

/// Leaves out what the outputs do not need, and puts steps together that can be one.
pub(super) fn fuse(plan: &mut Plan, outputs: &[Source]) {
    prune(&mut plan.steps, outputs);
    let mut uses = uses(&plan.steps, outputs);
    let mut steps: Vec<Step> = Vec::new();
    // Of each slot, the step that fills it.
    let mut fills: HashMap<usize, usize> = HashMap::new();
    for step in std::mem::take(&mut plan.steps) {
        let target = step.inputs.iter().find_map(|input| match input {
            Source::Slot(slot) if uses.get(slot) == Some(&1) => fills.get(slot).copied(),
            _ => None,
        });
        if let Some(target) = target
            && let Kernel::Linear(linear) = &mut steps[target].kernel
            && absorb(linear, &step, &plan.constants)
        {
            uses.remove(&steps[target].outputs[0]);
            steps[target].outputs.clone_from(&step.outputs);
            fills.insert(step.outputs[0], target);
            continue;
        }
        fills.extend(step.outputs.iter().map(|slot| (*slot, steps.len())));
        steps.push(step);
    }
    plan.steps = steps;
}

/// Leaves out steps whose values nobody reads.
fn prune(steps: &mut Vec<Step>, outputs: &[Source]) {
    let mut needed: Vec<Source> = outputs.to_vec();
    let mut kept: Vec<Step> = Vec::new();
    for step in steps.drain(..).rev() {
        if step.outputs.iter().any(|slot| needed.contains(&Source::Slot(*slot))) {
            needed.extend(step.inputs.iter().copied());
            kept.push(step);
        }
    }
    kept.reverse();
    *steps = kept;
}

/// How often each slot is read.
fn uses(steps: &[Step], outputs: &[Source]) -> HashMap<usize, usize> {
    let mut uses = HashMap::new();
    for source in steps.iter().flat_map(|step| &step.inputs).chain(outputs) {
        if let Source::Slot(slot) = source {
            *uses.entry(*slot).or_default() += 1;
        }
    }
    uses
}

/// Takes a step into the product whose only reader it is, if it is a bias or an activation.
fn absorb(linear: &mut Linear, step: &Step, constants: &[Buffer]) -> bool {
    match &step.kernel {
        Kernel::Map(map) => {
            linear.functions.extend(&map.functions);
            true
        }
        Kernel::Zip(zip) if zip.operation == Arithmetic::Add => {
            let constant = step.inputs.iter().zip([&zip.left, &zip.right]).find_map(|(input, operand)| {
                let Source::Constant(constant) = input else { return None };
                matches!(operand.places, Places::Same).then_some(*constant)
            });
            let fits = linear.vectors == 1
                && linear.bias.is_none()
                && linear.functions.is_empty()
                && zip.width == linear.outputs;
            match constant {
                Some(constant) if fits => {
                    linear.bias = Some(constants[constant].clone());
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Gives values that are not alive at the same time the same slot. `inputs` are filled before the first step, and
/// `outputs` are read after the last one.
pub(super) fn share_slots(plan: &mut Plan, inputs: &mut [Source], outputs: &mut [Source]) {
    let last = last_reads(&plan.steps, outputs);
    let mut shared = Shared { virtuals: std::mem::take(&mut plan.slots), ..Shared::default() };
    for source in inputs.iter_mut() {
        if let Source::Slot(slot) = source {
            *slot = shared.take(*slot);
        }
    }
    for (at, step) in plan.steps.iter_mut().enumerate() {
        let filled: Vec<usize> = step.outputs.iter().map(|slot| shared.take(*slot)).collect();
        for slot in step.outputs.iter().filter(|slot| !last.contains_key(*slot)) {
            shared.release(*slot);
        }
        for input in &mut step.inputs {
            if let Source::Slot(slot) = input {
                let own = *slot;
                *slot = shared.places[&own];
                if last.get(&own) == Some(&at) {
                    shared.release(own);
                }
            }
        }
        step.outputs = filled;
    }
    for source in outputs {
        if let Source::Slot(slot) = source {
            *slot = shared.places[slot];
        }
    }
    plan.slots = shared.slots;
}

/// After which step each slot is read no more; those of the outputs are read after all of them.
fn last_reads(steps: &[Step], outputs: &[Source]) -> HashMap<usize, usize> {
    let mut last = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        last.extend(step.inputs.iter().filter_map(|input| slot_of(input).map(|slot| (slot, at))));
    }
    last.extend(outputs.iter().filter_map(|output| slot_of(output).map(|slot| (slot, steps.len()))));
    last
}

fn slot_of(source: &Source) -> Option<usize> {
    match source {
        Source::Slot(slot) => Some(*slot),
        Source::Constant(_) => None,
    }
}

/// Slots as the plan has them, and those that they share.
#[derive(Default)]
struct Shared {
    virtuals: Vec<Slot>,
    slots: Vec<Slot>,
    places: HashMap<usize, usize>,
    free: HashMap<&'static str, Vec<usize>>,
}

impl Shared {
    fn take(&mut self, own: usize) -> usize {
        let Slot { element, width } = self.virtuals[own];
        let free = self.free.entry(storage(element)).or_default().pop();
        let place = free.unwrap_or_else(|| {
            self.slots.push(Slot { element, width });
            self.slots.len() - 1
        });
        self.slots[place].width = self.slots[place].width.max(width);
        self.places.insert(own, place);
        place
    }

    fn release(&mut self, own: usize) {
        let place = self.places[&own];
        let free = self.free.entry(storage(self.virtuals[own].element)).or_default();
        if !free.contains(&place) {
            free.push(place);
        }
    }
}

/// Integers of both sizes are kept alike.
fn storage(element: ElementType) -> &'static str {
    if element.is_integer() { "integer" } else { element.name() }
}
