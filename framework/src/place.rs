//! A place: what an `ActorRef` names. It holds the mailbox, which outlives the incarnations that read it.
//!
//! When an incarnation ends, what lies in the mailbox is drained: calls are answered, casts become undelivered. What comes later
//! waits for the successor. When none will come, the place answers `Gone`.

use std::any::Any;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::actor::Actor;
use crate::envelope::{Item, Meta};
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::link::{ExitError, ExitSignal, LinkEnd, Via};
use crate::mailbox::{self, Permit, Receiver, Sender};
use crate::message::Body;
use crate::monitor::{Down, MonitorId, Watcher};
use crate::panics;
use crate::reply::{RemotePort, Unhandled};
use crate::request::{Failure, IncomingMethod, Refusal};
use crate::seat::Seat;
use crate::supervision::ask::Desk;
use crate::wire::link::{Endpoint, RequestHead};

/// Why a message is not accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Full,
    Gone,
}

pub(crate) struct Place<A: Actor> {
    pub(crate) seat: Arc<Seat>,
    sender: Sender<Item<A>>,
    /// Here between two incarnations; else in the loop of the present one.
    inbox: Mutex<Option<Receiver<Item<A>>>>,
    /// The refs to a supervisor's children, typed as its handle takes them.
    children: OnceLock<Box<dyn Any + Send + Sync>>,
    /// Where a supervisor is asked.
    desk: OnceLock<Desk>,
}

impl<A: Actor> Place<A> {
    pub(crate) fn new(seat: Arc<Seat>, bound: usize) -> Arc<Self> {
        let (sender, receiver) = mailbox::new(bound);
        Arc::new(Self {
            seat,
            sender,
            inbox: Mutex::new(Some(receiver)),
            children: OnceLock::new(),
            desk: OnceLock::new(),
        })
    }

    /// Room for one message, or why there is none. After sending, `sweep`.
    pub(crate) fn try_reserve(&self) -> Result<Permit<'_, Item<A>>, NoRoom> {
        if self.seat.is_gone() {
            return Err(NoRoom::Gone);
        }
        self.sender.try_reserve().ok_or(NoRoom::Full)
    }

    pub(crate) fn sender(&self) -> &Sender<Item<A>> {
        &self.sender
    }

    /// The mailbox, for the incarnation that begins.
    pub(crate) fn take_inbox(&self) -> Option<Receiver<Item<A>>> {
        self.inbox().take()
    }

    /// Gives the mailbox back when the incarnation has ended.
    pub(crate) fn return_inbox(&self, inbox: Receiver<Item<A>>) {
        *self.inbox() = Some(inbox);
        self.sweep();
    }

    /// No incarnation follows for now: everything that waits, and everything sent from now on, is answered `Gone`.
    pub(crate) fn close(&self) {
        self.seat.leave();
        self.sweep();
    }

    /// Answers what lies in the mailbox of a place that has been left. Called after leaving and after sending: whoever comes second
    /// sees what the other did, so nothing stays behind unanswered.
    pub(crate) fn sweep(&self) {
        if self.seat.is_gone()
            && let Some(inbox) = &mut *self.inbox()
        {
            drain(inbox, &Refusal::Gone);
        }
    }

    pub(crate) fn set_children(&self, children: Box<dyn Any + Send + Sync>) {
        let _ = self.children.set(children);
    }

    pub(crate) fn children(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.children.get().map(|children| &**children)
    }

    pub(crate) fn set_desk(&self, desk: Desk) {
        let _ = self.desk.set(desk);
    }

    pub(crate) fn desk(&self) -> Option<&Desk> {
        self.desk.get()
    }

    pub(crate) fn deliver_down(&self, down: Down) {
        self.put(Item::Down(down));
    }

    /// Sends an exit signal that comes of no link to the present incarnation.
    pub(crate) fn send_exit(&self, actor: ActorId, reason: ExitReason) -> Result<(), ExitError> {
        if self.children().is_some() {
            return Err(ExitError::Supervisor);
        }
        let incarnation = self.seat.incarnation();
        if !self.seat.is_live() {
            return Err(ExitError::Gone);
        }
        let permit = self.try_reserve().map_err(|no_room| match no_room {
            NoRoom::Full => ExitError::Full,
            NoRoom::Gone => ExitError::Gone,
        })?;
        permit.send(Item::Exit(ExitSignal {
            via: Via::Incarnation(incarnation),
            actor,
            reason,
        }));
        self.sweep();
        Ok(())
    }

    /// Puts an item behind what lies in the mailbox, waiting for room in a task when there is none.
    fn put(&self, item: Item<A>) {
        match self.try_reserve() {
            Ok(permit) => permit.send(item),
            Err(NoRoom::Gone) => {}
            Err(NoRoom::Full) => {
                let room = self.sender.reserve();
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        if let Some(permit) = room.await {
                            permit.send(item);
                        }
                    });
                }
            }
        }
    }

    /// Looks up what a peer asks for, and room for it, before its body is looked at.
    fn admit(
        &self,
        head: &RequestHead,
    ) -> Result<(&'static IncomingMethod<A>, Permit<'_, Item<A>>), Refusal> {
        let wire = A::WIRE.ok_or(Refusal::UnknownMessage)?;
        let method = wire.method(head.id).ok_or(Refusal::UnknownMessage)?;
        if method.shape != head.shape {
            return Err(Refusal::SchemaMismatch);
        }
        let permit = self.try_reserve().map_err(|no_room| match no_room {
            NoRoom::Full => Refusal::Full,
            NoRoom::Gone => Refusal::Gone,
        })?;
        Ok((method, permit))
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Option<Receiver<Item<A>>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers for everything that lies in the mailbox now.
pub(crate) fn drain<A: Actor>(inbox: &mut Receiver<Item<A>>, refusal: &Refusal) {
    while let Some(item) = inbox.try_next() {
        refuse(item, refusal);
    }
}

/// Answers for one message that is not handled: a caller that may go elsewhere gets it back, another caller an error; a cast is
/// undelivered.
pub(crate) fn refuse<A: Actor>(item: Item<A>, refusal: &Refusal) {
    let Item::Message {
        mut envelope, bounce, ..
    } = item
    else {
        return;
    };
    let failure = Failure::Refused(refusal.clone());
    if let Some(bounce) = bounce
        && failure.may_move()
    {
        drop(bounce.send(envelope));
        return;
    }
    let port = A::port(&mut envelope);
    if port.is_call() {
        port.refuse(&Unhandled(failure));
    } else if panics::caught(|| A::undelivered(A::into_message(envelope))).is_err() {
        tracing::error!(target: "quorate::dead_letter", actor = A::NAME, "`undelivered` panicked");
    }
}

impl<A: Actor> LinkEnd for Place<A> {
    fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    fn deliver_exit(self: Arc<Self>, signal: ExitSignal) {
        self.put(Item::Exit(signal));
    }
}

impl<A: Actor> Endpoint for Place<A> {
    fn id(&self) -> ActorId {
        self.seat.id
    }

    fn wire_name(&self) -> &'static str {
        A::NAME
    }

    fn deliver(&self, head: &RequestHead, body: Body, port: Option<RemotePort>) -> Result<(), Refusal> {
        let mut port = port.unwrap_or(RemotePort::none());
        let (method, permit) = match self.admit(head) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                port.defuse();
                return Err(refusal);
            }
        };
        let Ok(mut envelope) = (method.decode)(body, RemotePort::none()) else {
            port.defuse();
            return Err(Refusal::Malformed);
        };
        A::port(&mut envelope).attach(port);
        let deadline = head.deadline.map(|left| tokio::time::Instant::now() + left);
        let meta = Meta {
            stamp: head.stamp,
            deadline,
            incarnation: 0,
        };
        permit.send(Item::Message {
            envelope,
            meta,
            bounce: None,
        });
        self.sweep();
        Ok(())
    }

    fn monitor(&self, watcher: Watcher) {
        self.seat.monitor(watcher);
    }

    fn demonitor(&self, id: MonitorId) {
        self.seat.demonitor(id);
    }
}
