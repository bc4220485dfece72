//! A process's side of the talk with the driver: orders from stdin, lines to stdout, its own log to stderr.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Stdin, stdin, stdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

use super::lines::{self, LINE_BYTES_MAX, Line, Order};

/// How many lines may wait to be written; who says more waits.
const LINES_MAX: usize = 1024;

/// What is logged unless `RUST_LOG` says otherwise. The engine of a region has a lot to say when it loses its voters.
const LOG_DEFAULT: &str = "info,openraft=error";

/// Logs to stderr: what `RUST_LOG` asks for, or what usually helps.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}

/// The orders of the driver.
#[derive(Debug)]
pub struct Orders {
    stdin: BufReader<Stdin>,
}

impl Orders {
    /// Reads stdin from now on.
    pub fn open() -> Self {
        Self {
            stdin: BufReader::new(stdin()),
        }
    }

    /// The next order. Without a driver, and when it makes no sense, the order is to leave.
    ///
    /// # Cancel safety
    ///
    /// An order that was half read is lost.
    pub async fn next(&mut self) -> Order {
        let mut text = String::new();
        let mut limited = (&mut self.stdin).take(LINE_BYTES_MAX);
        match limited.read_line(&mut text).await {
            Ok(length) if length > 0 => lines::read(&text).unwrap_or_else(|error| {
                tracing::error!(%error, order = text.trim_end(), "an order makes no sense");
                Order::Leave
            }),
            Ok(_) | Err(_) => Order::Leave,
        }
    }
}

/// Opens stdout. The task ends when every sender is gone and everything is written.
pub fn open_stdout() -> (mpsc::Sender<Line>, JoinHandle<()>) {
    let (sender, mut receiver) = mpsc::channel::<Line>(LINES_MAX);
    let task = tokio::spawn(async move {
        let mut stdout = stdout();
        while let Some(line) = receiver.recv().await {
            let written = async {
                stdout.write_all(lines::write(&line).as_bytes()).await?;
                stdout.flush().await
            };
            if written.await.is_err() {
                return;
            }
        }
    });
    (sender, task)
}
