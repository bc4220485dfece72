//! Who is told of registrations: a bounded queue for each listener.
//!
//! Registering never waits. So a full queue takes no more events, but counts them: where they are missing stands one
//! [`RegistryEvent::Missed`] with their number.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::Notify;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;

/// Events that wait for one listener. Further ones are missed, and counted.
pub const LISTENER_MAX: usize = 1_024;

/// What happened in a registry. Of one key, in order.
#[non_exhaustive]
pub enum RegistryEvent<A: Actor, K, V> {
    /// An actor has registered itself.
    Registered {
        /// The key.
        key: K,
        /// The incarnation.
        actor: ActorRef<A>,
        /// What it registered with.
        value: V,
    },
    /// A registration is no more: it was taken back, or the incarnation has ended.
    Unregistered {
        /// The key.
        key: K,
        /// The incarnation.
        actor: ActorRef<A>,
    },
    /// So many events are missing here, because [`LISTENER_MAX`] of them waited. What is registered now is found by
    /// [`Registry::select`](crate::Registry::select).
    Missed(u64),
}

/// Is told what happens in a registry, from [`Registry::listen`](crate::Registry::listen) until it is dropped.
///
/// [`LISTENER_MAX`] events wait for it. When it is slower than that, nobody waits for it and nothing is lost in silence: one
/// [`RegistryEvent::Missed`] stands where events are missing.
pub struct Listener<A: Actor, K, V>(Arc<Queue<A, K, V>>);

struct Queue<A: Actor, K, V> {
    waiting: Mutex<Waiting<A, K, V>>,
    notify: Notify,
}

struct Waiting<A: Actor, K, V> {
    /// At most `LISTENER_MAX`, and one `Missed` behind them.
    events: VecDeque<RegistryEvent<A, K, V>>,
    is_over: bool,
}

impl<A: Actor, K, V> Listener<A, K, V> {
    /// The next event; `None` when the registry is gone and all has been told.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn recv(&mut self) -> Option<RegistryEvent<A, K, V>> {
        loop {
            {
                let mut waiting = self.0.waiting();
                if let Some(event) = waiting.events.pop_front() {
                    return Some(event);
                }
                if waiting.is_over {
                    return None;
                }
            }
            // What came in between has left a permit.
            self.0.notify.notified().await;
        }
    }

    /// The next event, if there is one now.
    pub fn try_recv(&mut self) -> Option<RegistryEvent<A, K, V>> {
        self.0.waiting().events.pop_front()
    }
}

impl<A: Actor, K, V> Queue<A, K, V> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<A, K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: RegistryEvent<A, K, V>) {
        let mut waiting = self.waiting();
        if waiting.events.len() < LISTENER_MAX {
            waiting.events.push_back(event);
        } else if let Some(RegistryEvent::Missed(missed)) = waiting.events.back_mut() {
            *missed += 1;
        } else {
            waiting.events.push_back(RegistryEvent::Missed(1));
        }
        drop(waiting);
        self.notify.notify_one();
    }
}

/// The listeners of one registry.
pub(super) struct Listeners<A: Actor, K, V>(RwLock<Vec<Weak<Queue<A, K, V>>>>);

impl<A: Actor, K, V> Listeners<A, K, V> {
    pub(super) fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    pub(super) fn add(&self) -> Listener<A, K, V> {
        let queue = Arc::new(Queue {
            waiting: Mutex::new(Waiting {
                events: VecDeque::new(),
                is_over: false,
            }),
            notify: Notify::new(),
        });
        let mut listeners = self.0.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(&queue));
        Listener(queue)
    }

    /// Tells all. The event is made for each of them, so that it is not when there is none.
    pub(super) fn tell(&self, event: impl Fn() -> RegistryEvent<A, K, V>) {
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.push(event());
        }
    }
}

impl<A: Actor, K, V> Drop for Listeners<A, K, V> {
    fn drop(&mut self) {
        let listeners = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.waiting().is_over = true;
            listener.notify.notify_one();
        }
    }
}

impl<A: Actor, K: fmt::Debug, V: fmt::Debug> fmt::Debug for RegistryEvent<A, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered { key, actor, value } => {
                write!(f, "Registered({key:?}, {actor:?}, {value:?})")
            }
            Self::Unregistered { key, actor } => write!(f, "Unregistered({key:?}, {actor:?})"),
            Self::Missed(missed) => write!(f, "Missed({missed})"),
        }
    }
}

impl<A: Actor, K, V> fmt::Debug for Listener<A, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Listener({}, {} waiting)",
            A::NAME,
            self.0.waiting().events.len()
        )
    }
}
