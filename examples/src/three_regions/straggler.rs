//! A writer that does not know that its epoch is over: what a holder is after it was stopped for too long.
//!
//! It is an actor with a tenure of that epoch which calls itself valid for ever, so that its messages are stamped just as
//! those of the holder were.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use quorate::prelude::*;
use quorate::{Tenure, Validity};

use super::ledger::{self, Ledger, Refusal};

/// What the ledger makes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was entered.
    Accepted,
    /// It was refused.
    Refused {
        /// The highest epoch that the ledger has seen.
        highest: u64,
    },
}

/// Offers writes of epochs that are over.
#[derive(Debug)]
pub struct Straggler {
    system: System,
    ledger: SocketAddr,
}

impl Straggler {
    /// Offers writes to the ledger at this address.
    pub fn new(ledger: SocketAddr) -> Self {
        Self {
            system: System::new("straggler"),
            ledger,
        }
    }

    /// Offers a write stamped with this epoch.
    ///
    /// # Errors
    ///
    /// The ledger could not be asked, or it did not see the stamp.
    pub async fn write(&self, epoch: u64) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let ledger = ledger::find(&self.system, self.ledger).await?;
        // As far as the runtime knows, a singleton of its own: nothing but the ledger's own fence can refuse it.
        let tenure = Tenure::new(&format!("straggler/{epoch}"), epoch, Arc::new(ForEver));
        let writer = self.system.spawn(Writer::spec(ledger).tenure(tenure)).await?;
        let answer = writer.write().await?;
        self.system.terminate(&writer).await;
        match answer? {
            Ok(_) => Ok(Answer::Accepted),
            Err(Refusal::Stale(highest)) => Ok(Answer::Refused { highest }),
            Err(Refusal::Unstamped) => Err("the write arrived without its epoch".into()),
        }
    }
}

struct ForEver;

impl Validity for ForEver {
    fn is_valid(&self) -> bool {
        true
    }
}

/// Writes with its tenure's epoch.
#[actor(restart = temporary)]
struct Writer {
    ledger: ActorRef<Ledger>,
}

#[actor(local)]
impl Writer {
    #[init]
    fn open(ledger: ActorRef<Ledger>) -> Self {
        Self { ledger }
    }

    /// Writes a charge.
    pub async fn write(&mut self) -> Result<Result<u64, Refusal>, CallError> {
        self.ledger.enter(0, 1).await
    }
}
