//! The kinds of mistakes in a configuration, each with its sentence and its remedy.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::duration::Printed;

/// What is wrong. Its text ends with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The text is not TOML. Nothing else of the file is looked at until it is.
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// The file is longer than a configuration can be.
    TooLong {
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// There is no such key here.
    UnknownKey {
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// All keys that may stand here.
        known: &'static [&'static str],
    },
    /// There is no such environment variable; names that begin with `QUORATE_` are reserved.
    UnknownVariable {
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// The variable could mean either of two keys.
    AmbiguousVariable {
        /// Their paths.
        keys: [String; 2],
    },
    /// The variable's value is not Unicode.
    NotUnicode,
    /// A key that has no default is missing.
    Missing {
        /// A line to write.
        example: &'static str,
    },
    /// A value of another type is needed.
    WrongType {
        /// What it is.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
        /// A value of that type.
        example: &'static str,
    },
    /// No such name is allowed.
    BadName {
        /// The name.
        text: String,
        /// What such a name is made of.
        rule: &'static str,
    },
    /// Not a duration.
    BadDuration {
        /// The text.
        text: String,
        /// A duration that would do.
        example: &'static str,
    },
    /// Not an address.
    BadAddress {
        /// The text.
        text: String,
        /// What is needed.
        expected: &'static str,
        /// An address that would do.
        example: &'static str,
    },
    /// A number out of its range.
    OutOfRange {
        /// The number.
        found: i64,
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// A duration out of its range.
    DurationOutOfRange {
        /// The duration.
        found: Duration,
        /// The shortest that is allowed.
        min: Duration,
        /// The longest that is allowed.
        max: Duration,
    },
    /// Not one of the words that may stand here.
    UnknownWord {
        /// The word.
        text: String,
        /// Those that may stand here.
        words: Vec<&'static str>,
    },
    /// There is no such region.
    UnknownRegion {
        /// The name.
        text: String,
        /// The regions that there are.
        known: Vec<String>,
        /// The region that was probably meant.
        nearest: Option<String>,
    },
    /// A witness cannot host anything.
    WitnessHome {
        /// The region.
        region: String,
        /// Regions that can.
        hosts: Vec<String>,
    },
    /// The entry stands twice in its list.
    Repeated {
        /// The entry.
        text: String,
    },
    /// The list or text is empty.
    Empty {
        /// A value that would do.
        example: &'static str,
    },
    /// An even number of voters.
    EvenVoters {
        /// The number.
        voters: u8,
    },
    /// `initial_voters` does not name as many nodes as vote.
    InitialVoters {
        /// How many it names.
        named: usize,
        /// How many vote.
        voters: u8,
    },
    /// Two regions.
    TwoRegions,
    /// Every region is a witness.
    NoHost,
    /// The lease cannot be renewed through the loss of a region's leader.
    LeaseTooShort {
        /// The lease.
        lease: Duration,
        /// The shortest that would do.
        min: Duration,
        /// `election_max`.
        election_max: Duration,
        /// `heartbeat`.
        heartbeat: Duration,
        /// `stop_budget`.
        stop_budget: Duration,
    },
    /// The lease is longer than `lease_max`.
    LeaseAboveMax {
        /// The lease.
        lease: Duration,
        /// `lease_max`.
        lease_max: Duration,
    },
    /// The call time-out is longer than half of the lease.
    CallTimeout {
        /// The time-out.
        call_timeout: Duration,
        /// The longest that would do.
        max: Duration,
    },
    /// `election_min` is shorter than three heartbeats.
    ElectionTooHasty {
        /// `election_min`.
        election_min: Duration,
        /// `heartbeat`.
        heartbeat: Duration,
    },
    /// `election_max` is less than half again `election_min`, so that elections would collide.
    ElectionTooNarrow {
        /// `election_min`.
        election_min: Duration,
        /// `election_max`.
        election_max: Duration,
    },
    /// The listener could be reached from other machines, and nodes cannot prove themselves there.
    Insecure {
        /// Where it would listen.
        listen: SocketAddr,
    },
    /// The file asks for something that this version cannot do.
    NotYet {
        /// What that is.
        feature: &'static str,
        /// What can be done now.
        instead: &'static str,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what(f)?;
        let asks = matches!(
            self,
            Self::UnknownKey { nearest: Some(_), .. }
                | Self::UnknownVariable { nearest: Some(_) }
                | Self::UnknownRegion { nearest: Some(_), .. }
        );
        f.write_str(if asks {
            "? write instead: "
        } else {
            "; write instead: "
        })?;
        self.instead(f)
    }
}

impl Fault {
    fn what(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => write!(f, "not TOML: {message}"),
            Self::TooLong { bytes_max } => write!(f, "longer than {bytes_max} bytes"),
            Self::UnknownKey { nearest: Some(nearest), .. } => write!(f, "no such key; did you mean `{nearest}`"),
            Self::UnknownKey { nearest: None, .. } => f.write_str("no such key"),
            Self::UnknownVariable { nearest: Some(nearest) } => write!(f, "no such variable; did you mean `{nearest}`"),
            Self::UnknownVariable { nearest: None } => {
                f.write_str("no such variable; names that begin with QUORATE_ override keys of the file")
            }
            Self::AmbiguousVariable { keys: [a, b] } => write!(f, "it could mean `{a}` or `{b}`"),
            Self::NotUnicode => f.write_str("its value is not Unicode"),
            Self::Missing { .. } => f.write_str("missing"),
            Self::WrongType { found, expected, .. } => write!(f, "{expected} is needed, this is {found}"),
            Self::BadName { text, .. } => write!(f, "{text:?} is not a name"),
            Self::BadDuration { text, .. } => write!(f, "{text:?} is not a duration"),
            Self::BadAddress { text, expected, .. } => write!(f, "{text:?} is not {expected}"),
            Self::OutOfRange { found, min, max } => write!(f, "{found} is not between {min} and {max}"),
            Self::DurationOutOfRange { found, min, max } => {
                write!(f, "{} is not between {} and {}", Printed(*found), Printed(*min), Printed(*max))
            }
            Self::UnknownWord { text, .. } => write!(f, "{text:?} has no meaning here"),
            Self::UnknownRegion { text, nearest: Some(nearest), .. } => {
                write!(f, "there is no region {text:?}; did you mean {nearest:?}")
            }
            Self::UnknownRegion { text, nearest: None, .. } => write!(f, "there is no region {text:?}"),
            Self::WitnessHome { region, .. } => write!(f, "{region:?} is a witness, which votes and hosts nothing"),
            Self::Repeated { text } => write!(f, "{text:?} is there twice"),
            Self::Empty { .. } => f.write_str("empty"),
            Self::EvenVoters { voters } => {
                write!(f, "{voters} is even, and survives no more losses than {}", voters.saturating_sub(1))
            }
            Self::InitialVoters { named, voters } => write!(f, "{named} named, and the region has {voters} voters"),
            Self::TwoRegions => f.write_str(
                "two regions cannot both survive the loss of the other: neither of them alone is a majority of regions",
            ),
            Self::NoHost => f.write_str("every region is a witness, so that nothing can run anywhere"),
            Self::LeaseTooShort { lease, election_max, heartbeat, stop_budget, .. } => write!(
                f,
                "a lease of {} cannot be renewed through the loss of a region's leader: \
                 lease >= 16/7 * (election_max {} + heartbeat {} + stop_budget {}) does not hold",
                Printed(*lease),
                Printed(*election_max),
                Printed(*heartbeat),
                Printed(*stop_budget)
            ),
            Self::LeaseAboveMax { lease, lease_max } => {
                write!(f, "a lease of {} is longer than lease_max, {}", Printed(*lease), Printed(*lease_max))
            }
            Self::CallTimeout { call_timeout, .. } => write!(
                f,
                "{} is longer than half of the lease, within which an attempt must end",
                Printed(*call_timeout)
            ),
            Self::ElectionTooHasty { election_min, heartbeat } => write!(
                f,
                "{} is shorter than three heartbeats of {}: one late heartbeat would depose a leader",
                Printed(*election_min),
                Printed(*heartbeat)
            ),
            Self::ElectionTooNarrow { election_min, election_max } => write!(
                f,
                "{} is too close to election_min, {}: voters would stand for election at the same time",
                Printed(*election_max),
                Printed(*election_min)
            ),
            Self::Insecure { listen } => write!(
                f,
                "{listen} is beyond loopback, where nodes must prove themselves by [tls] or [auth] psk, \
                 and this version can do neither yet"
            ),
            Self::NotYet { feature, .. } => write!(f, "this version cannot do {feature}"),
        }
    }

    fn instead(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { .. } => f.write_str("TOML, as described at toml.io"),
            Self::TooLong { .. } => f.write_str("the path of a configuration file"),
            Self::UnknownKey {
                nearest: Some(nearest),
                ..
            } => f.write_str(nearest),
            Self::UnknownKey { nearest: None, known } => write!(f, "one of {}", Words(known)),
            Self::UnknownVariable {
                nearest: Some(nearest),
            } => f.write_str(nearest),
            Self::UnknownVariable { nearest: None } => {
                f.write_str("QUORATE_<SECTION>_<KEY>, for a section and a key that exist, or nothing")
            }
            Self::AmbiguousVariable { .. } => f.write_str("the key, in the file"),
            Self::NotUnicode => f.write_str("text in UTF-8"),
            Self::Missing { example }
            | Self::WrongType { example, .. }
            | Self::BadAddress { example, .. }
            | Self::Empty { example } => f.write_str(example),
            Self::BadName { rule, .. } => f.write_str(rule),
            Self::BadDuration { example, .. } => write!(f, "a number and ms, s, m or h, such as {example}"),
            Self::OutOfRange { min, max, .. } => write!(f, "a number from {min} to {max}"),
            Self::DurationOutOfRange { found, min, max } => {
                write!(f, "\"{}\"", Printed(*if found < min { min } else { max }))
            }
            Self::UnknownWord { words, .. } => write!(f, "{}", Alternatives(words)),
            Self::UnknownRegion {
                nearest: Some(nearest),
                ..
            } => write!(f, "{nearest:?}"),
            Self::UnknownRegion { known, .. } if known.is_empty() => {
                f.write_str("[regions.NAME] sections first")
            }
            Self::UnknownRegion { known, .. } => write!(f, "{}", Alternatives(known)),
            Self::WitnessHome { hosts, .. } if hosts.is_empty() => {
                f.write_str("a region without `witness = true`")
            }
            Self::WitnessHome { hosts, .. } => write!(f, "{}", Alternatives(hosts)),
            Self::Repeated { .. } => f.write_str("it once"),
            Self::EvenVoters { voters } => {
                write!(f, "{} or {}", voters.saturating_sub(1), voters.saturating_add(1))
            }
            Self::InitialVoters { voters, .. } => write!(f, "the names of {voters} nodes"),
            Self::TwoRegions => {
                f.write_str("a third [regions.NAME], with `witness = true` if it shall only vote")
            }
            Self::NoHost => f.write_str("`witness = false` in the regions that shall host"),
            Self::LeaseTooShort { min, .. } => {
                write!(f, "lease = \"{}\" or longer, or shorter elections", Printed(*min))
            }
            Self::LeaseAboveMax { lease, .. } => {
                write!(
                    f,
                    "a shorter lease, or on all nodes lease_max = \"{}\"",
                    Printed(*lease)
                )
            }
            Self::CallTimeout { max, .. } => write!(f, "\"{}\" or shorter", Printed(*max)),
            Self::ElectionTooHasty { heartbeat, .. } => {
                write!(f, "\"{}\" or longer", Printed(heartbeat.saturating_mul(3)))
            }
            Self::ElectionTooNarrow { election_min, .. } => {
                write!(f, "\"{}\" or longer", Printed(election_min.saturating_mul(3) / 2))
            }
            Self::Insecure { listen } => write!(f, "listen = \"127.0.0.1:{}\"", listen.port()),
            Self::NotYet { instead, .. } => f.write_str(instead),
        }
    }
}

/// Prints `a, b, c`.
struct Words<'a>(&'a [&'a str]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            write!(f, "{}{word}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Prints `"a", "b" or "c"`.
struct Alternatives<'a, S>(&'a [S]);

impl<S: AsRef<str>> fmt::Display for Alternatives<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            let separator = match index {
                0 => "",
                last if last + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{:?}", word.as_ref())?;
        }
        Ok(())
    }
}
