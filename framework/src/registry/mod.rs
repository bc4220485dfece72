//! Names and keys on this node: how actors find each other.
//!
//! A [`Name`] belongs to a *place*: it is static, unique in its system, and kept across restarts. A key of a [`Registry`] belongs to
//! the *incarnation* that registered it (Elixir's `Registry`): it vanishes when that one ends, and the next registers itself anew,
//! as a rule in its `#[init]`.

mod error;
mod listener;
mod names;
mod table;

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub use self::error::{RegisterError, UpdateError};
pub use self::listener::{LISTENER_MAX, Listener, RegistryEvent};
pub use self::names::Name;
pub(crate) use self::names::Names;
use self::table::Table;
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::at_end::Incarnation;
use crate::context::Context;

/// Whether a key of a [`Registry`] may be held once or many times: [`Unique`] or [`Duplicate`].
pub trait Keys: sealed::Sealed + 'static {}

/// One incarnation holds a key.
#[derive(Clone, Copy, Debug)]
pub enum Unique {}

/// Any number of incarnations hold a key, also one of them several times.
#[derive(Clone, Copy, Debug)]
pub enum Duplicate {}

impl Keys for Unique {}
impl Keys for Duplicate {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unique {}
    impl Sealed for super::Duplicate {}
}

/// One registration: who, and with what.
pub struct Entry<A: Actor, V> {
    /// The incarnation that registered itself: a pinned ref, as by [`ActorRef::pin`]. When it has ended the answer is `Gone`; its
    /// successor is found by the key.
    pub actor: ActorRef<A>,
    /// What it registered with, at the time of the look-up.
    pub value: V,
}

/// Keys under which actors of type `A` register themselves, each with a value (Elixir's `Registry`). Cheap to clone: a clone is the
/// same registry.
///
/// ```
/// use quorate::prelude::*;
/// use quorate::Registry;
///
/// /// The cart of one user.
/// #[actor]
/// pub struct Cart {}
///
/// #[actor(local)]
/// impl Cart {
///     #[init]
///     async fn new(user: u64, carts: Registry<Cart, u64>, cx: &mut Context<Self>) -> Result<Self, String> {
///         carts.register(cx, user, ()).map_err(|error| error.to_string())?;
///         Ok(Self {})
///     }
///
///     /// Is there.
///     pub fn ping(&mut self) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quorate::Error> {
/// let system = System::new("shop");
/// let carts = Registry::unique();
/// system.spawn(Cart::spec(7, carts.clone())).await?;
/// if let Some(cart) = carts.lookup(&7) {
///     cart.actor.ping().await?;
/// }
/// # system.shutdown().await
/// # }
/// ```
///
/// # Guarantees
///
/// - A key of a [`Unique`] registry is held by one live incarnation at most.
/// - The keys of an incarnation are gone before a monitor tells of its end, whichever way it ends; no task is needed for that. A read
///   may race with an end: what it found may end at any time, and its ref then answers `Gone`.
/// - What has ended is not found and blocks no registration, not even when its handler does not yield and so cannot let go.
/// - No code of a user runs under a lock, but for `Eq`, `Hash` and `Clone` of keys and values.
/// - A refused registration leaves nothing behind.
///
/// The entries are in partitions, by the hash of the key: what is done to keys of different partitions does not wait for one another.
pub struct Registry<A: Actor, K, V = (), U: Keys = Unique> {
    table: Arc<Table<A, K, V>>,
    keys: PhantomData<fn() -> U>,
}

impl<A, K, V> Registry<A, K, V, Unique>
where
    A: Actor,
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A registry of unique keys, with as many partitions as the machine runs threads at a time.
    pub fn unique() -> Self {
        Self::with_partitions(parallelism())
    }

    /// Registers the actor under a key.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyRegistered`] when a live incarnation, this one included, has the key;
    /// [`RegisterError::Lapsed`] when the actor's tenure is over. Key and value come back.
    pub fn register(&self, cx: &mut Context<A>, key: K, value: V) -> Result<(), RegisterError<A, K, V>> {
        self.table.insert(cx, key, value, true)
    }

    /// Who has the key.
    pub fn lookup(&self, key: &K) -> Option<Entry<A, V>> {
        self.table.entries(key).pop()
    }

    /// Replaces the value of a key that this actor has, and answers the one before.
    ///
    /// # Errors
    /// [`UpdateError`]: nothing has changed. Only the owner of a key sets its value.
    pub fn update_value(
        &self,
        cx: &mut Context<A>,
        key: &K,
        update: impl FnOnce(V) -> V,
    ) -> Result<V, UpdateError> {
        self.table.update(cx, key, update)
    }
}

impl<A, K, V> Registry<A, K, V, Duplicate>
where
    A: Actor,
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A registry of duplicate keys, with as many partitions as the machine runs threads at a time.
    pub fn duplicate() -> Self {
        Self::with_partitions(parallelism())
    }

    /// Registers the actor under a key, once more if it has it already.
    ///
    /// # Errors
    /// [`RegisterError::Lapsed`] when the actor's tenure is over. Key and value come back.
    pub fn register(&self, cx: &mut Context<A>, key: K, value: V) -> Result<(), RegisterError<A, K, V>> {
        self.table.insert(cx, key, value, false)
    }

    /// All who have the key, in the order of their registration.
    pub fn lookup(&self, key: &K) -> Vec<Entry<A, V>> {
        self.table.entries(key)
    }

    /// Calls `each_of` with all who have the key, in the order of their registration; not at all when there is none. Answers how many
    /// there are. It runs here and now, without a lock: it may cast to them, register or dispatch.
    pub fn dispatch(&self, key: &K, each_of: impl FnOnce(&[Entry<A, V>])) -> usize {
        let entries = self.table.entries(key);
        if !entries.is_empty() {
            each_of(&entries);
        }
        entries.len()
    }
}

impl<A, K, V, U> Registry<A, K, V, U>
where
    A: Actor,
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    U: Keys,
{
    /// A registry of so many partitions.
    pub fn with_partitions(partitions: NonZeroUsize) -> Self {
        Self {
            table: Table::new(partitions),
            keys: PhantomData,
        }
    }

    /// Takes back all registrations of this actor under a key. False when it has none. Those of others are left alone.
    pub fn unregister(&self, cx: &mut Context<A>, key: &K) -> bool {
        self.table.remove(cx.incarnation(), key)
    }

    /// The keys of an actor's incarnation (the present one, unless the ref is pinned), each once, in no order. None of an actor
    /// that has ended, or of another node.
    pub fn keys(&self, actor: &ActorRef<A>) -> Vec<K> {
        match Incarnation::behind(actor) {
            Some(who) if ActorRef::is_alive(actor) => self.table.keys(who),
            _ => Vec::new(),
        }
    }

    /// How many registrations there are. It may count one whose actor is ending.
    pub fn count(&self) -> usize {
        self.table.count()
    }

    /// What `choose` makes of each registration, in no order. It runs without a lock, on a copy of one partition after another:
    /// what is registered meanwhile may be missed.
    pub fn select<T>(&self, mut choose: impl FnMut(&K, &Entry<A, V>) -> Option<T>) -> Vec<T> {
        let mut chosen = Vec::new();
        self.for_each(|key, entry| chosen.extend(choose(key, entry)));
        chosen
    }

    /// Calls `each` with every registration, as [`select`](Self::select) does.
    pub fn for_each(&self, each: impl FnMut(&K, &Entry<A, V>)) {
        self.table.for_each(each);
    }

    /// Is told of every registration from now on, and of its end. See [`Listener`] for what happens when it is slow.
    pub fn listen(&self) -> Listener<A, K, V> {
        self.table.listen()
    }
}

/// As many partitions as threads run at a time; one when that is not known.
fn parallelism() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl<A: Actor, V: Clone> Clone for Entry<A, V> {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
            value: self.value.clone(),
        }
    }
}

impl<A: Actor, V: fmt::Debug> fmt::Debug for Entry<A, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("actor", &self.actor)
            .field("value", &self.value)
            .finish()
    }
}

impl<A: Actor, K, V, U: Keys> Clone for Registry<A, K, V, U> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            keys: PhantomData,
        }
    }
}

impl<A: Actor, K, V, U: Keys> fmt::Debug for Registry<A, K, V, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", A::NAME)
    }
}
