//! What lies in a mailbox: a message with what came with it, or a `Down` or an exit signal in its order.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::actor::Actor;
use crate::link::ExitSignal;
use crate::monitor::Down;
use crate::stamp::Stamp;

/// An entry of a mailbox.
pub(crate) enum Item<A: Actor> {
    Message {
        envelope: A::Envelope,
        meta: Meta,
        /// Where the envelope goes back to when it is certain that it is not handled here and its sender may send it
        /// elsewhere: the caller through a moving ref.
        bounce: Option<oneshot::Sender<A::Envelope>>,
    },
    Down(Down),
    Exit(ExitSignal),
    /// An incarnation ends, the how many-th time that one does here: what lies behind this is for its successor.
    End(u32),
}

/// What travels with a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meta {
    /// Of the sender.
    pub(crate) stamp: Stamp,
    /// The deadline of a call: not handled after it.
    pub(crate) deadline: Option<Instant>,
    /// The only incarnation that it is for, when the ref was pinned; else 0.
    pub(crate) incarnation: u64,
}
