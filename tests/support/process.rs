//! Starts `serin`, hears what it says, and ends it.

use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::{root, wait_for};

/// The configuration of the example, relative to the root of the repository.
pub(crate) const CONFIG: &str = "examples/flights/serin.toml";

/// `serin` with these arguments, in the root of the repository, with nothing in its environment.
pub(crate) fn serin<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serin"));
    command.args(arguments).current_dir(root()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `serin` with the example's configuration, its log in `directory` and its admin port wherever there is one free.
pub(crate) fn serin_on<'a>(directory: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = serin(arguments);
    command.env("SERIN_CONFIG", CONFIG).env("SERIN__BROKER__URL", url(directory));
    command.env("SERIN__ADMIN__ADDRESS", "127.0.0.1:0");
    command
}

/// The broker's URL of a log in `directory`.
pub(crate) fn url(directory: &Path) -> String {
    format!("file://{}", directory.display())
}

/// What an ended process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs a process to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        signal: output.status.signal(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running process, which is killed when the test lets go of it.
pub(crate) struct Running {
    child: Child,
    out: Heard,
    err: Heard,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = Heard::listen(child.stdout.take().unwrap());
        let err = Heard::listen(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that contains `words`, and returns it.
    pub(crate) fn await_log(&mut self, words: &str) -> String {
        self.await_line(words, |running| &running.err)
    }

    /// Waits for a line on standard output that contains `words`, and returns it.
    pub(crate) fn await_output(&mut self, words: &str) -> String {
        self.await_line(words, |running| &running.out)
    }

    fn await_line(&mut self, words: &str, stream: impl Fn(&Self) -> &Heard) -> String {
        wait_for(words, || {
            let has_ended = self.has_ended();
            let text = stream(self).text();
            let line = text.lines().find(|line| line.contains(words)).map(ToOwned::to_owned);
            assert!(line.is_some() || !has_ended, "ended without {words:?}:\n{text}\n{}", self.errors());
            line
        })
    }

    /// The admin port of a service that logs where it is.
    pub(crate) fn admin(&mut self) -> String {
        let line = self.await_log("admin port open");
        let at = line.find("127.0.0.1:").unwrap_or_else(|| panic!("{line}"));
        line[at..].chars().take_while(|each| each.is_ascii_digit() || ".:".contains(*each)).collect()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// What it has said on standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.err.text()
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the end of the process.
    pub(crate) fn end(mut self) -> Ended {
        let status = wait_for("the process ends", || self.child.try_wait().unwrap());
        Ended { code: status.code(), signal: status.signal(), out: self.out.drain(), err: self.err.drain() }
    }
}

/// No test leaves a process behind, whatever became of the test.
impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What came out of a pipe so far. It is always read, so that nobody is held up by a full pipe.
struct Heard {
    text: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Heard {
    fn listen(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&text);
        let listener = std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, listener: Some(listener) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn drain(&mut self) -> String {
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
        self.text()
    }
}

/// Asks an admin port, and returns the whole answer.
pub(crate) fn ask(address: &str, path: &str) -> String {
    use std::io::Write as _;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
