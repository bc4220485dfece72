//! The story that the driver tells, step by step. What it promises is judged at the end, from the report.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tempfile::TempDir;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::cast::{Cast, LEDGER};
use super::harm::{self, Observed};
use super::{finish, moves};
use crate::dns::{DnsServer, Record};
use crate::three_regions::layout::{
    CALLER, DOMAIN, LEASE_SECS, Layout, OPERATOR, REGIONS, SINGLETON, srv_name,
};
use crate::three_regions::lines::Order;
use crate::three_regions::promises::{Broken, broken};
use crate::three_regions::straggler::Straggler;
use crate::three_regions::timeline::{Grouped, Timeline};

/// How long everyone may take to form a cluster, or to come back to it.
const FORM_WITHIN: Duration = Duration::from_secs(30);
/// How long the singleton may take to answer for the first time.
const PLACED_WITHIN: Duration = Duration::from_secs(15);
/// How long an answer to an order may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing is done between two steps, so that a step is not about the one before.
pub(crate) const QUIET: Duration = Duration::from_secs(2);
/// How long everyone has to leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// How often a node is asked who is a member.
const STATUS_EVERY: Duration = Duration::from_millis(100);
/// The deadline of a call, but for the hand-off.
pub(crate) const DEADLINE_MS: u64 = 500;
/// How long a DNS answer may be kept, in seconds.
const TTL_SECS: u32 = 1;

/// Runs the main job.
///
/// # Errors
///
/// The system's error when it cannot even begin, or the report cannot be written.
pub(in crate::three_regions) async fn drive(report_file: Option<&Path>, keep: bool) -> io::Result<ExitCode> {
    let timeline = Timeline::start();
    let dir = tempfile::Builder::new().prefix("three-regions-").tempdir()?;
    let dns = DnsServer::start().await?;
    let mut cast = Cast::new(timeline, Layout::create(dir.path(), dns.addr())?);
    let mut observed = Observed::default();
    let mut breaches = Vec::new();

    let told = tokio::select! {
        told = story(&mut cast, &dns, &mut observed) => told,
        signal = interrupted() => Err(Broken::new("whole", format!("the run was interrupted by {signal}"))),
    };
    if let Err(fatal) = told {
        breaches.push(fatal);
    }
    cast.end().await;
    let (report, more) = finish::report(&cast, &observed);
    if let Some(path) = report_file {
        report.write(path)?;
    }
    breaches.extend(more);
    breaches.extend(broken(&report));
    finish::summary(&cast, &report);
    Ok(leave_behind(cast, observed, &breaches, dir, keep))
}

/// What is left when all has been told: the ends of some logs and all files, if they are of interest, and the verdict, which is the last
/// thing that is said: of a long output often only the end is kept. What is broken stands on stderr.
pub(crate) fn leave_behind(
    cast: Cast,
    mut observed: Observed,
    breaches: &[Broken],
    dir: TempDir,
    keep: bool,
) -> ExitCode {
    if breaches.is_empty() {
        cast.timeline.heading("Every promise was kept.");
    } else {
        observed.interesting.extend(cast.seen.suspect);
        finish::logs(&cast.layout, &observed.interesting);
    }
    if keep || !breaches.is_empty() {
        eprintln!(
            "configurations, data, records and logs are in {}",
            dir.keep().display()
        );
    }
    for breach in breaches {
        eprintln!("broken promise: {breach}");
    }
    if breaches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Waits for ctrl-c or SIGTERM.
pub(crate) async fn interrupted() -> &'static str {
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        Ok(()) = ctrl_c() => "ctrl-c",
        _ = term.recv() => "SIGTERM",
    }
}

async fn story(cast: &mut Cast, dns: &DnsServer, observed: &mut Observed) -> Result<(), Broken> {
    form(cast, dns, observed).await?;
    let straggler = Straggler::new(cast.layout.ledger);
    place(cast).await?;
    harm::kill_the_holder(cast, observed, &straggler).await?;
    harm::kill_the_region(cast, observed, &straggler).await?;
    harm::bring_it_back(cast).await?;
    harm::hand_it_home(cast, observed, &straggler).await?;
    harm::pause_the_holder(cast, observed, &straggler).await?;
    end(cast).await
}

pub(crate) async fn form(cast: &mut Cast, dns: &DnsServer, observed: &mut Observed) -> Result<(), Broken> {
    let timeline = cast.timeline;
    timeline.heading(format_args!(
        "Nine nodes in three regions: {}. A lease lasts {LEASE_SECS} s.",
        REGIONS.join(", ")
    ));
    for region in REGIONS {
        serve_zone(&cast.layout, dns, region).await;
        timeline.say(format_args!(
            "DNS at {} answers for {}",
            dns.addr(),
            srv_name(region)
        ));
    }
    cast.start_ledger()?;
    let ready = |cast: &Cast| cast.is_ready(LEDGER);
    cast.wait_for("processes-live", "an open ledger", FORM_WITHIN, ready)
        .await?;
    timeline.say(format_args!("the ledger is open at {}", cast.layout.ledger));
    let names: Vec<String> = cast.layout.nodes.iter().map(|node| node.name.clone()).collect();
    for name in &names {
        cast.start_node(name)?;
    }
    observed.nodes = u32::try_from(names.len()).unwrap_or(u32::MAX);
    timeline.say(format_args!(
        "{} node processes started; each knows the regions' DNS names and no other node",
        names.len()
    ));
    members(cast, &names).await?;
    everyone_is_seen(cast).await
}

async fn serve_zone(layout: &Layout, dns: &DnsServer, region: &str) {
    let zone = format!("{region}.{DOMAIN}");
    let records = layout.region(region).flat_map(|node| {
        let host = format!("{}.{zone}", node.name);
        let IpAddr::V4(ip) = node.listen.ip() else {
            unreachable!("layouts have addresses of 127/8 only")
        };
        [
            Record::srv(&srv_name(region), TTL_SECS, &host, node.listen.port()),
            Record::a(&host, TTL_SECS, ip),
        ]
    });
    dns.set_zone(&zone, records.collect::<Vec<_>>()).await;
}

/// Waits until all of these are members, and tells each.
pub(super) async fn members(cast: &mut Cast, names: &[String]) -> Result<(), Broken> {
    let mut left = names.to_vec();
    let end = Instant::now() + FORM_WITHIN;
    while !left.is_empty() {
        let what = format!(
            "{} as {} of the cluster",
            left.join(", "),
            if left.len() == 1 { "a member" } else { "members" }
        );
        let limit = end.saturating_duration_since(Instant::now());
        let any = |cast: &Cast| left.iter().any(|name| cast.is_ready(name));
        cast.wait_for("cluster-forms", &what, limit, any).await?;
        let (ready, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|name| cast.is_ready(name));
        left = rest;
        cast.timeline.say(format_args!("{} joined", ready.join(", ")));
    }
    Ok(())
}

/// Waits until a node sees everyone as a member, and tells it.
pub(super) async fn everyone_is_seen(cast: &mut Cast) -> Result<(), Broken> {
    let end = Instant::now() + FORM_WITHIN;
    loop {
        cast.seen.status.remove(OPERATOR);
        cast.order(OPERATOR, &Order::Status).await?;
        let answered = |cast: &Cast| cast.seen.status.contains_key(OPERATOR);
        cast.wait_for("status", "a node's status", ANSWER_WITHIN, answered)
            .await?;
        let status = cast.seen.status.get(OPERATOR).cloned().unwrap_or_default();
        let unseen = cast.layout.nodes.iter().find(|node| !status.contains(&node.name));
        match unseen {
            Some(node) if Instant::now() > end => {
                let sentence = format!(
                    "{OPERATOR} does not see {} as a member; it sees {status}",
                    node.name
                );
                return Err(Broken::new("cluster-forms", sentence));
            }
            Some(_) => cast.watch(STATUS_EVERY).await?,
            None => {
                cast.timeline.say(format_args!("{OPERATOR} sees everyone:"));
                status.lines().for_each(|line| cast.timeline.more(line));
                return Ok(());
            }
        }
    }
}

pub(crate) async fn place(cast: &mut Cast) -> Result<(), Broken> {
    let answered = |cast: &Cast| cast.seen.calls.newest().is_some();
    cast.wait_for("calls", "a first answer of billing", PLACED_WITHIN, answered)
        .await?;
    let holder = moves::holder(cast)?;
    cast.timeline.say(format_args!(
        "{SINGLETON} answers: {}, epoch {}",
        holder.node,
        Grouped(holder.epoch)
    ));
    cast.timeline.say(format_args!(
        "{CALLER} calls it every 20 ms; a call has {DEADLINE_MS} ms and is never repeated"
    ));
    cast.watch(QUIET).await
}

pub(crate) async fn end(cast: &mut Cast) -> Result<(), Broken> {
    cast.timeline.heading("The end.");
    cast.order(CALLER, &Order::EndCalls).await?;
    let ended = |cast: &Cast| cast.seen.calls_ended;
    cast.wait_for("calls", "the end of the calls", ANSWER_WITHIN, ended)
        .await?;
    let stayed = cast.leave(LEAVE_WITHIN).await;
    if stayed.is_empty() {
        cast.timeline.say("everyone has left");
    } else {
        // Whoever holds something gives it back to a majority of regions, and these are leaving as well.
        let stayed = stayed.join(", ");
        cast.timeline.say(format_args!(
            "everyone has left but {stayed}: nobody was left to give things back to; killed"
        ));
    }
    Ok(())
}
