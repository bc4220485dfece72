//! Links: two incarnations that end together (OTP's `link/1`), and the exit signals that they send.
//!
//! ```text
//! linked --one side ends--> its exit signal lies behind what it had sent --> the other side ends, or `#[info]` is told
//!   +----unlink, by either side--> nothing comes any more, even if it lies in the mailbox already
//! ```
//! A link is kept in the seats of both sides under one number, and both records are made and taken back under both locks, in the order
//! of the actors' ids. A signal counts only while its receiver has the record: so a link ends with the incarnation of either side.
//!
//! Deliberately not here: supervision. A supervisor and its children have no links, so no child can unlink itself from it, and none can be
//! linked to it. Nor are there links between nodes: the other side must end too, which no monitor does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::seat::Seat;

/// What an actor is told beside its messages, by the hook `#[info]` (OTP: `handle_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Info {
    /// The exit signal of a linked actor, or of [`ActorRef::exit`](crate::ActorRef::exit), to an actor that
    /// [traps exits](crate::Context::trap_exits) (OTP: the message `'EXIT'`).
    Exit {
        /// Who sent it: the linked actor that ended, or who called `ActorRef::exit`; [`ActorId::OUTSIDE`] when no actor did.
        actor: ActorId,
        /// Why. [`ExitReason::Gone`] when there was nobody to link to.
        reason: ExitReason,
    },
}

/// Why two actors were not linked. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkError {
    /// The other actor is on another node: monitor it instead.
    Remote,
    /// The other actor is a supervisor, which ends only with its own supervisor or by its children's failures: monitor it, or be its child.
    Supervisor,
    /// The tenure of the actor that asked is no longer valid.
    Lapsed,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote => "an actor of another node cannot be linked: monitor it instead",
            Self::Supervisor => "a supervisor cannot be linked: monitor it, or be its child",
            Self::Lapsed => "the tenure of who asked is no longer valid",
        })
    }
}

impl std::error::Error for LinkError {}

/// Why an exit signal was not sent, see [`ActorRef::exit`](crate::ActorRef::exit). Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitError {
    /// The actor's mailbox is full.
    Full,
    /// No incarnation of the actor runs now (OTP: such a signal is lost without a word).
    Gone,
    /// The actor is on another node.
    Remote,
    /// The actor is a supervisor: [`System::terminate`](crate::System::terminate) ends it, with all below it.
    Supervisor,
    /// The tenure of the actor that asked is no longer valid.
    Lapsed,
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the actor's mailbox is full",
            Self::Gone => "the actor is gone",
            Self::Remote => "an actor of another node takes no exit signals",
            Self::Supervisor => "a supervisor takes no exit signals",
            Self::Lapsed => "the tenure of who asked is no longer valid",
        })
    }
}

impl std::error::Error for ExitError {}

/// One link, unique in this process life. Both sides keep it under this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(u64);

impl LinkId {
    const FIRST: Self = Self(0);
    const LAST: Self = Self(u64::MAX);

    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// An exit signal, as it lies in a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct ExitSignal {
    pub(crate) via: Via,
    pub(crate) actor: ActorId,
    pub(crate) reason: ExitReason,
}

/// To which incarnation an exit signal goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Via {
    /// The one that has this link.
    Link(LinkId),
    /// The one of this number: the signal was sent without a link.
    Incarnation(u64),
}

/// The place of one side of a link, whatever its type.
pub(crate) trait LinkEnd: Send + Sync + 'static {
    fn seat(&self) -> &Seat;

    /// Puts the signal behind what lies in the mailbox, waiting for room when there is none.
    fn deliver_exit(self: Arc<Self>, signal: ExitSignal);
}

/// `None` where there was nobody to link to.
type Held = BTreeMap<(ActorId, LinkId), Option<Weak<dyn LinkEnd>>>;

/// The links of the incarnation in a seat.
#[derive(Default)]
pub(crate) struct Links(Mutex<Held>);

impl Links {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, when their incarnation has ended. Told with [`tell`].
    pub(crate) fn take(&self) -> Held {
        std::mem::take(&mut *self.lock())
    }

    /// True once for a link of this incarnation.
    pub(crate) fn take_link(&self, actor: ActorId, link: LinkId) -> bool {
        self.lock().remove(&(actor, link)).is_some()
    }
}

/// Sends the exit signals of an incarnation that sat in the seat `from`.
pub(crate) fn tell(from: ActorId, links: Held, reason: &ExitReason) {
    for ((_, link), other) in links {
        if let Some(other) = other.as_ref().and_then(Weak::upgrade) {
            other.deliver_exit(ExitSignal {
                via: Via::Link(link),
                actor: from,
                reason: reason.clone(),
            });
        }
    }
}

/// Links the present incarnations of two places, unless they are linked. When nobody sits in `other`, `me` is told so at once.
pub(crate) fn link(me: &Arc<dyn LinkEnd>, other: &Arc<dyn LinkEnd>) {
    let id = LinkId::next();
    {
        let (mut mine, mut theirs) = both(me.seat(), other.seat());
        let (to_other, to_me) = (other.seat().id, me.seat().id);
        if other.seat().is_live() && !other.seat().is_gone() {
            let is_linked = numbers(&mine, to_other).any(|id| theirs.contains_key(&(to_me, id)));
            if !is_linked {
                mine.insert((to_other, id), Some(Arc::downgrade(other)));
                theirs.insert((to_me, id), Some(Arc::downgrade(me)));
            }
            return;
        }
    }
    nobody(me, other.seat().id);
}

/// The signal that there is nobody to link to. It is taken back by `unlink`, as any other.
pub(crate) fn nobody(me: &Arc<dyn LinkEnd>, actor: ActorId) {
    let link = LinkId::next();
    me.seat().links().lock().insert((actor, link), None);
    Arc::clone(me).deliver_exit(ExitSignal {
        via: Via::Link(link),
        actor,
        reason: ExitReason::Gone,
    });
}

/// Takes back the signal that there was nobody to link to.
pub(crate) fn unlink_nobody(me: &Seat, actor: ActorId) {
    if let Some(links) = me.known_links() {
        links.lock().retain(|(other, _), _| *other != actor);
    }
}

/// Takes back what links two seats, signals on their way to `me` too.
pub(crate) fn unlink(me: &Seat, other: &Seat) {
    let (mut mine, mut theirs) = both(me, other);
    let ids: Vec<LinkId> = numbers(&mine, other.id).collect();
    for id in ids {
        mine.remove(&(other.id, id));
        theirs.remove(&(me.id, id));
    }
}

fn numbers(held: &Held, other: ActorId) -> impl Iterator<Item = LinkId> {
    held.range((other, LinkId::FIRST)..=(other, LinkId::LAST))
        .map(|((_, id), _)| *id)
}

/// Both locks, in the order of the ids: two actors that link each other do not wait for each other.
fn both<'a>(me: &'a Seat, other: &'a Seat) -> (MutexGuard<'a, Held>, MutexGuard<'a, Held>) {
    debug_assert!(me.id != other.id, "nobody is linked to itself");
    if me.id < other.id {
        let mine = me.links().lock();
        (mine, other.links().lock())
    } else {
        let theirs = other.links().lock();
        (me.links().lock(), theirs)
    }
}
