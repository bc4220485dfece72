//! What lies in a mailbox: a message with what came with it, or a `Down` or an exit signal in its order.
//!
//! Sender and actor may run on two cores, and each cache line of an item is fetched from the one by the other. So an item is small: of an
//! actor whose messages have one `u64` each it is 40 bytes, and lies with what links it to others in one line of 64. Arguments of up to 24
//! bytes, a `String`'s, keep it there. What few messages have is elsewhere: see [`Rare`]; the deadline of a call is with its port.

use crate::actor::Actor;
use crate::kept::Kept;
use crate::link::ExitSignal;
use crate::monitor::Down;
use crate::slot;
use crate::stamp::Stamp;

/// An entry of a mailbox.
pub(crate) enum Item<A: Actor> {
    Message {
        envelope: A::Envelope,
        /// `None` when it would say nothing.
        rare: Option<Kept<Rare<A>>>,
    },
    Down(Box<Down>),
    Exit(Box<ExitSignal>),
    /// An incarnation ends, the how many-th time that one does here: what lies behind this is for its successor.
    End(u32),
}

/// What comes with few messages.
pub(crate) struct Rare<A: Actor> {
    /// Of the sender.
    pub(crate) stamp: Stamp,
    /// The only incarnation that it is for, when the ref was pinned; else 0.
    pub(crate) incarnation: u64,
    /// Where the envelope goes back to when it is certain that it is not handled here and its sender may send it
    /// elsewhere: the caller through a moving ref.
    pub(crate) bounce: Option<slot::Sender<A::Envelope>>,
}

impl<A: Actor> Rare<A> {
    /// `None` when it would say nothing.
    #[inline]
    pub(crate) fn of(
        stamp: Stamp,
        incarnation: u64,
        bounce: Option<slot::Sender<A::Envelope>>,
    ) -> Option<Kept<Self>> {
        let says_nothing = stamp == Stamp::NONE && incarnation == 0 && bounce.is_none();
        (!says_nothing).then(|| {
            Kept::new(Self {
                stamp,
                incarnation,
                bounce,
            })
        })
    }
}

impl<A: Actor> Item<A> {
    /// A message of whoever may be answered, and no more.
    #[inline]
    pub(crate) fn message(
        envelope: A::Envelope,
        stamp: Stamp,
        incarnation: u64,
        bounce: Option<slot::Sender<A::Envelope>>,
    ) -> Self {
        let rare = Rare::of(stamp, incarnation, bounce);
        Self::Message { envelope, rare }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Mailbox;
    use crate::prelude::*;

    /// Has messages of one number each, as most have.
    #[actor]
    #[derive(Default)]
    pub(super) struct Counter {
        total: u64,
    }

    #[actor]
    impl Counter {
        /// Adds.
        pub fn add(&mut self, n: u64) -> u64 {
            self.total += n;
            self.total
        }

        /// Takes away.
        pub async fn less(&mut self, n: u64) -> u64 {
            self.total -= std::future::ready(n).await;
            self.total
        }
    }

    /// Has a text.
    #[actor]
    #[derive(Default)]
    pub(super) struct Greeter;

    #[actor]
    impl Greeter {
        /// Greets.
        pub fn greet(&mut self, name: String) -> String {
            name
        }

        /// Is silent.
        pub fn wait(&mut self) {}
    }

    #[test]
    fn a_message_with_a_number_or_a_text_is_one_line_in_the_mailbox() {
        assert_eq!(size_of::<Item<Counter>>(), 40);
        assert_eq!(Mailbox::<Item<Counter>>::MESSAGE_TAKES, 64);
        assert_eq!(size_of::<Item<Greeter>>(), 48);
        assert_eq!(Mailbox::<Item<Greeter>>::MESSAGE_TAKES, 64);
    }
}
