//! Shapes with a batch axis, and how the values of one row are arranged.
//!
//! Of a tensor that depends on the inputs, one axis counts the rows of the batch, and values are kept row by row:
//! all values of the first row, then those of the second. So it does not matter where the axis stands, moving it
//! costs nothing, and what would mix rows cannot be said: it is found out while planning.

use super::convert::narrow;
use super::tensor::volume;

/// A size of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dim {
    /// As many as the batch has rows.
    Batch,
    Fixed(usize),
}

/// The shape of a tensor; at most one axis is the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape(pub(super) Vec<Dim>);

impl Shape {
    pub(super) fn fixed(dims: &[usize]) -> Self {
        Self(dims.iter().copied().map(Dim::Fixed).collect())
    }

    /// A batch of rows of these sizes.
    pub(super) fn rows(dims: &[usize]) -> Self {
        Self(std::iter::once(Dim::Batch).chain(dims.iter().copied().map(Dim::Fixed)).collect())
    }

    pub(super) fn rank(&self) -> usize {
        self.0.len()
    }

    /// Where the batch axis is.
    pub(super) fn batch(&self) -> Option<usize> {
        self.0.iter().position(|dim| *dim == Dim::Batch)
    }

    /// The sizes of one row.
    pub(super) fn inner(&self) -> Vec<usize> {
        self.0.iter().filter_map(|dim| if let Dim::Fixed(size) = dim { Some(*size) } else { None }).collect()
    }

    /// Values in a row.
    pub(super) fn width(&self) -> Result<usize, String> {
        volume(&self.inner())
    }

    /// The sizes with 1 for the batch.
    pub(super) fn padded(&self) -> Vec<usize> {
        self.0.iter().map(|dim| if let Dim::Fixed(size) = dim { *size } else { 1 }).collect()
    }

    /// An axis as the graph counts it, from the end where it is negative, of `rank` axes.
    pub(super) fn position(axis: i64, rank: usize) -> Result<usize, String> {
        let from_end = usize::try_from(axis.unsigned_abs()).ok();
        let position = if axis < 0 { from_end.and_then(|axis| rank.checked_sub(axis)) } else { from_end };
        position
            .filter(|position| *position < rank)
            .ok_or_else(|| format!("axis {axis} is outside of the {rank} axes"))
    }

    /// An axis that is not the batch, with its size.
    pub(super) fn axis(&self, axis: i64) -> Result<Axis, String> {
        let position = Self::position(axis, self.rank())?;
        let Dim::Fixed(size) = self.0[position] else {
            return Err(mixes());
        };
        let dims = self.padded();
        Ok(Axis {
            position,
            size,
            outer: dims[..position].iter().product(),
            inner: dims[position + 1..].iter().product(),
        })
    }
}

/// What is said of a graph whose rows depend on each other.
pub(super) fn mixes() -> String {
    "it works along the batch axis, so that the result of a row would depend on its neighbours".to_owned()
}

/// An axis of a row, as three loops: `outer` times `size` times `inner` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) position: usize,
    pub(super) size: usize,
    pub(super) outer: usize,
    pub(super) inner: usize,
}

/// The shape that two broadcast to, by the rule of numpy; the batch goes with the batch, with 1 or with nothing.
pub(super) fn broadcast(left: &Shape, right: &Shape) -> Result<Shape, String> {
    let rank = left.rank().max(right.rank());
    let one = Dim::Fixed(1);
    let at = |shape: &Shape, axis: usize| {
        (axis + shape.rank()).checked_sub(rank).map_or(one, |position| shape.0[position])
    };
    let dims = (0..rank).map(|axis| match (at(left, axis), at(right, axis)) {
        (left, right) if left == right => Ok(left),
        (left, right) if right == one => Ok(left),
        (left, right) if left == one => Ok(right),
        (Dim::Fixed(left), Dim::Fixed(right)) => Err(format!("sizes {left} and {right} do not go together")),
        _ => Err(mixes()),
    });
    let shape = Shape(dims.collect::<Result<_, _>>()?);
    if shape.0.iter().filter(|dim| **dim == Dim::Batch).count() > 1 {
        return Err(mixes());
    }
    shape.width()?;
    Ok(shape)
}

/// For each value of a row of shape `to`, which value of a row of shape `from` is broadcast there.
pub(super) fn broadcast_map(from: &Shape, to: &Shape) -> Box<[u32]> {
    let (from, to) = (from.padded(), to.padded());
    let missing = to.len() - from.len();
    let strides = strides(&from);
    let steps: Vec<usize> = (0..to.len())
        .map(|axis| match axis.checked_sub(missing) {
            Some(axis) if from[axis] > 1 => strides[axis],
            _ => 0,
        })
        .collect();
    walk(&to, &steps, 0)
}

/// How far apart neighbours along each axis are.
pub(super) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// The places that are visited in walking over `dims` in order, with a step for each axis.
pub(super) fn walk(dims: &[usize], steps: &[usize], start: usize) -> Box<[u32]> {
    let mut places = vec![narrow(start)];
    for (size, step) in dims.iter().zip(steps) {
        let before = std::mem::take(&mut places);
        places =
            before.iter().flat_map(|place| (0..*size).map(move |at| *place + narrow(at * step))).collect();
    }
    places.into()
}
