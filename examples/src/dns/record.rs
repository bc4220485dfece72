//! The records that the examples and tests need.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::rdata::{A, AAAA, SRV};
use hickory_proto::rr::{Name, RData};

/// A record of a zone.
#[derive(Clone, Debug)]
pub struct Record(pub(super) hickory_proto::rr::Record);

impl Record {
    /// `owner ttl SRV 0 0 port target`. The TTL is in seconds.
    ///
    /// # Panics
    ///
    /// When a name is no DNS name.
    pub fn srv(owner: &str, ttl: u32, target: &str, port: u16) -> Self {
        Self::new(owner, ttl, RData::SRV(SRV::new(0, 0, port, absolute(target))))
    }

    /// `owner ttl A ip`. The TTL is in seconds.
    ///
    /// # Panics
    ///
    /// When `owner` is no DNS name.
    pub fn a(owner: &str, ttl: u32, ip: impl Into<Ipv4Addr>) -> Self {
        Self::new(owner, ttl, RData::A(A(ip.into())))
    }

    /// `owner ttl AAAA ip`. The TTL is in seconds.
    ///
    /// # Panics
    ///
    /// When `owner` is no DNS name.
    pub fn aaaa(owner: &str, ttl: u32, ip: impl Into<Ipv6Addr>) -> Self {
        Self::new(owner, ttl, RData::AAAA(AAAA(ip.into())))
    }

    fn new(owner: &str, ttl: u32, data: RData) -> Self {
        Self(hickory_proto::rr::Record::from_rdata(absolute(owner), ttl, data))
    }
}

/// Reads a name as absolute, with or without its final dot.
pub(super) fn absolute(name: &str) -> Name {
    let dot = if name.ends_with('.') { "" } else { "." };
    Name::from_ascii(format!("{name}{dot}"))
        .unwrap_or_else(|error| panic!("{name:?} is no DNS name: {error}"))
}
