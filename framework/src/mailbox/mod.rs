//! The bounded queue between a place's refs and its loop. Many senders, one receiver, order kept per sender.
//!
//! A thin layer over `tokio::sync::mpsc`, so that another queue can take its place. A message is moved in only once its room is
//! certain, so that whoever meets a full mailbox still has it.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

/// The sending side. Shared by all refs through their place.
#[derive(Debug)]
pub(crate) struct Sender<T>(mpsc::Sender<T>);

/// The receiving side. Owned by the loop of the present incarnation, kept by the place between two.
#[derive(Debug)]
pub(crate) struct Receiver<T>(mpsc::Receiver<T>);

/// Room for one message.
#[derive(Debug)]
pub(crate) struct Permit<'a, T>(mpsc::Permit<'a, T>);

/// Room for one message, without a borrow.
pub(crate) struct OwnedPermit<T>(mpsc::OwnedPermit<T>);

/// A mailbox for `bound` messages, at least 1.
pub(crate) fn new<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(bound.clamp(1, tokio::sync::Semaphore::MAX_PERMITS));
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// `None` when it is full.
    pub(crate) fn try_reserve(&self) -> Option<Permit<'_, T>> {
        self.0.try_reserve().ok().map(Permit)
    }

    /// How many messages wait, and how many may.
    pub(crate) fn filled(&self) -> (usize, usize) {
        let bound = self.0.max_capacity();
        (bound - self.0.capacity(), bound)
    }

    /// Waits for room, in order of arrival. `None` when the receiver is gone.
    pub(crate) fn reserve(&self) -> impl Future<Output = Option<OwnedPermit<T>>> + use<T> {
        let sender = self.0.clone();
        async move { sender.reserve_owned().await.ok().map(OwnedPermit) }
    }
}

impl<T> Permit<'_, T> {
    pub(crate) fn send(self, item: T) {
        self.0.send(item);
    }
}

impl<T> OwnedPermit<T> {
    pub(crate) fn send(self, item: T) {
        drop(self.0.send(item));
    }
}

impl<T> Receiver<T> {
    /// The next message. Yields to other tasks after a while even when there are always more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }

    /// What lies in the queue now.
    pub(crate) fn try_next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}
