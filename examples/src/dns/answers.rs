//! The zones, and how a query is answered: by the catalogue, unless its zone shall misbehave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_proto::op::{MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{LowerName, Name, RData, RecordType};
use hickory_server::net::runtime::{Time, TokioRuntimeProvider};
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, MessageResponseBuilder, ZoneType};
use tokio::sync::RwLock;

use super::record::absolute;
use super::{Fault, Record};

/// How long an answer without records may be remembered, in seconds.
const NEGATIVE_TTL: u32 = 1;

/// What the server and its owner share.
#[derive(Default)]
pub(super) struct Shared {
    zones: RwLock<Zones>,
    pub(super) srv_queries: AtomicU64,
}

#[derive(Default)]
struct Zones {
    catalog: Catalog,
    zones: BTreeMap<LowerName, Zone>,
}

#[derive(Default)]
struct Zone {
    serial: u32,
    fault: Fault,
    records: Vec<Record>,
}

impl Shared {
    pub(super) async fn set_zone(&self, origin: &str, records: Vec<Record>) {
        let origin = absolute(origin);
        let mut zones = self.zones.write().await;
        let zone = zones.zones.entry(LowerName::from(&origin)).or_default();
        zone.serial += 1;
        zone.records.clone_from(&records);
        let handler = handler(&origin, zone.serial, records);
        zones
            .catalog
            .upsert(LowerName::from(&origin), vec![Arc::new(handler)]);
    }

    pub(super) async fn serial(&self, origin: &str) -> u32 {
        let origin = LowerName::from(absolute(origin));
        self.zones
            .read()
            .await
            .zones
            .get(&origin)
            .map_or(0, |zone| zone.serial)
    }

    pub(super) async fn set_fault(&self, origin: &str, fault: Fault) {
        let origin = LowerName::from(absolute(origin));
        self.zones.write().await.zones.entry(origin).or_default().fault = fault;
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("srv_queries", &self.srv_queries)
            .finish_non_exhaustive()
    }
}

fn handler(origin: &Name, serial: u32, records: Vec<Record>) -> InMemoryZoneHandler<TokioRuntimeProvider> {
    let mut handler = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(origin.clone(), origin.clone(), serial, 60, 60, 3600, NEGATIVE_TTL);
    let soa = hickory_proto::rr::Record::from_rdata(origin.clone(), NEGATIVE_TTL, RData::SOA(soa));
    for record in records.into_iter().map(|record| record.0).chain([soa]) {
        assert!(
            origin.zone_of(&record.name),
            "{} is in the zone {origin}",
            record.name
        );
        handler.upsert_mut(record, serial);
    }
    handler
}

/// The handler that hickory-server calls.
pub(super) struct Answers(pub(super) Arc<Shared>);

#[async_trait::async_trait]
impl RequestHandler for Answers {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response: R,
    ) -> ResponseInfo {
        let zones = self.0.zones.read().await;
        let Ok(info) = request.request_info() else {
            return zones.catalog.handle_request::<R, T>(request, response).await;
        };
        if info.query.query_type() == RecordType::SRV {
            self.0.srv_queries.fetch_add(1, Ordering::Relaxed);
        }
        let name = info.query.name();
        let zone = zones
            .zones
            .iter()
            .find(|(origin, _)| origin.zone_of(name))
            .map(|(_, zone)| zone);
        let fault = zone.map_or(Fault::None, |zone| zone.fault);
        match (fault, info.protocol) {
            (Fault::Silence, _) => none(request),
            (Fault::ServFail, _) => refuse(request, response, ResponseCode::ServFail).await,
            (Fault::Refused, _) => refuse(request, response, ResponseCode::Refused).await,
            (Fault::NxDomain, _) => refuse(request, response, ResponseCode::NXDomain).await,
            (Fault::Truncated, Protocol::Udp) | (Fault::TruncatedForGood, _) => {
                let first = zone.and_then(|zone| {
                    let asked = |record: &&Record| {
                        record.0.record_type() == info.query.query_type()
                            && LowerName::from(&record.0.name) == *name
                    };
                    zone.records.iter().find(asked)
                });
                truncate(request, response, first).await
            }
            _ => zones.catalog.handle_request::<R, T>(request, response).await,
        }
    }
}

async fn refuse<R: ResponseHandler>(request: &Request, mut response: R, code: ResponseCode) -> ResponseInfo {
    let message = MessageResponseBuilder::from_message_request(request).error_msg(&request.metadata, code);
    response
        .send_response(message)
        .await
        .unwrap_or_else(|_| none(request))
}

async fn truncate<R: ResponseHandler>(
    request: &Request,
    mut response: R,
    first: Option<&Record>,
) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.authoritative = true;
    metadata.truncation = true;
    let answers = first.map(|record| &record.0);
    let message = MessageResponseBuilder::from_message_request(request).build(metadata, answers, [], [], []);
    response
        .send_response(message)
        .await
        .unwrap_or_else(|_| none(request))
}

/// What is reported of a query that was not answered.
fn none(request: &Request) -> ResponseInfo {
    let metadata = Metadata::new(request.metadata.id, MessageType::Response, OpCode::Query);
    ResponseInfo::from(hickory_proto::op::Header {
        metadata,
        counts: hickory_proto::op::HeaderCounts::default(),
    })
}
