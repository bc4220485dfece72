//! openraft's own suite for storages, run on this one.

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use super::super::disk::{DataDir, Owner};
use super::Types;
use super::log::Log;
use super::state::StateMachine;
use crate::id::{NodeName, RegionName};
use crate::lease::Time;

struct Fresh;

impl StoreBuilder<Types, Log, StateMachine, TempDir> for Fresh {
    async fn build(&self) -> Result<(TempDir, Log, StateMachine), StorageError<Types>> {
        let home = tempfile::tempdir().expect("a temporary directory");
        let owner = Owner {
            cluster: "suite".into(),
            region: RegionName::new("east").expect("a name"),
            node: NodeName::new("a").expect("a name"),
        };
        let dir = DataDir::open(home.path(), owner).expect("an empty directory opens");
        let (_, loaded, writer) = dir.into_parts();
        let log = Log::new(
            loaded.vote,
            loaded.committed,
            loaded.purged,
            loaded.entries,
            writer.clone(),
        );
        let state = StateMachine::load(loaded.snapshot, std::sync::Arc::new(|| Time(1)), writer)
            .expect("nothing is to be loaded");
        Ok((home, log, state))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_does_what_the_engine_asks_of_one() {
    Suite::test_all(Fresh).await.expect("the suite passes");
}
