//! [`PartitionSupervisor`]: several actors of one type, each for its part of the keys.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use super::own::own_supervisor;
use super::spec::{SpecProblem, SupervisorSpec};
use crate::actor::{Actor, ActorHandle};
use crate::actor_ref::ActorRef;
use crate::error::StartError;
use crate::raw_ref::RawRef;
use crate::spec::ChildSpec;

/// A supervisor of several `A`s of one spec, among which keys are divided (Elixir: `PartitionSupervisor`).
///
/// Where one actor is a bottleneck, each key has one of them to itself, the same for as long as the supervisor lives. Its strategy is
/// one_for_one; the children's ids are their numbers from 0.
///
/// ```
/// use quorate::prelude::*;
/// use quorate::supervision::PartitionSupervisor;
///
/// /// Counts for its part of the users.
/// #[actor]
/// #[derive(Default)]
/// pub struct Shard {
///     seen: u64,
/// }
///
/// #[actor]
/// impl Shard {
///     /// Counts one.
///     pub fn see(&mut self) -> u64 {
///         self.seen += 1;
///         self.seen
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quorate::Error> {
/// let system = System::new("demo");
/// let shards = system.spawn(PartitionSupervisor::partitions(4, Shard::spec())).await?;
/// assert_eq!(shards.of_number(6).see().await?, 1);
/// assert_eq!(shards.of_number(-2).see().await?, 2, "|-2| mod 4 is 6 mod 4");
/// shards.of("alice").see().await?;
/// system.shutdown().await
/// # }
/// ```
pub struct PartitionSupervisor<A>(PhantomData<fn() -> A>);

impl<A: Actor> PartitionSupervisor<A> {
    /// As many partitions as the runtime has worker threads.
    pub fn spec(spec: ChildSpec<A>) -> SupervisorSpec<Self> {
        Self::counted(None, spec)
    }

    /// So many partitions. None at all is refused at the start, see [`SpecProblem::NoPartitions`].
    pub fn partitions(count: usize, spec: ChildSpec<A>) -> SupervisorSpec<Self> {
        Self::counted(Some(count), spec)
    }

    fn counted(count: Option<usize>, spec: ChildSpec<A>) -> SupervisorSpec<Self> {
        SupervisorSpec::new(move |children| {
            let count = count.unwrap_or_else(|| children.system().runtime().metrics().num_workers());
            if count == 0 {
                return Err(StartError::Spec {
                    child: Self::NAME.into(),
                    problem: SpecProblem::NoPartitions,
                });
            }
            (0..count)
                .map(|number| children.add(&number.to_string(), spec.clone()))
                .collect::<Result<Arc<[ActorRef<A>]>, _>>()
        })
    }
}

/// What an `ActorRef<PartitionSupervisor<A>>` derefs to.
pub struct PartitionSupervisorHandle<A: Actor> {
    raw: RawRef<PartitionSupervisor<A>>,
    partitions: Arc<[ActorRef<A>]>,
}

impl<A: Actor> PartitionSupervisorHandle<A> {
    /// The partition of an integer: `|number|` modulo their count.
    pub fn of_number(&self, number: i64) -> &ActorRef<A> {
        let count = self.partitions.len() as u64;
        &self.partitions[(number.unsigned_abs() % count) as usize]
    }

    /// The partition of any other key, by its hash. The same key may have another partition in another build.
    pub fn of<K: Hash + ?Sized>(&self, key: &K) -> &ActorRef<A> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let count = self.partitions.len() as u64;
        &self.partitions[(hasher.finish() % count) as usize]
    }

    /// All of them, in the order of their numbers.
    pub fn all(&self) -> &[ActorRef<A>] {
        &self.partitions
    }
}

own_supervisor!([A: Actor] PartitionSupervisor<A>, PartitionSupervisorHandle<A>, "quorate::PartitionSupervisor");

impl<A: Actor> ActorHandle<PartitionSupervisor<A>> for PartitionSupervisorHandle<A> {
    fn from_raw(raw: RawRef<PartitionSupervisor<A>>) -> Self {
        let partitions = raw.children();
        Self { raw, partitions }
    }

    fn raw(&self) -> &RawRef<PartitionSupervisor<A>> {
        &self.raw
    }
}

impl<A: Actor> Clone for PartitionSupervisorHandle<A> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            partitions: Arc::clone(&self.partitions),
        }
    }
}

impl<A> fmt::Debug for PartitionSupervisor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartitionSupervisor")
    }
}

impl<A: Actor> fmt::Debug for PartitionSupervisorHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PartitionSupervisorHandle")
            .field(&self.raw)
            .finish()
    }
}
