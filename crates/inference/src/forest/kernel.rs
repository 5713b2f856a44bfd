//! The kernels: which there are, and how a batch is cut up for them.

#[cfg(target_arch = "x86_64")]
mod planes;
mod walk;

use super::Forest;
use super::layout::{Layout, Leaves, PLANES_LEAVES_MAX, Placed, SMALL_VIEWS};

/// Bytes of a line of the cache.
const ALIGNMENT: usize = 64;

/// Rows of a block.
const LANES: usize = 128;

/// Rows of smaller blocks, for what remains of a batch.
const HALF_LANES: usize = 64;
const FEW_LANES: usize = 32;

/// Blocks that are scored tree by tree together, so that a tree is read once for all of them.
const BLOCKS_MAX: usize = 4;

/// The most bytes of the keys of the blocks that are scored together: they stay in the cache next to the processor.
const KEYS_BYTES: usize = 256 * 1024;

/// The most bytes of the keys of a block. A forest with more views than fit into it is scored row by row.
const KEYS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// From so many rows on a block pays, however few of its lanes are used; single rows are walked through several
/// trees at once.
const BLOCK_ROWS_MIN: usize = 5;

/// A way to score. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Walks from node to node, eight rows or eight trees in lock step.
    Scalar,
    /// Small trees by planes of leaves, 32 rows in one instruction of AVX2; large trees and single rows as
    /// [`Kernel::Scalar`].
    Avx2,
    /// The same with 64 rows in one instruction of AVX-512 (F and BW).
    Avx512,
}

impl Kernel {
    /// All kernels, the best first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Scalar];

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx2")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The best that this processor has.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|kernel| kernel.is_available()).unwrap_or(Self::Scalar)
    }
}

/// Working memory for one thread, reused from batch to batch and from forest to forest.
#[derive(Debug)]
pub struct Scratch {
    kernel: Kernel,
    /// Of each block, by view and lane.
    keys: Vec<i8>,
    /// Of each block, by margin and lane: sums in 32 bits, or in 64.
    single: Vec<f32>,
    double: Vec<f64>,
    /// The margins of one row.
    row: Vec<f64>,
    of: Of,
}

/// Which sums were written last, and how many lanes a block of them has.
#[derive(Debug)]
enum Of {
    Single { lanes: usize },
    Double { lanes: usize },
}

impl Default for Scratch {
    fn default() -> Self {
        Self::with(Kernel::best())
    }
}

impl Scratch {
    /// Working memory to score with a kernel of one's own choice; [`Scratch::default`] takes the best.
    ///
    /// # Panics
    /// Where this processor does not have it.
    pub fn with(kernel: Kernel) -> Self {
        assert!(kernel.is_available(), "this processor does not have {kernel:?}");
        let of = Of::Double { lanes: 1 };
        Self { kernel, keys: Vec::new(), single: Vec::new(), double: Vec::new(), row: Vec::new(), of }
    }

    /// Scores as many of `rows` as one step takes, at least one; says how many.
    pub(super) fn score(&mut self, forest: &Forest, rows: &[f64]) -> usize {
        let Self { kernel, keys, single, double, row, of } = self;
        let Forest { layout, start, columns, .. } = forest;
        row.resize(start.len(), 0.0);
        let scored = match &layout.leaves {
            Leaves::Single(leaves) => {
                let step = Step { layout, leaves, start, width: *columns, rows, keys, sums: single };
                let scored = step.score(*kernel);
                *of = Of::Single { lanes: scored.lanes };
                scored
            }
            Leaves::Double(leaves) => {
                let step = Step { layout, leaves, start, width: *columns, rows, keys, sums: double };
                let scored = step.score(*kernel);
                *of = Of::Double { lanes: scored.lanes };
                scored
            }
        };
        scored.rows
    }

    /// The capacities of its buffers, which is all the memory that scoring takes.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        [self.keys.capacity(), self.single.capacity(), self.double.capacity(), self.row.capacity()]
    }

    /// The margins of a row of the last step.
    pub(super) fn margins(&mut self, row: usize) -> &mut [f64] {
        let count = self.row.len();
        let place = |lanes: usize, margin: usize| (row / lanes * count + margin) * lanes + row % lanes;
        for (margin, value) in self.row.iter_mut().enumerate() {
            *value = match self.of {
                Of::Single { lanes } => f64::from(self.single[place(lanes, margin)]),
                Of::Double { lanes } => self.double[place(lanes, margin)],
            };
        }
        &mut self.row
    }
}

/// A float that leaves are summed in.
pub(super) trait Sum: Copy + Default + std::ops::AddAssign {
    fn of(x: f64) -> Self;
}

impl Sum for f32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is a 32-bit float that was widened")]
    fn of(x: f64) -> Self {
        x as Self
    }
}

impl Sum for f64 {
    fn of(x: f64) -> Self {
        x
    }
}

/// What one step reads and writes.
struct Step<'s, T> {
    layout: &'s Layout,
    leaves: &'s [T],
    start: &'s [f64],
    width: usize,
    rows: &'s [f64],
    keys: &'s mut Vec<i8>,
    sums: &'s mut Vec<T>,
}

/// What came of one step.
struct Scored {
    rows: usize,
    lanes: usize,
}

impl<T: Sum> Step<'_, T> {
    fn score(mut self, kernel: Kernel) -> Scored {
        let bytes = self.layout.keys.views() * LANES;
        match self.rows.len() / self.width {
            rows if rows < BLOCK_ROWS_MIN || bytes > KEYS_BYTES_MAX => self.blocks::<1>(kernel, 1),
            rows if rows <= FEW_LANES => self.blocks::<FEW_LANES>(kernel, 1),
            rows if rows <= HALF_LANES => self.blocks::<HALF_LANES>(kernel, 1),
            rows => {
                let together = (KEYS_BYTES / bytes.max(1)).min(BLOCKS_MAX);
                self.blocks::<LANES>(kernel, (rows / LANES).min(together).max(1))
            }
        }
    }

    fn blocks<const LANES: usize>(&mut self, kernel: Kernel, blocks: usize) -> Scored {
        let rows = (self.rows.len() / self.width).min(blocks * LANES);
        self.rows = &self.rows[..rows * self.width];
        let keys = (blocks * self.layout.keys.views() * LANES).max(SMALL_VIEWS);
        grow(self.keys, keys + ALIGNMENT);
        grow(self.sums, blocks * self.start.len() * LANES);
        match kernel {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the only way to what the processor has beyond its architecture")]
            // SAFETY: the scratch was made for a kernel that this processor has.
            Kernel::Avx2 => unsafe { self.run_avx2::<LANES>() },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "as above")]
            // SAFETY: as above.
            Kernel::Avx512 => unsafe { self.run_avx512::<LANES>() },
            _ => self.run::<LANES>(None::<fn(&Placed, &[i8], &mut [u8; LANES])>),
        }
        Scored { rows, lanes: LANES }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn run_avx2<const LANES: usize>(&mut self) {
        let layout = self.layout;
        self.run::<LANES>(Some(|tree: &Placed, keys: &[i8], exits: &mut [u8; LANES]| match LANES {
            FEW_LANES => planes::avx2::exits::<1>(layout, tree, keys, exits),
            HALF_LANES => planes::avx2::exits::<2>(layout, tree, keys, exits),
            _ => planes::avx2::exits::<4>(layout, tree, keys, exits),
        }));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,avx512f,avx512bw")]
    fn run_avx512<const LANES: usize>(&mut self) {
        let layout = self.layout;
        self.run::<LANES>(Some(|tree: &Placed, keys: &[i8], exits: &mut [u8; LANES]| match LANES {
            FEW_LANES => planes::avx2::exits::<1>(layout, tree, keys, exits),
            HALF_LANES => planes::avx512::exits::<1>(layout, tree, keys, exits),
            _ => planes::avx512::exits::<2>(layout, tree, keys, exits),
        }));
    }

    /// One body for all kernels, compiled for what each may use. `planes`: what finds the exits of a small tree.
    #[inline(always)]
    fn run<const LANES: usize>(&mut self, planes: Option<impl Fn(&Placed, &[i8], &mut [u8; LANES])>) {
        let Self { layout, leaves, start, width, rows, .. } = *self;
        let (views, margins) = (layout.keys.views() * LANES, start.len() * LANES);
        let keys = aligned(self.keys);
        let blocks = rows.chunks(LANES * width);
        for (at, rows) in blocks.clone().enumerate() {
            layout.keys.fill::<LANES>(rows, width, &mut keys[at * views..][..views]);
            for (sums, start) in self.sums[at * margins..].chunks_exact_mut(LANES).zip(start) {
                sums.fill(T::of(*start));
            }
        }
        if LANES == 1 {
            walk::through_trees(layout, leaves, keys, &mut self.sums[..margins]);
            return;
        }
        for tree in &layout.trees {
            let leaves = &leaves[tree.leaf as usize..];
            for (at, rows) in blocks.clone().enumerate() {
                let keys = &keys[at * views..][..views];
                let sums = &mut self.sums[at * margins + tree.margin as usize * LANES..][..LANES];
                match (&planes, leaves.first_chunk::<PLANES_LEAVES_MAX>()) {
                    (Some(planes), Some(leaves)) if tree.planes > 0 => {
                        let mut exits = [0; LANES];
                        planes(tree, keys, &mut exits);
                        add(sums, exits.iter().map(|exit| leaves[usize::from(*exit)]));
                    }
                    _ => {
                        let mut exits = [0; LANES];
                        let exits = &mut exits[..(rows.len() / width).next_multiple_of(walk::ROWS)];
                        walk::exits::<LANES>(layout, tree, keys, exits);
                        add(sums, exits.iter().map(|exit| leaves[*exit as usize]));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add<T: Sum>(sums: &mut [T], leaves: impl Iterator<Item = T>) {
    for (sum, leaf) in sums.iter_mut().zip(leaves) {
        *sum += leaf;
    }
}

/// The part of a buffer that begins where a line of the cache does: a vector that spans two lines is read twice.
fn aligned(buffer: &mut [i8]) -> &mut [i8] {
    let offset = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    &mut buffer[offset..]
}

/// Makes a buffer at least as long; what is in it is overwritten anyway.
fn grow<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}
