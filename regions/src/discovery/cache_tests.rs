//! Tables for the cache: what each kind of answer does to the contacts and to the next deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn target(name: &str) -> HostPort {
    HostPort {
        host: name.into(),
        port: 7400,
    }
}

fn addr(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 7400))
}

/// `"a=1 b="`: target a with the address 10.0.0.1, target b without one.
fn found(text: &str, ttl: Duration) -> Lookup {
    let parse = |word: &str| {
        let (name, last) = word.split_once('=').expect("name=address in a test");
        (
            target(name),
            last.parse().map(addr).into_iter().collect::<BTreeSet<_>>(),
        )
    };
    Lookup::Found {
        targets: text.split_whitespace().map(parse).collect::<BTreeMap<_, _>>(),
        ttl,
    }
}

fn empty(ttl: Duration) -> Lookup {
    Lookup::Empty {
        error: DiscoveryError::NoRecords { name: "n".into() },
        ttl,
    }
}

fn failed() -> Lookup {
    Lookup::Failed(DiscoveryError::Refused {
        name: "n".into(),
        code: "SERVFAIL".into(),
    })
}

/// `"a=1 b=2?"`: the `?` marks what is not listed.
fn shown(cache: &Cache) -> String {
    let contact = |contact: &Contact| {
        let last = contact
            .addrs
            .iter()
            .map(|addr| addr.ip().to_string().replace("10.0.0.", ""));
        let mark = if contact.listed { "" } else { "?" };
        format!(
            "{}={}{mark}",
            contact.target.host,
            last.collect::<Vec<_>>().join("+")
        )
    };
    cache
        .contacts()
        .all
        .iter()
        .map(contact)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_first_lookup_is_due_at_once() {
    let now = Instant::now();
    let cache = Cache::new(now);
    assert_eq!(cache.next_deadline(), now);
    assert_eq!(cache.contacts(), Contacts::default());
}

#[test]
fn an_answer_lasts_for_its_ttl_within_bounds() {
    let now = Instant::now();
    for (lookup, wait) in [
        (found("a=1", Duration::ZERO), REFRESH_MIN),
        (found("a=1", 5 * SECOND), 5 * SECOND),
        (found("a=1", 86_400 * SECOND), REFRESH_MAX),
        (found("a=", 40 * SECOND), RETRY_MAX),
        (empty(Duration::ZERO), REFRESH_MIN),
        (empty(3600 * SECOND), EMPTY_REFRESH_MAX),
    ] {
        let mut cache = Cache::new(now);
        cache.handle_lookup(now, lookup.clone());
        assert_eq!(cache.next_deadline() - now, wait, "{lookup:?}");
        assert!(cache.contacts().answered);
    }
}

#[test]
fn failures_are_retried_ever_more_slowly_up_to_a_bound() {
    let now = Instant::now();
    let mut cache = Cache::new(now);
    for ms in [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
        cache.handle_lookup(now, failed());
        assert_eq!(cache.next_deadline() - now, Duration::from_millis(ms));
    }
    for _ in 0..100 {
        cache.handle_lookup(now, failed());
    }
    assert_eq!(cache.next_deadline() - now, RETRY_MAX);
    assert!(!cache.contacts().answered);
    cache.handle_lookup(now, found("a=1", 5 * SECOND));
    cache.handle_lookup(now, failed());
    assert_eq!(
        cache.next_deadline() - now,
        RETRY_MIN,
        "an answer ends the row of failures"
    );
}

#[test]
fn what_each_lookup_leaves_behind() {
    let cases: &[(&str, &[Lookup], &str)] = &[
        ("an answer lists", &[found("a=1 b=2", SECOND)], "a=1 b=2"),
        (
            "an answer unlists what it does not name",
            &[found("a=1 b=2", SECOND), found("b=2 c=3", SECOND)],
            "a=1? b=2 c=3",
        ),
        (
            "a failure keeps all",
            &[found("a=1 b=2", SECOND), failed()],
            "a=1 b=2",
        ),
        (
            "no records unlist, and keep",
            &[found("a=1 b=2", SECOND), empty(SECOND)],
            "a=1? b=2?",
        ),
        (
            "what is back is listed again",
            &[found("a=1", SECOND), empty(SECOND), found("a=1", SECOND)],
            "a=1",
        ),
        (
            "a new address replaces the old",
            &[found("a=1", SECOND), found("a=2", SECOND)],
            "a=2",
        ),
        (
            "a lost address stays",
            &[found("a=1", SECOND), found("a=", SECOND)],
            "a=1",
        ),
        (
            "a target without an address is a contact",
            &[found("a=", SECOND)],
            "a=",
        ),
        ("a failure at first leaves nothing", &[failed()], ""),
    ];
    for (name, lookups, contacts) in cases {
        let now = Instant::now();
        let mut cache = Cache::new(now);
        for lookup in *lookups {
            cache.handle_lookup(now, lookup.clone());
        }
        assert_eq!(shown(&cache), *contacts, "{name}");
    }
}

#[test]
fn a_contact_is_forgotten_only_by_an_answer_that_names_others() {
    let start = Instant::now();
    let mut cache = Cache::new(start);
    cache.handle_lookup(start, found("a=1 b=2", SECOND));
    cache.handle_lookup(start + SECOND, found("b=2", SECOND));
    let late = start + FORGET_AFTER;
    for lookup in [failed(), empty(SECOND)] {
        cache.handle_lookup(late, lookup);
        assert!(shown(&cache).contains("a=1?"), "{}", shown(&cache));
    }
    assert_eq!(
        cache.handle_lookup(late, found("b=2", SECOND)),
        [
            Event::Listed(target("b")),
            Event::Forgotten(target("a")),
            Event::Recovered
        ]
    );
    assert_eq!(shown(&cache), "b=2");
}

#[test]
fn contacts_are_bounded_and_the_listed_come_first() {
    let now = Instant::now();
    let many = |prefix: &str| {
        let targets =
            (0..CONTACTS_MAX).map(|n| (target(&format!("{prefix}{n:03}")), BTreeSet::from([addr(1)])));
        Lookup::Found {
            targets: targets.collect(),
            ttl: SECOND,
        }
    };
    let mut cache = Cache::new(now);
    cache.handle_lookup(now, many("a"));
    cache.handle_lookup(now + SECOND, many("b"));
    assert_eq!(cache.contacts().all.len(), CONTACTS_MAX);
    assert!(cache.contacts().all.iter().all(|contact| contact.listed));

    let Lookup::Found { mut targets, ttl } = many("c") else {
        unreachable!("it was just made")
    };
    targets.insert(target("d"), BTreeSet::new());
    cache.handle_lookup(now + 2 * SECOND, Lookup::Found { targets, ttl });
    assert_eq!(cache.contacts().all.len(), CONTACTS_MAX);
    let error = cache
        .contacts()
        .last_error
        .expect("it is said that some are left out");
    assert_eq!(
        *error,
        DiscoveryError::TooMany {
            named: CONTACTS_MAX + 1,
            used: CONTACTS_MAX
        }
    );
}

#[test]
fn trouble_is_told_once_and_so_is_its_end() {
    let now = Instant::now();
    let mut cache = Cache::new(now);
    cache.handle_lookup(now, found("a=1", SECOND));
    assert!(matches!(
        cache.handle_lookup(now, failed())[..],
        [Event::Trouble(_)]
    ));
    assert_eq!(cache.handle_lookup(now, failed()), []);
    assert!(matches!(
        cache.handle_lookup(now, empty(SECOND))[..],
        [Event::Unlisted(_), Event::Trouble(_)]
    ));
    assert_eq!(
        cache.handle_lookup(now, found("a=1", SECOND)),
        [Event::Listed(target("a")), Event::Recovered]
    );
    let events = cache.handle_lookup(now, found("a=1 b= c=", SECOND));
    let error = DiscoveryError::Unresolved {
        target: target("b"),
        more: 1,
    };
    assert_eq!(
        events,
        [
            Event::Listed(target("b")),
            Event::Listed(target("c")),
            Event::Trouble(Arc::new(error))
        ]
    );
}

#[test]
fn a_wanted_refresh_comes_soon_but_never_in_a_busy_loop() {
    let now = Instant::now();
    let mut cache = Cache::new(now);
    cache.handle_lookup(now, found("a=1", 60 * SECOND));
    cache.handle_refresh(now);
    assert_eq!(cache.next_deadline(), now + RETRY_MIN);
    let mut cache = Cache::new(now);
    cache.handle_lookup(now, found("a=1", 60 * SECOND));
    cache.handle_refresh(now + 2 * SECOND);
    assert_eq!(cache.next_deadline(), now + 2 * SECOND);
    cache.handle_refresh(now + 3 * SECOND);
    assert_eq!(
        cache.next_deadline(),
        now + 2 * SECOND,
        "what is due is not put off"
    );
}
