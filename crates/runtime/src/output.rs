//! Standard output for programs: what a pipe's reader does not want ends quietly.

use std::error::Error;
use std::fmt;
use std::io::{self, BufWriter, Stdout, Write};

/// A buffered writer whose reader may leave, as `head` leaves `serin tail | head`.
///
/// When the reader is gone, writing fails with an [`io::ErrorKind::BrokenPipe`] that carries [`ReaderGone`], which
/// [`main`](crate::main) takes for a normal end. The mark is needed because a broken pipe on any *other* stream,
/// say the connection to a broker, is a failure and must not end in silence.
#[derive(Debug)]
pub struct Output<W: Write = Stdout> {
    writer: BufWriter<W>,
}

impl Output {
    /// The standard output of the process. Nothing is seen before [`flush`](Write::flush) or a full buffer of
    /// 8 KiB, so flush where a reader waits for the line.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Output<W> {
    /// An output to any writer.
    pub fn new(writer: W) -> Self {
        Self { writer: BufWriter::new(writer) }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).map_err(mark)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().map_err(mark)
    }
}

/// Says that the reader of our output has left; nothing is wrong with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderGone;

impl ReaderGone {
    /// Whether `error`, or one of its causes, is a write to an [`Output`] whose reader had left.
    pub fn caused(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| {
            let payload = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            cause.is::<Self>() || payload.is_some_and(|inner| inner.is::<Self>())
        })
    }
}

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output has left")
    }
}

impl Error for ReaderGone {}

fn mark(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_broken_pipe_on_an_output_means_that_its_reader_has_gone() {
        for (kind, expected) in [
            (io::ErrorKind::BrokenPipe, true),
            (io::ErrorKind::StorageFull, false),
            (io::ErrorKind::ConnectionReset, false),
        ] {
            let mut output = Output::new(Fails(kind));
            writeln!(output, "a line").unwrap();
            let error = output.flush().context("could not write the line").unwrap_err();
            assert_eq!(ReaderGone::caused(&error), expected, "{kind}");
        }
        let socket = anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(!ReaderGone::caused(&socket), "a broken pipe elsewhere is a failure");
    }

    #[test]
    fn lines_arrive_when_flushed() {
        let mut bytes = Vec::new();
        {
            let mut output = Output::new(&mut bytes);
            write!(output, "a").unwrap();
            output.flush().unwrap();
        }
        assert_eq!(bytes, b"a");
    }
}
