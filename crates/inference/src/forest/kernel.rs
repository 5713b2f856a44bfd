//! The kernels: which there are, and how a batch is cut up for them.

mod planes;
mod walk;

use super::Forest;
use super::layout::{Layout, Leaves};

/// Rows that are scored together by planes.
const LANES: usize = 64;

/// Rows of a smaller block, for what remains of a batch.
const FEW_LANES: usize = 32;

/// Blocks that are scored tree by tree together, so that a tree is read once for all of them.
const BLOCKS_MAX: usize = 4;

/// From so many rows on a block pays, however few of its lanes are used; single rows are walked through several
/// trees at once.
const BLOCK_ROWS_MIN: usize = 3;

/// A way to score. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Walks from node to node, eight rows or eight trees in lock step.
    Scalar,
    /// Small trees by planes of leaves for 64 rows at once, with what every processor of the architecture has; large
    /// trees and single rows as [`Kernel::Scalar`].
    Portable,
    /// The same with AVX2.
    Avx2,
    /// The same with AVX-512 (F, BW, DQ and VL).
    Avx512,
}

impl Kernel {
    /// All kernels, the best first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Portable, Self::Scalar];

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar | Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
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
        match self.rows.len() / self.width {
            rows if rows < BLOCK_ROWS_MIN => self.blocks::<1>(kernel, 1),
            rows if rows <= FEW_LANES => self.blocks::<FEW_LANES>(kernel, 1),
            rows => self.blocks::<LANES>(kernel, (rows / LANES).clamp(1, BLOCKS_MAX)),
        }
    }

    fn blocks<const LANES: usize>(&mut self, kernel: Kernel, blocks: usize) -> Scored {
        let rows = (self.rows.len() / self.width).min(blocks * LANES);
        self.rows = &self.rows[..rows * self.width];
        grow(self.keys, blocks * self.layout.keys.views() * LANES);
        grow(self.sums, blocks * self.start.len() * LANES);
        match kernel {
            Kernel::Scalar => self.run::<LANES, false>(),
            Kernel::Portable => self.run::<LANES, true>(),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the only way to what the processor has beyond its architecture")]
            // SAFETY: the processor has these instructions, as `is_available` was asked before.
            Kernel::Avx2 => unsafe { self.run_avx2::<LANES>() },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "as above")]
            // SAFETY: as above.
            Kernel::Avx512 => unsafe { self.run_avx512::<LANES>() },
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::Avx512 => self.run::<LANES, true>(),
        }
        Scored { rows, lanes: LANES }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn run_avx2<const LANES: usize>(&mut self) {
        self.run::<LANES, true>();
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn run_avx512<const LANES: usize>(&mut self) {
        self.run::<LANES, true>();
    }

    /// One body for all kernels, compiled for what each may use: its loops over lanes become vector instructions.
    #[inline(always)]
    fn run<const LANES: usize, const PLANES: bool>(&mut self) {
        let Self { layout, leaves, start, width, rows, .. } = *self;
        let (views, margins) = (layout.keys.views() * LANES, start.len() * LANES);
        let blocks = rows.chunks(LANES * width);
        for (at, rows) in blocks.clone().enumerate() {
            layout.keys.fill::<LANES>(rows, width, &mut self.keys[at * views..][..views]);
            for (sums, start) in self.sums[at * margins..].chunks_exact_mut(LANES).zip(start) {
                sums.fill(T::of(*start));
            }
        }
        if LANES == 1 {
            walk::through_trees(layout, leaves, &self.keys[..views], &mut self.sums[..margins]);
            return;
        }
        for tree in &layout.trees {
            let leaves = &leaves[tree.leaf as usize..];
            for at in 0..blocks.len() {
                let keys = &self.keys[at * views..][..views];
                let sums = &mut self.sums[at * margins + tree.margin as usize * LANES..][..LANES];
                let mut exits = [0; LANES];
                if PLANES && tree.planes > 0 {
                    planes::exits(layout, tree, keys, &mut exits);
                } else {
                    walk::exits(layout, tree, keys, &mut exits);
                }
                for (sum, exit) in sums.iter_mut().zip(exits) {
                    *sum += leaves[exit as usize];
                }
            }
        }
    }
}

/// Makes a buffer at least as long; what is in it is overwritten anyway.
fn grow<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}
