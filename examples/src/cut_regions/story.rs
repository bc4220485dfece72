//! The run: a cluster on the cut network, one scene after the other, and the verdict.

use std::io;
use std::process::ExitCode;

use super::able::Unable;
use super::checks::answered_by_its_own_region;
use super::network::{self, HUB, LEDGER};
use super::scenes;
use super::stage::{self, Stage};
use crate::dns::DnsServer;
use crate::three_regions::driver::cast::Cast;
use crate::three_regions::driver::{finish, story};
use crate::three_regions::layout::{HOMES, Layout, NodePlan};
use crate::three_regions::promises::{Broken, broken};
use crate::three_regions::report::Report;
use crate::three_regions::straggler::Straggler;
use crate::three_regions::till::TILL;
use crate::three_regions::timeline::Timeline;

/// The promises of the main job that hold whatever is done.
const ALWAYS: [&str; 5] = [
    "schema",
    "one-holder",
    "epochs-grow",
    "one-node-per-epoch",
    "nine-nodes",
];

/// Lays the network and plays every scene.
pub(super) async fn drive(keep: bool) -> ExitCode {
    let set = async {
        let nodes = network::nodes()?;
        if let Err(unable) = network::lay(&nodes) {
            return Ok(Err(unable));
        }
        let dir = tempfile::Builder::new().prefix("cut-regions-").tempdir()?;
        let dns = DnsServer::start_at(HUB).await?;
        let layout = Layout::of(dir.path(), nodes, LEDGER, dns.addr(), &tills())?;
        io::Result::Ok(Ok((dir, dns, layout)))
    };
    let (dir, dns, layout) = match set.await {
        Ok(Ok(set)) => set,
        Ok(Err(unable)) => return unable.report(),
        Err(error) => return Unable(error.to_string()).report(),
    };
    let mut stage = Stage::new(Cast::new(Timeline::start(), layout), Straggler::new(LEDGER));
    let told = tokio::select! {
        told = play(&mut stage, &dns) => told,
        signal = story::interrupted() => Err(Broken::new("whole", format!("the run was interrupted by {signal}"))),
    };
    stage.cast.end().await;

    let mut breaches: Vec<Broken> = told.err().into_iter().collect();
    let (report, more) = finish::report(&stage.cast, &stage.observed);
    breaches.append(&mut stage.broken);
    breaches.extend(more);
    breaches.extend(
        broken(&report)
            .into_iter()
            .filter(|it| ALWAYS.contains(&it.promise)),
    );
    breaches.extend(stale_writes(&report));
    breaches.extend(strange_tills(&stage.cast));
    let timeline = stage.cast.timeline;
    finish::intervals(timeline, &report);
    timeline.heading("What was measured:");
    stage.figures.iter().for_each(|line| timeline.more(line));
    story::leave_behind(stage.cast, stage.observed, &breaches, dir, keep)
}

async fn play(stage: &mut Stage, dns: &DnsServer) -> Result<(), Broken> {
    story::form(&mut stage.cast, dns, &mut stage.observed).await?;
    story::place(&mut stage.cast).await?;
    scenes::region_cut_off(stage).await?;
    scenes::cut_from_one_region(stage).await?;
    scenes::cut_from_a_majority(stage).await?;
    scenes::all_apart(stage).await?;
    scenes::caller_cut_off(stage).await?;
    scenes::region_falls_apart(stage).await?;
    story::end(&mut stage.cast).await
}

/// What the configuration says about the tills.
fn tills() -> String {
    format!(
        "\n[singletons.{}]\nscope = \"region\"\nhome = {HOMES:?}\n",
        TILL.as_str()
    )
}

/// Of all nodes that ring a till, those that rang another region's.
fn strange_tills(cast: &Cast) -> Vec<Broken> {
    let ringing = cast.layout.nodes.iter().filter(|node| node.till);
    let strange = |node: &NodePlan| {
        let own = cast.layout.region(node.region);
        let own: Vec<_> = own.map(|it| it.name.as_str()).collect();
        let name = format!("the till at {}", node.name);
        answered_by_its_own_region(&name, &own, stage::till(cast, node))
    };
    ringing.filter_map(strange).collect()
}

fn stale_writes(report: &Report) -> Option<Broken> {
    let (offered, refused) = (report.stale_writes_offered, report.fenced_writes_refused);
    (refused != offered).then(|| {
        let sentence = format!("of {offered} writes with an epoch that was over, {refused} were refused");
        Broken::new("stale-writes-are-refused", sentence)
    })
}

#[cfg(test)]
mod tests {
    use quorate_regions::config::{Config, Scope};

    use super::*;

    #[test]
    fn every_node_can_read_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::of(dir.path(), network::nodes().unwrap(), LEDGER, LEDGER, &tills()).unwrap();
        for node in &layout.nodes {
            let config = Config::load(layout.config_file(node)).unwrap();
            assert_eq!(config.node.listen, node.listen);
            assert_eq!(config.singleton(TILL.as_str()).scope, Scope::Region);
        }
    }
}
