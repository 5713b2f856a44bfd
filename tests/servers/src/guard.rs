//! The shell that stands between a test process and its server.
//!
//! A process that is killed cannot tidy up. So the server is the child of a small shell that reads orders from a
//! pipe, whose other end this process alone holds: whatever ends this process also ends the pipe, and the shell
//! then kills the server. Since the shell has not waited for it, the server's id cannot have become another's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("guard.sh");

/// A shell with one server, running or not.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// A guard of what `command` will start, with its log in `folder`, which becomes the guard's to remove.
    pub(crate) fn new(folder: &Path, command: &Command) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "guard"]).arg(folder);
        shell.arg(command.get_program()).args(command.get_args()).current_dir(folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Ctrl-C on a terminal is for the test process alone; the pipe's end is what ends this one.
        shell.process_group(0);
        let mut shell = shell.spawn().expect("sh can be started");
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("standard output is piped"));
        Self { shell, orders, answers }
    }

    /// Gives an order of `guard.sh`, and returns the server's process id when it is carried out.
    pub(crate) fn order(&mut self, order: &str) -> u32 {
        let orders = self.orders.as_mut().expect("the pipe is open until the guard is dropped");
        writeln!(orders, "{order}").expect("the guard listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the guard answers");
        answer.trim().parse().unwrap_or_else(|_| panic!("the guard has ended at {order:?}: {answer:?}"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        drop(self.shell.wait());
    }
}
