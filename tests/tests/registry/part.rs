//! What the tests of the registry register: an actor that does as it is told, and a hall with both kinds of registries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use quorate::registry::{Duplicate, Listener, RegisterError, RegistryEvent, UpdateError};
use quorate::testing::{Lease, Log};

/// Its count tells who holds it.
pub type Key = Arc<str>;
/// A registry of unique keys.
pub type Keys = Registry<Part, Key, u32>;
/// A registry of duplicate keys.
pub type Topics = Registry<Part, Key, u32, Duplicate>;

/// Registers itself as it is told.
#[actor(restart = temporary)]
pub struct Part {
    keys: Keys,
    topics: Topics,
    heard: Vec<u32>,
}

/// A key that is another's, or one's own.
#[derive(Debug, PartialEq)]
pub struct Taken {
    /// Who has it.
    pub by: ActorRef<Part>,
    /// What was not registered.
    pub value: u32,
}

#[actor(local)]
impl Part {
    #[init]
    fn new(
        keys: Keys,
        topics: Topics,
        at_start: Option<Key>,
        cx: &mut Context<Self>,
    ) -> Result<Self, String> {
        if let Some(key) = at_start {
            keys.register(cx, key, 0).map_err(|error| error.to_string())?;
        }
        Ok(Self {
            keys,
            topics,
            heard: Vec::new(),
        })
    }

    /// Registers itself.
    pub fn register(&mut self, key: Key, value: u32, cx: &mut Context<Self>) -> Result<(), Taken> {
        self.keys.register(cx, key, value).map_err(|error| match error {
            RegisterError::AlreadyRegistered { by, value, .. } => Taken { by, value },
            other => panic!("{other}"),
        })
    }

    /// Sets a value to another, from the one before.
    pub fn double(&mut self, key: Key, cx: &mut Context<Self>) -> Result<u32, UpdateError> {
        self.keys.update_value(cx, &key, |value| value * 2)
    }

    /// Takes a key back.
    pub fn unregister(&mut self, key: Key, cx: &mut Context<Self>) -> bool {
        self.keys.unregister(cx, &key)
    }

    /// Registers itself as one of many.
    pub fn subscribe(&mut self, topic: Key, value: u32, cx: &mut Context<Self>) {
        self.topics
            .register(cx, topic, value)
            .expect("it has no tenure to lose");
    }

    /// Takes all of a topic back.
    pub fn unsubscribe(&mut self, topic: Key, cx: &mut Context<Self>) -> bool {
        self.topics.unregister(cx, &topic)
    }

    /// Loses its tenure, then tries all that has an effect.
    pub fn try_without(&mut self, lease: Lease, seen: Log, cx: &mut Context<Self>) {
        lease.end();
        match self.keys.register(cx, "late".into(), 7) {
            Err(RegisterError::Lapsed { key, value }) => seen.add(format!("{key} {value}")),
            other => panic!("{other:?}"),
        }
        let updated = self.keys.update_value(cx, &"early".into(), |value| value + 1);
        assert_eq!(updated, Err(UpdateError::Lapsed));
    }

    /// Hears.
    pub fn hear(&mut self, what: u32) {
        self.heard.push(what);
    }

    /// What it has heard.
    pub fn heard(&mut self) -> Vec<u32> {
        self.heard.clone()
    }

    /// Panics.
    pub fn crash(&mut self) {
        panic!("crash");
    }

    /// Does not yield until it is let go.
    pub fn block(&mut self, entered: Arc<AtomicBool>, hold: Arc<Mutex<std::sync::mpsc::Receiver<()>>>) {
        entered.store(true, Ordering::SeqCst);
        let _ = hold.lock().unwrap().recv();
    }
}

/// A system and both kinds of registries.
pub struct Hall {
    /// The system.
    pub system: System,
    /// The unique keys.
    pub keys: Keys,
    /// The duplicate keys.
    pub topics: Topics,
}

impl Hall {
    /// A new one, on the present runtime.
    pub fn start() -> Self {
        Self {
            system: System::new("test"),
            keys: Registry::unique(),
            topics: Registry::duplicate(),
        }
    }

    /// The spec of a part that knows both.
    pub fn spec(&self) -> ChildSpec<Part> {
        Part::spec(self.keys.clone(), self.topics.clone(), None)
    }

    /// A part.
    pub async fn part(&self) -> ActorRef<Part> {
        self.system.spawn(self.spec()).await.unwrap()
    }

    /// The values under a duplicate key.
    pub fn values(&self, topic: &Key) -> Vec<u32> {
        let entries = self.topics.lookup(topic);
        entries.iter().map(|entry| entry.value).collect()
    }
}

/// A key.
pub fn key(text: &str) -> Key {
    text.into()
}

/// Makes it panic, and waits for its end.
pub async fn crash(part: &ActorRef<Part>) {
    let (crashed, _) = tokio::join!(part.crash(), ActorRef::exited(part));
    assert!(crashed.is_err());
}

/// All that a listener has been told.
pub fn told(listener: &mut Listener<Part, Key, u32>) -> Vec<String> {
    std::iter::from_fn(|| listener.try_recv())
        .map(|event| match event {
            RegistryEvent::Registered { key, value, .. } => format!("+{key} {value}"),
            RegistryEvent::Unregistered { key, .. } => format!("-{key}"),
            RegistryEvent::Missed(missed) => format!("missed {missed}"),
            other => panic!("{other:?}"),
        })
        .collect()
}
