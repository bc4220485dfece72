//! A cluster of real nodes in one process: real sockets, real disks, real Raft groups.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use quorate::prelude::*;
use quorate_regions::{Cluster, Config, HandOffTarget};

static COUNTER: Name<Counter> = Name::new("counter");

/// Counts.
#[actor]
#[derive(Default)]
pub struct Counter {
    total: u64,
}

#[actor]
impl Counter {
    /// Adds one; answers the total and the epoch of this instance.
    pub fn add(&mut self, cx: &mut Context<Self>) -> (u64, u64) {
        self.total += 1;
        (self.total, cx.epoch().unwrap_or(0))
    }

    /// Ends this instance.
    pub fn end(&mut self, cx: &mut Context<Self>) {
        cx.stop();
    }
}

const REGIONS: [&str; 3] = ["east", "west", "south"];

fn addresses() -> Vec<SocketAddr> {
    let held: Vec<_> = REGIONS
        .iter()
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    held.iter()
        .map(|listener| listener.local_addr().expect("a bound address"))
        .collect()
}

fn config(region: usize, addresses: &[SocketAddr], dir: &Path) -> Config {
    config_of(region, addresses, dir, "home = [\"east\", \"west\"]")
}

/// A file with these lines about the counter.
fn config_of(region: usize, addresses: &[SocketAddr], dir: &Path, counter: &str) -> Config {
    let own = REGIONS[region];
    let regions: Vec<_> = REGIONS
        .iter()
        .zip(addresses)
        .map(|(name, addr)| {
            format!(
                "[regions.{name}]\nvoters = 1\ndiscovery = {{ method = \"fixed\", nodes = [\"{addr}\"] }}\n"
            )
        })
        .collect();
    let text = format!(
        "[cluster]\nname = \"test\"\n[node]\nname = \"{own}-1\"\nregion = \"{own}\"\nlisten = \"{}\"\ndata_dir = \"{}\"\n\
         [formation]\nstable_margin = \"200ms\"\n[singletons.counter]\n{counter}\n{}",
        addresses[region],
        dir.join(own).display(),
        regions.concat(),
    );
    Config::parse(&text, "test.toml").expect("the configuration is good")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_singleton_starts_at_home_moves_when_asked_and_survives_its_node() {
    let dir = tempfile::tempdir().expect("a directory");
    let addresses = addresses();
    let join = |region| {
        Cluster::builder(config(region, &addresses, dir.path()))
            .singleton(COUNTER, Counter::spec())
            .join()
    };
    let joined = tokio::try_join!(join(0), join(1), join(2));
    let (east, west, south) = joined.expect("all join");

    let counter = south.singleton(COUNTER);
    let (total, first) = counter
        .add()
        .timeout(Duration::from_secs(20))
        .await
        .expect("somebody holds it");
    assert_eq!(total, 1);
    assert_eq!(
        east.singleton(COUNTER)
            .add()
            .await
            .map(|(total, epoch)| (total, epoch == first)),
        Ok((2, true))
    );

    let moved = south
        .hand_off("counter", HandOffTarget::Region("west".parse().expect("a name")))
        .await
        .expect("west takes it");
    assert_eq!(moved.region.as_str(), "west");
    let (total, second) = counter.add().await.expect("it runs in west");
    assert_eq!((total, second), (1, moved.epoch.0));
    assert!(second > first);

    drop(west);
    let (total, third) = counter
        .add()
        .timeout(Duration::from_secs(20))
        .await
        .expect("east takes over");
    assert_eq!(total, 1);
    assert!(third > second);
    east.leave().await.expect("nothing is stuck");
    south.leave().await.expect("nothing is stuck");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_two_files_give_two_scopes_runs_under_one_and_the_other_node_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let addresses = addresses();
    let join = |region, counter: &'static str| {
        Cluster::builder(config_of(region, &addresses, dir.path(), counter))
            .singleton(COUNTER, Counter::spec())
            .join()
    };
    let everywhere = "home = [\"west\"]";
    let joined = tokio::try_join!(
        join(0, "scope = \"region\""),
        join(1, everywhere),
        join(2, everywhere)
    );
    let (east, west, _south) = joined.expect("all join");

    let mut waited = 0;
    loop {
        let statuses = [
            east.status().await.expect("east lives"),
            west.status().await.expect("west lives"),
        ];
        let [east, west] = statuses.map(|status| status.singletons[0].clone());
        let is_held = [&east, &west].map(|singleton| singleton.holder.is_some());
        let differs = [&east, &west].map(|singleton| !singleton.differs.is_empty());
        assert!(is_held != [true; 2], "{east:?} {west:?}");
        if is_held.contains(&true) && is_held == [differs[1], differs[0]] {
            return;
        }
        waited += 1;
        assert!(waited < 300, "{east:?} {west:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_regions_own_singleton_is_not_that_of_another_region_and_runs_at_home_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let addresses = addresses();
    let builder = |region| {
        let counter = "scope = \"region\"\nhome = [\"east\", \"west\"]";
        Cluster::builder(config_of(region, &addresses, dir.path(), counter))
    };
    // East is a home where nobody can run one; in south somebody could, but that is no home.
    let joined = tokio::try_join!(
        builder(0).follow(COUNTER).join(),
        builder(1)
            .singleton(COUNTER, Counter::spec().restart(Restart::Temporary))
            .join(),
        builder(2).singleton(COUNTER, Counter::spec()).join()
    );
    let (east, west, south) = joined.expect("all join");
    let counter = west.singleton(COUNTER);
    let held = || async { counter.add().timeout(Duration::from_secs(20)).await };
    let (_, first) = held().await.expect("west has its own");
    let mut waited = 0;
    while west.status().await.expect("west lives").members.len() < REGIONS.len() {
        waited += 1;
        assert!(waited < 300, "west does not see everyone");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // West knows everyone now, and whoever begins to run a singleton tells where that is.
    counter.end().await.expect("it ends");
    let mut anew = held().await;
    while let Err(CallError::Exited(_)) = anew {
        // It waited behind the end.
        anew = held().await;
    }
    let (_, second) = anew.expect("west begins anew");
    assert!(second > first);
    for elsewhere in [&east, &south] {
        let patience = Duration::from_secs(2);
        let answer = elsewhere.singleton(COUNTER).add().timeout(patience).await;
        assert_eq!(answer, Err(CallError::Timeout), "of {:?}", elsewhere.node());
    }
    assert_eq!(held().await, Ok((2, second)), "nobody else was counted");
}
