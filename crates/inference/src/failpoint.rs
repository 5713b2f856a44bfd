//! Versions that fail on purpose, so that a test of the whole house can see who notices.
//!
//! `SERIN_FAULT_MODEL=<version>:<fault>` makes a version `panic`, `hang` or say `nan` whenever the engine or a shadow
//! scores by it; golden rows are scored as ever, so that it loads. Without the feature `failpoints` nothing of this is
//! compiled in.

#[cfg(not(feature = "failpoints"))]
pub(crate) use disabled::Failure;
#[cfg(feature = "failpoints")]
pub(crate) use enabled::Failure;

#[cfg(not(feature = "failpoints"))]
mod disabled {
    /// How a version fails on purpose: it does not.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) struct Failure;

    impl Failure {
        pub(crate) const fn of(_version: &str) -> Self {
            Self
        }

        pub(crate) const fn strike(self, _scores: &mut [f64]) {}
    }
}

#[cfg(feature = "failpoints")]
mod enabled {
    /// How a version fails on purpose.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) enum Failure {
        #[default]
        None,
        Panic,
        Hang,
        Nan,
    }

    impl Failure {
        /// What the environment asks of a version.
        pub(crate) fn of(version: &str) -> Self {
            let Ok(text) = std::env::var("SERIN_FAULT_MODEL") else { return Self::None };
            match text.split_once(':') {
                Some((named, _)) if named != version => Self::None,
                Some((_, "panic")) => Self::Panic,
                Some((_, "hang")) => Self::Hang,
                Some((_, "nan")) => Self::Nan,
                _ => panic!("SERIN_FAULT_MODEL={text:?} is not <version>:<panic|hang|nan>"),
            }
        }

        /// Fails in place of what a block was scored.
        pub(crate) fn strike(self, scores: &mut [f64]) {
            match self {
                Self::None => {}
                // Without the hook: a message for each event would bury all others.
                Self::Panic => std::panic::resume_unwind(Box::new("it was told to")),
                Self::Hang => loop {
                    std::thread::park();
                },
                Self::Nan => scores.fill(f64::NAN),
            }
        }
    }
}
