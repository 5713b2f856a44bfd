//! The lines of a file, of standard input, or of either compressed by gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;

/// What gzip begins with, whatever the file is called.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of a file, without their ends. Lines of nothing are passed over.
pub(crate) struct Lines {
    from: Box<dyn BufRead + Send>,
    limit: u64,
    /// The number of the line that was read last, from 1.
    pub(crate) number: u64,
    /// How many lines were empty.
    pub(crate) empty: u64,
}

/// A line that is not empty.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// As it stands.
    Whole(Vec<u8>),
    /// Longer than is read, and passed over to its end.
    TooLong,
}

impl Lines {
    /// Opens a file, or standard input where it is `-`, whose lines are read up to `limit` bytes.
    pub(crate) fn open(path: &Path, limit: u64) -> anyhow::Result<Self> {
        let from: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        };
        Self::new(from, limit).with_context(|| format!("cannot read {}", path.display()))
    }

    fn new(mut from: Box<dyn Read + Send>, limit: u64) -> std::io::Result<Self> {
        let mut first = Vec::new();
        (&mut from).take(GZIP.len() as u64).read_to_end(&mut first)?;
        let is_compressed = first == GZIP;
        let whole = Cursor::new(first).chain(from);
        let from: Box<dyn BufRead + Send> = if is_compressed {
            Box::new(BufReader::new(MultiGzDecoder::new(whole)))
        } else {
            Box::new(BufReader::new(whole))
        };
        Ok(Self { from, limit, number: 0, empty: 0 })
    }

    /// The next line that is not empty.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let read = self.read_into(&mut line).with_context(|| format!("line {}", self.number))?;
            if !read {
                return Ok(None);
            }
            let is_whole = line.last() == Some(&b'\n') || line.len() as u64 <= self.limit;
            while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                line.pop();
            }
            if !is_whole || line.len() as u64 > self.limit {
                self.pass_over(is_whole).with_context(|| format!("line {}", self.number))?;
                return Ok(Some(Line::TooLong));
            }
            if !line.is_empty() {
                return Ok(Some(Line::Whole(line)));
            }
            self.empty += 1;
        }
    }

    /// Reads up to the end of the line, or a little further than the limit; whether there was anything.
    fn read_into(&mut self, line: &mut Vec<u8>) -> std::io::Result<bool> {
        // Two bytes more: the end of a line is none of its own.
        (&mut self.from).take(self.limit + 2).read_until(b'\n', line).map(|read| read > 0)
    }

    /// Reads on to the end of a line that is too long, unless it has been reached.
    fn pass_over(&mut self, is_at_end: bool) -> std::io::Result<()> {
        if !is_at_end {
            self.from.skip_until(b'\n')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(Box::new(Cursor::new(bytes.to_vec())), 4).unwrap();
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(match line {
                Line::Whole(line) => format!("{}:{}", lines.number, String::from_utf8(line).unwrap()),
                Line::TooLong => format!("{}:too long", lines.number),
            });
        }
        read
    }

    #[test]
    fn lines_keep_their_numbers_whatever_they_are() {
        for (bytes, expected) in [
            ("", vec![]),
            ("a", vec!["1:a"]),
            ("a\n", vec!["1:a"]),
            ("\n\r\nab\r\n\ncd", vec!["3:ab", "5:cd"]),
            ("abcd\nabcde\nabcdefghijk\r\nx\n", vec!["1:abcd", "2:too long", "3:too long", "4:x"]),
            ("abcd\r\nabcdefghijkl", vec!["1:abcd", "2:too long"]),
            ("abcde", vec!["1:too long"]),
            ("abcdef", vec!["1:too long"]),
        ] {
            assert_eq!(read(bytes.as_bytes()), expected, "{bytes:?}");
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(bytes.as_bytes()).unwrap();
            assert_eq!(read(&packed.finish().unwrap()), expected, "{bytes:?}, compressed");
        }
    }

    #[test]
    fn a_file_that_breaks_off_is_no_end() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"a\nb\n").unwrap();
        let mut packed = packed.finish().unwrap();
        packed.truncate(packed.len() - 6);
        let mut lines = Lines::new(Box::new(Cursor::new(packed)), 4).unwrap();
        let ended = std::iter::repeat_with(|| lines.next()).find(|read| !matches!(read, Ok(Some(_))));
        assert!(ended.unwrap().is_err());
    }
}
