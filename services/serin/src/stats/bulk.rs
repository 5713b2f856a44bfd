//! `serin stats run`: a request a line, an answer a line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use calculator::{Answer, Fault};
use runtime::Output;
use serde_json::Value;

use super::arguments::RunArguments;

/// The longest line, in bytes: some million numbers.
const LINE_MAX: u64 = 64 << 20;

/// Answers every line; fails in the end if one could not be answered.
pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let mut requests: Box<dyn BufRead> = if arguments.input.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(open(&arguments.input)?))
    };
    let tally = match &arguments.output {
        None => answer_all(&mut requests, &mut Output::stdout())?,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
            answer_all(&mut requests, &mut BufWriter::new(file))?
        }
    };
    match tally {
        Tally { failed: 0, .. } => Ok(()),
        Tally { failed, answered } => {
            Err(anyhow!("{failed} of {} requests could not be answered", failed + answered))
        }
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// How many requests were answered, and how many could not be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    answered: u64,
    failed: u64,
}

/// Reads lines to the end, empty ones passed over, and writes an answer for each.
fn answer_all(requests: &mut impl BufRead, answers: &mut impl Write) -> anyhow::Result<Tally> {
    let (mut tally, mut line) = (Tally::default(), Vec::new());
    loop {
        line.clear();
        if requests
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .context("cannot read the requests")?
            == 0
        {
            break;
        }
        let answer = if line.len() as u64 == LINE_MAX && line.last() != Some(&b'\n') {
            skip_line(requests).context("cannot read the requests")?;
            Answer { id: Value::Null, outcome: Err(Fault::line_too_long(LINE_MAX)) }
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            calculator::answer(&line)
        };
        match answer.outcome {
            Ok(_) => tally.answered += 1,
            Err(_) => tally.failed += 1,
        }
        serde_json::to_writer(&mut *answers, &answer.to_json()).map_err(io::Error::from)?;
        answers.write_all(b"\n")?;
    }
    answers.flush()?;
    Ok(tally)
}

/// Passes over what is left of a line.
fn skip_line(requests: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = requests.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (read, is_over) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        requests.consume(read);
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(requests: &str) -> (Tally, Vec<Value>) {
        let mut answers = Vec::new();
        let tally = answer_all(&mut requests.as_bytes(), &mut answers).unwrap();
        let lines = String::from_utf8(answers).unwrap();
        (tally, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn a_wrong_line_does_not_stop_the_others() {
        let welch =
            r#"{"id": 1, "method": "rank.hodges_lehmann", "inputs": {"control": [1, 2], "treatment": [4]}}"#;
        let (tally, answers) = answers(&format!("{welch}\n\nnonsense\r\n{welch}"));
        assert_eq!(tally, Tally { answered: 2, failed: 1 });
        assert_eq!(answers[0]["results"]["hodges_lehmann"], 2.5);
        assert_eq!(answers[1]["error"]["name"], "not-json");
        assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&Value::from(1), &Value::Null));
        assert_eq!(answers[0], answers[2]);
    }

    #[test]
    fn an_empty_file_has_no_answers() {
        assert_eq!(answers(""), (Tally::default(), Vec::new()));
    }
}
