//! A process of the run: a node or the ledger, started by the driver and never left behind.
//!
//! The driver is told what it says on stdout and when it is gone; what it logs goes to a file. It is killed and stopped
//! with real signals. When the driver ends, in whatever way, the kernel kills it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::clock::now_ns;
use super::lines::{self, LINE_BYTES_MAX, Line, Order};

/// How many lines of all processes may wait for the driver; the processes wait for room.
pub const EVENTS_MAX: usize = 1024;

/// What the driver is told of a process.
#[derive(Debug)]
pub struct Event {
    /// The process.
    pub process: String,
    /// Which of its lives, counted from 1.
    pub life: u32,
    /// What it said; `None` when its stdout has ended.
    pub line: Option<Line>,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    life: u32,
    child: Child,
    pid: Pid,
    stdin: ChildStdin,
}

impl Process {
    /// Starts this program again with `arguments`, its log appended to `log`. When `via` is not empty, it is a program and
    /// its arguments that become this program with `arguments` and stay the same process, as `nsenter` does.
    ///
    /// To be called on the thread that lives as long as the driver, as the kernel watches that thread.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn start(
        name: &str,
        life: u32,
        via: &[String],
        arguments: &[String],
        log: &Path,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = match via {
            [] => Command::new(program),
            [first, more @ ..] => {
                let mut command = Command::new(first);
                command.args(more).arg(program);
                command
            }
        };
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_end(log)?)
            // Out of the terminal's foreground, so that ctrl-c reaches only the driver, which then cleans up.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("the process ended at once");
        let id = child.id().ok_or_else(gone)?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let stdout = child.stdout.take().ok_or_else(gone)?;
        tokio::spawn(forward(name.to_owned(), life, stdout, events));
        Ok(Self {
            name: name.to_owned(),
            life,
            child,
            pid,
            stdin,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of its lives this is, counted from 1.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Gives an order.
    ///
    /// # Errors
    ///
    /// The process is gone.
    pub async fn order(&mut self, order: &Order) -> io::Result<()> {
        self.stdin.write_all(lines::write(order).as_bytes()).await?;
        self.stdin.flush().await
    }

    /// Sends SIGKILL, and answers when, on CLOCK_MONOTONIC, just before.
    pub fn kill(&self) -> u64 {
        self.signal(Signal::KILL)
    }

    /// Sends SIGSTOP, and answers when, just before.
    pub fn pause(&self) -> u64 {
        self.signal(Signal::STOP)
    }

    /// Sends SIGCONT, and answers when, just before.
    pub fn resume(&self) -> u64 {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> u64 {
        let at_ns = now_ns();
        // It has not been waited for, so its id is still its own; a process that is gone needs no signal.
        let _gone = kill_process(self.pid, signal);
        at_ns
    }

    /// Waits until the process is gone.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn gone(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

/// Asks the kernel to kill this process as soon as its parent's main thread is gone, however that happened.
///
/// # Errors
///
/// The system's error, or the parent is gone already.
pub fn die_with_the_parent() -> io::Result<()> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have gone before the kernel was asked.
    if rustix::process::getppid() == parent && parent != Some(Pid::INIT) {
        Ok(())
    } else {
        Err(io::Error::other("the driver is gone"))
    }
}

fn log_end(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Reads the lines of a process until the end, or until one makes no sense.
async fn forward(process: String, life: u32, stdout: ChildStdout, events: mpsc::Sender<Event>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let line = next_line(&mut stdout).await;
        let ended = line.is_none();
        let event = Event {
            process: process.clone(),
            life,
            line,
        };
        if events.send(event).await.is_err() || ended {
            return;
        }
    }
}

/// `None` at the end. A line that makes no sense is a failure of the process.
async fn next_line(stdout: &mut BufReader<ChildStdout>) -> Option<Line> {
    let mut text = Vec::new();
    let length = stdout
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut text)
        .await
        .ok()?;
    if length == 0 {
        return None;
    }
    let text = String::from_utf8_lossy(&text);
    let line = lines::read(&text);
    Some(line.unwrap_or_else(|error| Line::Failed(format!("it said {:?}: {error}", text.trim_end()))))
}
