//! The counter of the README with its annotations expanded by hand: what `#[actor]` and `#[supervisor]` generate, and a proof that it is enough.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    clippy::match_single_binding
)] // Generated code is.

use std::time::Duration;

use quorate::__private as q;
use quorate::prelude::*;

// ---- #[actor(restart = transient, mailbox = 1024)] on the struct -------------------------------------------------------------

/// A running total.
#[derive(Default)]
pub struct Counter {
    total: u64,
}

impl q::ActorPolicy for Counter {
    const POLICY: q::Policy = q::Policy {
        restart: q::Restart::Transient,
        mailbox: 1024,
        ..q::Policy::DEFAULT
    };
}

// ---- #[actor] on the impl ------------------------------------------------------------------------------------------------

impl Counter {
    /// Adds `n` and answers the new total.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }

    pub async fn reset(&mut self, cx: &mut Context<Self>) {
        let _ = cx.me();
        self.total = 0;
    }

    /// Reads in place.
    pub fn post(&mut self, entry: &Archived<Vec<u64>>, note: &str) -> Result<u64, String> {
        if note.is_empty() {
            return Err("a note is needed".to_owned());
        }
        self.total += entry.iter().map(|n| n.to_native()).sum::<u64>();
        Ok(self.total)
    }

    /// Answers later.
    pub fn later(&mut self, reply: ReplyPort<u64>) {
        reply.send(self.total);
    }
}

/// The messages of [`Counter`].
#[derive(Debug)]
pub enum CounterMessage {
    /// Adds `n` and answers the new total.
    Add {
        n: u64,
    },
    Reset,
    Post {
        entry: q::Archive<Vec<u64>>,
        note: q::Text,
    },
    Later,
}

#[doc(hidden)]
pub enum __CounterEnvelope {
    Add {
        n: u64,
        __reply: q::ReplyPort<u64>,
    },
    Reset {
        __reply: q::ReplyPort<()>,
    },
    Post {
        entry: q::Archive<Vec<u64>>,
        note: q::Text,
        __reply: q::ReplyPort<Result<u64, String>>,
    },
    Later {
        __reply: q::ReplyPort<u64>,
    },
}

/// The requests of a [`Counter`].
#[derive(Clone)]
pub struct CounterHandle(q::RawRef<Counter>);

impl q::ActorHandle<Counter> for CounterHandle {
    fn from_raw(raw: q::RawRef<Counter>) -> Self {
        Self(raw)
    }
    fn raw(&self) -> &q::RawRef<Counter> {
        &self.0
    }
}

impl CounterHandle {
    /// Adds `n` and answers the new total.
    pub fn add(&self, n: u64) -> q::Request<'_, __CounterAdd> {
        q::Request::new(&self.0, __CounterAdd { args: (n,) })
    }
    pub fn reset(&self) -> q::Request<'_, __CounterReset> {
        q::Request::new(&self.0, __CounterReset { args: () })
    }
    pub fn post(
        &self,
        entry: impl q::IntoArchived<Vec<u64>>,
        note: impl Into<q::Text>,
    ) -> q::Request<'_, __CounterPost> {
        q::Request::new(
            &self.0,
            __CounterPost {
                args: (entry.into_archived(), note.into()),
            },
        )
    }
    pub fn later(&self) -> q::Request<'_, __CounterLater> {
        q::Request::new(&self.0, __CounterLater { args: () })
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct __CounterAdd {
    args: (u64,),
}
#[doc(hidden)]
#[derive(Debug)]
pub struct __CounterReset {
    args: (),
}
#[doc(hidden)]
#[derive(Debug)]
pub struct __CounterPost {
    args: (q::Archive<Vec<u64>>, q::Text),
}
#[doc(hidden)]
#[derive(Debug)]
pub struct __CounterLater {
    args: (),
}

impl q::Method for __CounterAdd {
    type Actor = Counter;
    type Reply = u64;
    const NAME: &'static str = "add";
    const WIRE: Option<q::MethodWire<Self>> = Some(q::MethodWire {
        id: q::shape::message_id(<Counter as q::Actor>::NAME, "add"),
        shape: q::shape::message_shape(<(u64,) as q::Arguments>::SHAPE, <u64 as q::Message>::SHAPE),
        encode: |this, buf| q::Arguments::encode(&this.args, buf),
        decode_reply: q::decode_reply::<u64>,
    });
    fn into_envelope(self, port: q::ReplyPort<u64>) -> __CounterEnvelope {
        let (n,) = self.args;
        __CounterEnvelope::Add { n, __reply: port }
    }
    fn from_envelope(envelope: __CounterEnvelope) -> Option<Self> {
        match envelope {
            __CounterEnvelope::Add { n, .. } => Some(Self { args: (n,) }),
            _ => None,
        }
    }
}

impl q::Method for __CounterReset {
    type Actor = Counter;
    type Reply = ();
    const NAME: &'static str = "reset";
    const WIRE: Option<q::MethodWire<Self>> = Some(q::MethodWire {
        id: q::shape::message_id(<Counter as q::Actor>::NAME, "reset"),
        shape: q::shape::message_shape(<() as q::Arguments>::SHAPE, <() as q::Message>::SHAPE),
        encode: |this, buf| q::Arguments::encode(&this.args, buf),
        decode_reply: q::decode_reply::<()>,
    });
    fn into_envelope(self, port: q::ReplyPort<()>) -> __CounterEnvelope {
        let () = self.args;
        __CounterEnvelope::Reset { __reply: port }
    }
    fn from_envelope(envelope: __CounterEnvelope) -> Option<Self> {
        match envelope {
            __CounterEnvelope::Reset { .. } => Some(Self { args: () }),
            _ => None,
        }
    }
}

impl q::Method for __CounterPost {
    type Actor = Counter;
    type Reply = Result<u64, String>;
    const NAME: &'static str = "post";
    const WIRE: Option<q::MethodWire<Self>> = Some(q::MethodWire {
        id: q::shape::message_id(<Counter as q::Actor>::NAME, "post"),
        shape: q::shape::message_shape(
            <(q::Archive<Vec<u64>>, q::Text) as q::Arguments>::SHAPE,
            <Result<u64, String> as q::Message>::SHAPE,
        ),
        encode: |this, buf| q::Arguments::encode(&this.args, buf),
        decode_reply: q::decode_reply::<Result<u64, String>>,
    });
    fn into_envelope(self, port: q::ReplyPort<Result<u64, String>>) -> __CounterEnvelope {
        let (entry, note) = self.args;
        __CounterEnvelope::Post {
            entry,
            note,
            __reply: port,
        }
    }
    fn from_envelope(envelope: __CounterEnvelope) -> Option<Self> {
        match envelope {
            __CounterEnvelope::Post { entry, note, .. } => Some(Self { args: (entry, note) }),
            _ => None,
        }
    }
}

impl q::Method for __CounterLater {
    type Actor = Counter;
    type Reply = u64;
    const NAME: &'static str = "later";
    const WIRE: Option<q::MethodWire<Self>> = Some(q::MethodWire {
        id: q::shape::message_id(<Counter as q::Actor>::NAME, "later"),
        shape: q::shape::message_shape(<() as q::Arguments>::SHAPE, <u64 as q::Message>::SHAPE),
        encode: |this, buf| q::Arguments::encode(&this.args, buf),
        decode_reply: q::decode_reply::<u64>,
    });
    fn into_envelope(self, port: q::ReplyPort<u64>) -> __CounterEnvelope {
        let () = self.args;
        __CounterEnvelope::Later { __reply: port }
    }
    fn from_envelope(envelope: __CounterEnvelope) -> Option<Self> {
        match envelope {
            __CounterEnvelope::Later { .. } => Some(Self { args: () }),
            _ => None,
        }
    }
}

impl q::Actor for Counter {
    type Message = CounterMessage;
    type Envelope = __CounterEnvelope;
    type Handle = CounterHandle;
    const POLICY: q::Policy = <Self as q::ActorPolicy>::POLICY;
    const NAME: &'static str = concat!(env!("CARGO_PKG_NAME"), "::", "Counter");
    const METHODS: &'static [&'static str] = &["add", "reset", "post", "later"];
    const WIRE: Option<q::ActorWire<Self>> = Some(q::ActorWire {
        methods: &[
            q::IncomingMethod {
                name: "add",
                id: q::shape::message_id(<Counter as q::Actor>::NAME, "add"),
                shape: q::shape::message_shape(<(u64,) as q::Arguments>::SHAPE, <u64 as q::Message>::SHAPE),
                decode: |body, port| {
                    let (n,) = q::decode::<(u64,)>(&body)?;
                    let port = q::ReplyPort::remote(port, q::encode_reply::<u64>);
                    Ok(__CounterEnvelope::Add { n, __reply: port })
                },
            },
            q::IncomingMethod {
                name: "reset",
                id: q::shape::message_id(<Counter as q::Actor>::NAME, "reset"),
                shape: q::shape::message_shape(<() as q::Arguments>::SHAPE, <() as q::Message>::SHAPE),
                decode: |body, port| {
                    let () = q::decode::<()>(&body)?;
                    let port = q::ReplyPort::remote(port, q::encode_reply::<()>);
                    Ok(__CounterEnvelope::Reset { __reply: port })
                },
            },
            q::IncomingMethod {
                name: "post",
                id: q::shape::message_id(<Counter as q::Actor>::NAME, "post"),
                shape: q::shape::message_shape(
                    <(q::Archive<Vec<u64>>, q::Text) as q::Arguments>::SHAPE,
                    <Result<u64, String> as q::Message>::SHAPE,
                ),
                decode: |body, port| {
                    let (entry, note) = q::decode::<(q::Archive<Vec<u64>>, q::Text)>(&body)?;
                    let port = q::ReplyPort::remote(port, q::encode_reply::<Result<u64, String>>);
                    Ok(__CounterEnvelope::Post {
                        entry,
                        note,
                        __reply: port,
                    })
                },
            },
            q::IncomingMethod {
                name: "later",
                id: q::shape::message_id(<Counter as q::Actor>::NAME, "later"),
                shape: q::shape::message_shape(<() as q::Arguments>::SHAPE, <u64 as q::Message>::SHAPE),
                decode: |body, port| {
                    let () = q::decode::<()>(&body)?;
                    let port = q::ReplyPort::remote(port, q::encode_reply::<u64>);
                    Ok(__CounterEnvelope::Later { __reply: port })
                },
            },
        ],
    });

    async fn handle(&mut self, envelope: __CounterEnvelope, cx: &mut Context<Self>) {
        match envelope {
            __CounterEnvelope::Add { n, __reply } => __reply.send(self.add(n)),
            __CounterEnvelope::Reset { __reply } => {
                let reply = self.reset(cx).await;
                __reply.send(reply);
            }
            // A method that returns a `Result` ends in `finish_result`.
            __CounterEnvelope::Post { entry, note, __reply } => {
                let reply = self.post(&entry, &note);
                __reply.finish_result(<Self as q::Actor>::NAME, "post", reply);
            }
            // A method with a `ReplyPort` gets the port itself.
            __CounterEnvelope::Later { __reply } => self.later(__reply),
        }
    }

    fn into_message(envelope: __CounterEnvelope) -> CounterMessage {
        match envelope {
            __CounterEnvelope::Add { n, .. } => CounterMessage::Add { n },
            __CounterEnvelope::Reset { .. } => CounterMessage::Reset,
            __CounterEnvelope::Post { entry, note, .. } => CounterMessage::Post { entry, note },
            __CounterEnvelope::Later { .. } => CounterMessage::Later,
        }
    }

    fn from_message(message: CounterMessage) -> __CounterEnvelope {
        match message {
            CounterMessage::Add { n } => __CounterEnvelope::Add {
                n,
                __reply: q::ReplyPort::none(),
            },
            CounterMessage::Reset => __CounterEnvelope::Reset {
                __reply: q::ReplyPort::none(),
            },
            CounterMessage::Post { entry, note } => __CounterEnvelope::Post {
                entry,
                note,
                __reply: q::ReplyPort::none(),
            },
            CounterMessage::Later => __CounterEnvelope::Later {
                __reply: q::ReplyPort::none(),
            },
        }
    }

    fn port(envelope: &mut __CounterEnvelope) -> &mut dyn q::Port {
        match envelope {
            __CounterEnvelope::Add { __reply, .. } => __reply,
            __CounterEnvelope::Reset { __reply } => __reply,
            __CounterEnvelope::Post { __reply, .. } => __reply,
            __CounterEnvelope::Later { __reply } => __reply,
        }
    }

    fn method_index(envelope: &__CounterEnvelope) -> usize {
        match envelope {
            __CounterEnvelope::Add { .. } => 0,
            __CounterEnvelope::Reset { .. } => 1,
            __CounterEnvelope::Post { .. } => 2,
            __CounterEnvelope::Later { .. } => 3,
        }
    }
}

impl Counter {
    /// How a [`Counter`] is started. Without `#[init]`, from its `Default`.
    pub fn spec() -> q::ChildSpec<Self> {
        q::ChildSpec::new(<Self as Default>::default)
    }
}

// ---- #[supervisor] ---------------------------------------------------------------------------------------------------------

/// Two counters.
pub struct Shop {
    pub first: Counter,
    pub second: Counter,
}

impl q::Supervisor for Shop {
    const FLAGS: q::Flags = q::Flags {
        intensity: 3,
        period: Duration::from_secs(5),
        ..q::Flags::DEFAULT
    };
}

/// The children of a [`Shop`].
#[derive(Clone)]
pub struct ShopHandle {
    __raw: q::RawRef<Shop>,
    pub first: ActorRef<Counter>,
    pub second: ActorRef<Counter>,
}

impl q::ActorHandle<Shop> for ShopHandle {
    fn from_raw(raw: q::RawRef<Shop>) -> Self {
        let (first, second) = raw.children::<(ActorRef<Counter>, ActorRef<Counter>)>();
        Self {
            __raw: raw,
            first,
            second,
        }
    }
    fn raw(&self) -> &q::RawRef<Shop> {
        &self.__raw
    }
}

impl q::Actor for Shop {
    type Message = q::SupervisorMessage;
    type Envelope = q::SupervisorMessage;
    type Handle = ShopHandle;
    const POLICY: q::Policy = q::Policy::DEFAULT;
    const NAME: &'static str = concat!(env!("CARGO_PKG_NAME"), "::", "Shop");
    const WIRE: Option<q::ActorWire<Self>> = None;
    async fn handle(&mut self, envelope: q::SupervisorMessage, _: &mut Context<Self>) {
        match envelope {
            _ => {}
        }
    }
    fn into_message(envelope: q::SupervisorMessage) -> q::SupervisorMessage {
        envelope
    }
    fn from_message(message: q::SupervisorMessage) -> q::SupervisorMessage {
        message
    }
    fn port(envelope: &mut q::SupervisorMessage) -> &mut dyn q::Port {
        envelope.port()
    }
}

impl Shop {
    /// How a [`Shop`] is started: one spec for each child, in order.
    pub fn spec(
        first: impl q::Spec<Actor = Counter> + 'static,
        second: impl q::Spec<Actor = Counter> + 'static,
    ) -> q::SupervisorSpec<Self> {
        q::SupervisorSpec::new(move |children| {
            let first = children.add("first", first)?;
            let second = children.add("second", second)?;
            Ok((first, second))
        })
    }
}

// ---- tests -----------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_counter_program_runs() -> Result<(), quorate::Error> {
    let system = System::new("demo");
    let counter = system.spawn(Counter::spec()).await?;
    assert_eq!(counter.add(2).await?, 2);
    assert_eq!(counter.add(3).timeout(Duration::from_millis(500)).await?, 5);
    counter.reset().cast()?;
    assert_eq!(counter.add(1).await?, 1);
    assert_eq!(counter.post(vec![1, 2], "two").await?, Ok(4));
    assert_eq!(
        counter.post(&vec![1, 2], "").await?,
        Err("a note is needed".to_owned())
    );
    assert_eq!(counter.later().await?, 4);
    ActorRef::send(&counter, CounterMessage::Add { n: 6 })?;
    assert_eq!(counter.later().await?, 10);
    system.shutdown().await
}

#[tokio::test]
async fn a_supervisors_ref_has_its_childrens_refs_as_fields() -> Result<(), quorate::Error> {
    let system = System::new("demo");
    let shop = system.spawn(Shop::spec(Counter::spec(), Counter::spec())).await?;
    assert_eq!(shop.first.add(2).await?, 2);
    assert_eq!(shop.second.add(3).await?, 3);
    system.shutdown().await?;
    assert_eq!(shop.first.add(1).await, Err(CallError::Gone));
    Ok(())
}

#[test]
fn the_messages_travel_through_their_archives() {
    let wire = <__CounterPost as q::Method>::WIRE.unwrap();
    let post = __CounterPost {
        args: (q::IntoArchived::into_archived(vec![1_u64, 2]), "note".into()),
    };
    let mut buf = q::FrameBuf::new();
    (wire.encode)(&post, &mut buf).unwrap();
    let body = q::Body::from_buf(buf);
    let (entry, note) = q::decode::<(q::Archive<Vec<u64>>, q::Text)>(&body).unwrap();
    assert_eq!(entry.to_owned().unwrap(), [1, 2]);
    assert_eq!(&*note, "note");
    let incoming = <Counter as q::Actor>::WIRE
        .unwrap()
        .methods
        .iter()
        .find(|m| m.id == wire.id)
        .unwrap();
    assert_eq!((incoming.name, incoming.shape), ("post", wire.shape));
}
