//! The processes that the driver starts: each is one future that ends in an exit code.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::sync::mpsc;

use super::args::NodeArgs;
use super::lines::{Line, Order};
use super::process::die_with_the_parent;
use super::talk::{self, Orders};
use super::{ledger, node};

type Ended = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs a node until the driver tells it to leave.
pub async fn node(arguments: NodeArgs) -> ExitCode {
    run(async |lines| node::run(&arguments, &lines).await).await
}

/// Runs the ledger until the driver tells it to leave.
pub async fn ledger(listen: SocketAddr) -> ExitCode {
    run(async |lines| be_the_ledger(listen, &lines).await).await
}

async fn be_the_ledger(listen: SocketAddr, lines: &mpsc::Sender<Line>) -> Ended {
    let (system, _listener) = ledger::open(listen).await?;
    lines.send(Line::Ready).await?;
    let mut orders = Orders::open();
    while orders.next().await != Order::Leave {}
    Ok(system.shutdown().await?)
}

async fn run(process: impl AsyncFnOnce(mpsc::Sender<Line>) -> Ended) -> ExitCode {
    talk::log_to_stderr();
    let (lines, written) = talk::open_stdout();
    let ended = match die_with_the_parent() {
        Ok(()) => process(lines.clone()).await,
        Err(error) => Err(error.into()),
    };
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "this process failed");
            // Without the driver there is nobody to tell.
            let _gone = lines.send(Line::Failed(error.to_string())).await;
            ExitCode::FAILURE
        }
    };
    drop(lines);
    let _written = written.await;
    code
}
