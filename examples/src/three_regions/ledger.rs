//! The ledger: the resource that the singleton writes to, in a process of its own and in no cluster.
//!
//! It keeps the highest epoch that a writer was stamped with and refuses lower ones. That is all that is needed against a
//! writer that was stopped for any time and goes on, and no clock is asked.

use std::net::SocketAddr;

use quorate::prelude::*;
use quorate::wire::{ConnectOptions, ListenOptions, Listener};
use quorate_regions::id::Epoch;
use quorate_regions::lease::Fence;

use super::layout::CLUSTER;

/// The name under which the ledger is found.
pub static LEDGER: Name<Ledger> = Name::new("ledger");

/// The label of the ledger's system.
const SYSTEM: &str = "ledger";

/// A sum of charges, and the fence in front of it.
#[actor]
#[derive(Default)]
pub struct Ledger {
    fence: Fence,
    balance_cents: u64,
}

#[actor]
impl Ledger {
    /// Enters a charge and answers the new balance, in cents.
    ///
    /// The writer is judged by the epoch that its messages carry, and not by what it says.
    pub fn enter(&mut self, order: u64, cents: u64, cx: &mut Context<Self>) -> Result<u64, Refusal> {
        let epoch = cx.caller_epoch().map(Epoch).ok_or(Refusal::Unstamped)?;
        if let Err(fenced) = self.fence.admit(epoch) {
            tracing::info!(order, offered = %fenced.offered, highest = %fenced.highest, "refused");
            return Err(Refusal::Stale(fenced.highest.0));
        }
        self.balance_cents += cents;
        Ok(self.balance_cents)
    }
}

/// Why the ledger refused a charge.
#[message]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The writer's epoch is over; this is the highest that the ledger has seen.
    Stale(u64),
    /// The writer has no epoch.
    Unstamped,
}

/// Opens the ledger at this address. The listener closes the door when it is dropped.
///
/// # Errors
///
/// The actor does not start, or the port is taken.
pub async fn open(
    listen: SocketAddr,
) -> Result<(System, Listener), Box<dyn std::error::Error + Send + Sync>> {
    let system = System::new(SYSTEM);
    system.spawn(Ledger::spec().name(LEDGER)).await?;
    let listener = Listener::bind_with(listen, ListenOptions::cluster(CLUSTER)).await?;
    listener.serve(SYSTEM, &system)?;
    Ok((system, listener))
}

/// Finds the ledger at this address.
///
/// # Errors
///
/// It cannot be reached.
pub async fn find(
    system: &System,
    ledger: SocketAddr,
) -> Result<ActorRef<Ledger>, Box<dyn std::error::Error + Send + Sync>> {
    let peer = system
        .connect(ledger, ConnectOptions::new(CLUSTER, SYSTEM))
        .await?;
    Ok(peer.lookup(LEDGER).await?)
}

#[cfg(test)]
mod tests {
    use super::super::straggler::{Answer, Straggler};
    use super::*;

    #[tokio::test]
    async fn a_write_of_an_epoch_that_is_over_is_refused() {
        let (_system, listener) = open(([127, 0, 0, 1], 0).into()).await.unwrap();
        let straggler = Straggler::new(listener.local_addr());
        assert_eq!(straggler.write(7).await.unwrap(), Answer::Accepted);
        assert_eq!(straggler.write(9).await.unwrap(), Answer::Accepted);
        assert_eq!(straggler.write(7).await.unwrap(), Answer::Refused { highest: 9 });
        assert_eq!(straggler.write(9).await.unwrap(), Answer::Accepted);
    }

    #[tokio::test]
    async fn a_write_without_an_epoch_is_refused() {
        let (_system, listener) = open(([127, 0, 0, 1], 0).into()).await.unwrap();
        let ledger = find(&System::new("writer"), listener.local_addr()).await.unwrap();
        assert_eq!(ledger.enter(1, 100).await, Ok(Err(Refusal::Unstamped)));
    }
}
