//! What a framework must offer to be measured, and the list of those that do.
//!
//! Bounds are [`QUEUE_MAX`](crate::QUEUE_MAX) wherever a framework has bounded mailboxes. Its code is that of its own documentation: where
//! it has an awaited send, that is used; where it refuses when the mailbox is full, the producer yields and tries again.

use crate::host::Host;
use crate::members;
use crate::tally::Witness;

/// A framework.
pub trait Member: Clone + Send + Sync + 'static {
    /// What it is called in the results.
    const NAME: &'static str;
    /// The package whose version the results name.
    const PACKAGE: &'static str;

    /// Where it runs.
    type Host: Host;
    /// A ref to an actor that counts.
    type Counter: Counter;
    /// A ref to an actor that passes tokens on.
    type Node: Node;

    /// Gets ready to start actors.
    fn open(host: &Self::Host) -> Self;

    /// Starts an actor that counts.
    fn counter(&self, seat: usize, witness: Witness) -> impl Future<Output = Self::Counter> + Send;

    /// Starts an actor that passes tokens on.
    fn node(&self, seat: usize, witness: Witness) -> impl Future<Output = Self::Node> + Send;

    /// Starts an actor that counts, stops it, and waits for its end in the way that the framework has for it.
    fn life(&self, witness: Witness) -> impl Future<Output = ()> + Send;

    /// Stops what the framework keeps outside of its host.
    fn close(self, _host: &Self::Host) {}
}

/// A ref to an actor that counts.
pub trait Counter: Clone + Send + Sync + 'static {
    /// Sends `n` and does not wait for it to be handled.
    fn cast(&self, n: u64) -> impl Future<Output = ()> + Send;

    /// Sends `n` and waits for the total.
    fn call(&self, n: u64) -> impl Future<Output = u64> + Send;

    /// As [`call`](Self::call), of a handler that is async and never waits.
    fn call_async(&self, n: u64) -> impl Future<Output = u64> + Send;

    /// Tells it how many messages are about to come, and answers how many there were.
    fn announce(&self, messages: u64) -> impl Future<Output = u64> + Send;

    /// How many messages there were.
    fn counted(&self) -> impl Future<Output = u64> + Send;
}

/// A ref to an actor that passes tokens on.
pub trait Node: Clone + Send + Sync + 'static {
    /// Says to whom, and waits until it has been told.
    fn link_to(&self, next: Self) -> impl Future<Output = ()> + Send;

    /// Sends it a token that is then to be passed on this often.
    fn pass_on(&self, hops: u64) -> impl Future<Output = ()> + Send;

    /// How often it had a token.
    fn counted(&self) -> impl Future<Output = u64> + Send;
}

/// Something to do with each member.
pub trait Visit {
    /// Does it with one.
    fn visit<M: Member>(&mut self);
}

/// Visits all that were built, in the order of the results.
pub fn each(visit: &mut impl Visit) {
    visit.visit::<members::quorate::Quorate>();
    #[cfg(feature = "peers")]
    {
        visit.visit::<members::ractor::Ractor>();
        visit.visit::<members::kameo::Kameo>();
        visit.visit::<members::actix::Actix>();
        visit.visit::<members::xtra::Xtra>();
    }
    visit.visit::<members::bare::Bare>();
}
