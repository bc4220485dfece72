//! What `#[message]` makes of a type, and where actors may stand.

use std::sync::Mutex;

use quorate::prelude::*;
use quorate::testing;

/// One posting.
#[message]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// From whom to whom.
    pub parties: (String, String),
    /// How much.
    pub amount: u64,
    /// What for.
    pub kind: Kind,
}

/// What for.
#[message]
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A sale.
    Sale,
    /// A refund of a sale.
    Refund(u64),
    /// Anything else, in words.
    Other(Option<String>),
}

fn entry(amount: u64) -> Entry {
    Entry {
        parties: ("ada".into(), "bob".into()),
        amount,
        kind: Kind::Refund(3),
    }
}

static UNDELIVERED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Remembers the casts that it could not handle.
#[actor(restart = temporary)]
#[derive(Default)]
pub struct Careful;

#[actor]
impl Careful {
    /// Ends.
    pub fn end(&mut self, cx: &mut Context<Self>) {
        cx.stop();
    }

    /// Something to do.
    pub fn work(&mut self, n: u64) {
        let _ = n;
    }

    #[undelivered]
    fn lost(message: CarefulMessage) {
        if let CarefulMessage::Work { n } = message {
            UNDELIVERED.lock().unwrap().push(n);
        }
    }
}

#[test]
fn an_undelivered_cast_comes_to_its_hook() {
    testing::run(async {
        let system = System::new("macros");
        let careful = system.spawn(Careful::spec()).await.unwrap();
        careful.end().cast().unwrap();
        careful.work(7).cast().unwrap();
        ActorRef::exited(&careful).await;
        system.shutdown().await.unwrap();
        assert_eq!(*UNDELIVERED.lock().unwrap(), [7]);
    });
}

#[test]
fn the_shape_of_a_message_is_its_structure_and_not_its_name() {
    mod other {
        use quorate::prelude::*;

        #[message]
        pub(super) struct Posting {
            pub(super) parties: (String, String),
            pub(super) amount: u64,
            pub(super) kind: super::Kind,
        }

        #[message]
        pub(super) struct Renamed {
            pub(super) parties: (String, String),
            pub(super) sum: u64,
            pub(super) kind: super::Kind,
        }
    }
    assert_eq!(Entry::SHAPE, other::Posting::SHAPE);
    assert_ne!(Entry::SHAPE, other::Renamed::SHAPE);
    assert_ne!(Entry::SHAPE, Kind::SHAPE);
}

#[test]
fn a_variant_with_named_fields_is_not_one_without() {
    #[message]
    enum Named {
        Moved { x: u64, y: u64 },
    }

    #[message]
    enum Unnamed {
        Moved(u64, u64),
    }
    assert_ne!(Named::SHAPE, Unnamed::SHAPE);
    let archive = Archive::of(&Named::Moved { x: 1, y: 2 });
    assert!(matches!(archive.to_owned(), Ok(Named::Moved { x: 1, y: 2 })));
    assert!(matches!(
        Archive::of(&Unnamed::Moved(1, 2)).to_owned(),
        Ok(Unnamed::Moved(1, 2))
    ));
}

#[test]
fn an_annotated_message_comes_out_of_its_archive_as_it_went_in() {
    let entry = entry(9);
    let archive = Archive::of(&entry);
    assert_eq!(archive.amount, 9);
    assert_eq!(archive.to_owned().unwrap(), entry);
}

#[test]
fn actors_may_be_declared_in_a_function() {
    testing::run(async {
        #[actor]
        #[derive(Default)]
        struct Inner;

        #[actor]
        impl Inner {
            pub fn echo(&mut self, n: u64) -> u64 {
                n
            }
        }

        let system = System::new("macros");
        let inner = system.spawn(Inner::spec()).await.unwrap();
        assert_eq!(inner.echo(1).await, Ok(1));
        system.shutdown().await.unwrap();
    });
}
