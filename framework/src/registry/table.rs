//! The entries of a registry, in partitions, and which of them each incarnation has.
//!
//! Two kinds of partitions: by key (who has it) and by owner (what it has). Only an incarnation itself, or its end, changes what it
//! has, so the second needs no care for races; the first decides who has a unique key. An owner's lock is taken within a key's, never
//! the other way. What is removed is dropped after the locks, because its drop is a user's.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Entry;
use super::error::{RegisterError, UpdateError};
use super::listener::{Listener, Listeners, RegistryEvent};
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::at_end::{AtEnd, Incarnation};
use crate::context::Context;

/// One registration.
struct Held<A: Actor, V> {
    /// Grows with each registration: the order under one key, and what tells those of one owner apart.
    number: u64,
    by: Incarnation,
    actor: ActorRef<A>,
    value: V,
}

/// The keys of one partition; each has one registration at least.
struct Partition<A: Actor, K, V> {
    keys: HashMap<K, Vec<Held<A, V>>>,
    /// Registrations of all keys.
    len: usize,
}

/// The keys of some incarnations, with the numbers of their registrations.
type Owned<K> = HashMap<Incarnation, HashMap<K, Vec<u64>>>;

pub(super) struct Table<A: Actor, K, V> {
    hasher: RandomState,
    partitions: Box<[RwLock<Partition<A, K, V>>]>,
    owners: Box<[RwLock<Owned<K>>]>,
    numbers: AtomicU64,
    listeners: Listeners<A, K, V>,
}

impl<A, K, V> Table<A, K, V>
where
    A: Actor,
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(partitions: NonZeroUsize) -> Arc<Self> {
        let partition = || Partition {
            keys: HashMap::new(),
            len: 0,
        };
        Arc::new(Self {
            hasher: RandomState::new(),
            partitions: (0..partitions.get()).map(|_| RwLock::new(partition())).collect(),
            owners: (0..partitions.get()).map(|_| RwLock::default()).collect(),
            numbers: AtomicU64::new(0),
            listeners: Listeners::new(),
        })
    }

    pub(super) fn insert(
        self: &Arc<Self>,
        cx: &mut Context<A>,
        key: K,
        value: V,
        is_unique: bool,
    ) -> Result<(), RegisterError<A, K, V>> {
        if !cx.may_act() {
            return Err(RegisterError::Lapsed { key, value });
        }
        let (by, actor) = (cx.incarnation(), ActorRef::pin(&cx.me()));
        let mut partition = self.write(&key);
        let mut stale = Vec::new();
        if is_unique && let Some(held) = partition.keys.get_mut(&key) {
            if let Some(owner) = held.iter().find(|held| ActorRef::is_alive(&held.actor)) {
                let by = owner.actor.clone();
                return Err(RegisterError::AlreadyRegistered { by, key, value });
            }
            // It has ended, and what it is stuck in keeps it from letting go.
            stale = std::mem::take(held);
            partition.len -= stale.len();
            self.tell_unregistered(&key, &stale);
        }
        cx.at_end(Arc::clone(self) as Arc<dyn AtEnd>);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.write_owner(by)
            .entry(by)
            .or_default()
            .entry(key.clone())
            .or_default()
            .push(number);
        self.listeners.tell(|| RegistryEvent::Registered {
            key: key.clone(),
            actor: actor.clone(),
            value: value.clone(),
        });
        partition.len += 1;
        partition.keys.entry(key).or_default().push(Held {
            number,
            by,
            actor,
            value,
        });
        drop(partition);
        drop(stale);
        Ok(())
    }

    /// Takes back what an incarnation has under a key. False when it has nothing.
    pub(super) fn remove(&self, by: Incarnation, key: &K) -> bool {
        let mut owner = self.write_owner(by);
        let Some(keys) = owner.get_mut(&by) else {
            return false;
        };
        let numbers = keys.remove(key).unwrap_or_default();
        if keys.is_empty() {
            owner.remove(&by);
        }
        drop(owner);
        self.take(key, &numbers) > 0
    }

    /// Replaces the value of a key that the incarnation has. Only itself does so, so that nothing comes between reading and writing.
    pub(super) fn update(
        &self,
        cx: &mut Context<A>,
        key: &K,
        update: impl FnOnce(V) -> V,
    ) -> Result<V, UpdateError> {
        if !cx.may_act() {
            return Err(UpdateError::Lapsed);
        }
        let by = cx.incarnation();
        let old = {
            let partition = self.read(key);
            let held = partition
                .keys
                .get(key)
                .and_then(|held| held.iter().find(|held| held.by == by));
            held.ok_or(UpdateError::NotOwner)?.value.clone()
        };
        let new = update(old);
        let mut partition = self.write(key);
        let held = partition
            .keys
            .get_mut(key)
            .and_then(|held| held.iter_mut().find(|held| held.by == by));
        let held = held.ok_or(UpdateError::NotOwner)?;
        Ok(std::mem::replace(&mut held.value, new))
    }

    /// Who has a key, and lives, in the order of registration.
    pub(super) fn entries(&self, key: &K) -> Vec<Entry<A, V>> {
        let partition = self.read(key);
        let held = partition.keys.get(key).map_or(&[][..], Vec::as_slice);
        held.iter().filter_map(Held::entry).collect()
    }

    pub(super) fn keys(&self, by: Incarnation) -> Vec<K> {
        let owner = self.owner(by).read().unwrap_or_else(PoisonError::into_inner);
        owner
            .get(&by)
            .map_or_else(Vec::new, |keys| keys.keys().cloned().collect())
    }

    pub(super) fn count(&self) -> usize {
        let len = |partition: &RwLock<Partition<A, K, V>>| {
            partition.read().unwrap_or_else(PoisonError::into_inner).len
        };
        self.partitions.iter().map(len).sum()
    }

    pub(super) fn for_each(&self, mut each: impl FnMut(&K, &Entry<A, V>)) {
        for partition in &self.partitions {
            let copy: Vec<(K, Entry<A, V>)> = {
                let partition = partition.read().unwrap_or_else(PoisonError::into_inner);
                let all = partition
                    .keys
                    .iter()
                    .flat_map(|(key, held)| held.iter().map(move |held| (key, held)));
                all.filter_map(|(key, held)| Some((key.clone(), held.entry()?)))
                    .collect()
            };
            for (key, entry) in &copy {
                each(key, entry);
            }
        }
    }

    pub(super) fn listen(&self) -> Listener<A, K, V> {
        self.listeners.add()
    }

    /// Removes the registrations of these numbers under a key, and answers how many there were.
    fn take(&self, key: &K, numbers: &[u64]) -> usize {
        let mut partition = self.write(key);
        let Some(held) = partition.keys.get_mut(key) else {
            return 0;
        };
        // In ascending order, as they were pushed.
        let taken: Vec<_> = numbers
            .iter()
            .filter_map(|number| {
                held.binary_search_by_key(number, |held| held.number)
                    .ok()
                    .map(|at| held.remove(at))
            })
            .collect();
        if held.is_empty() {
            partition.keys.remove(key);
        }
        partition.len -= taken.len();
        self.tell_unregistered(key, &taken);
        drop(partition);
        taken.len()
    }

    fn tell_unregistered(&self, key: &K, taken: &[Held<A, V>]) {
        for held in taken {
            self.listeners.tell(|| RegistryEvent::Unregistered {
                key: key.clone(),
                actor: held.actor.clone(),
            });
        }
    }

    fn partition(&self, key: &K) -> &RwLock<Partition<A, K, V>> {
        let hash = self.hasher.hash_one(key) as usize;
        &self.partitions[hash % self.partitions.len()]
    }

    fn owner(&self, by: Incarnation) -> &RwLock<Owned<K>> {
        let hash = by.place.as_u64() as usize;
        &self.owners[hash % self.owners.len()]
    }

    fn read(&self, key: &K) -> RwLockReadGuard<'_, Partition<A, K, V>> {
        self.partition(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &K) -> RwLockWriteGuard<'_, Partition<A, K, V>> {
        self.partition(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write_owner(&self, by: Incarnation) -> RwLockWriteGuard<'_, Owned<K>> {
        self.owner(by).write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Actor, V: Clone> Held<A, V> {
    /// `None` when it has ended.
    fn entry(&self) -> Option<Entry<A, V>> {
        ActorRef::is_alive(&self.actor).then(|| Entry {
            actor: self.actor.clone(),
            value: self.value.clone(),
        })
    }
}

impl<A, K, V> AtEnd for Table<A, K, V>
where
    A: Actor,
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn ended(&self, who: Incarnation) {
        let keys = self.write_owner(who).remove(&who).unwrap_or_default();
        for (key, numbers) in keys {
            self.take(&key, &numbers);
        }
    }
}
