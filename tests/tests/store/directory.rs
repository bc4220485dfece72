//! The data directory: whose it is, and what is said when it cannot be used.

use std::path::Path;

use quorate_regions::id::RegionName;
use quorate_regions::store::{DataDir, OpenError, Owner, RegionStore, StartError};

use crate::region::{Region, brisk, node, owner};

fn refusal(path: &Path, owner: Owner) -> (OpenError, String) {
    let error = DataDir::open(path, owner)
        .err()
        .expect("the directory is refused");
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    (error, text)
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    for path in [file.clone(), file.join("below")] {
        let (error, text) = refusal(&path, owner(&node("a")));
        assert!(matches!(error, OpenError::NotUsable { .. }), "{error:?}");
        assert!(text.contains("node.data_dir"), "{text}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    DataDir::open(home.path(), owner(&node("a")))
        .unwrap()
        .close()
        .await;
    let file = std::fs::read_dir(home.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (error, text) = refusal(home.path(), owner(&node("a")));
    assert!(matches!(error, OpenError::NotUsable { .. }), "{error:?}");
    assert!(text.contains("node.data_dir"), "{text}");
}

#[tokio::test]
async fn a_directory_of_another_node_region_or_cluster_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let ours = owner(&node("a"));
    DataDir::open(home.path(), ours.clone()).unwrap().close().await;
    let west = RegionName::new("west").unwrap();
    let strangers = [
        (
            "node",
            Owner {
                node: node("b"),
                ..ours.clone()
            },
        ),
        (
            "region",
            Owner {
                region: west,
                ..ours.clone()
            },
        ),
        (
            "cluster",
            Owner {
                cluster: "other".into(),
                ..ours.clone()
            },
        ),
    ];
    for (differs, stranger) in strangers {
        let (error, text) = refusal(home.path(), stranger);
        assert!(
            matches!(error, OpenError::Foreign { what, .. } if what == differs),
            "{error:?}"
        );
        assert!(text.contains("start with an empty one"), "{text}");
    }
    let again = DataDir::open(home.path(), ours).unwrap();
    again.close().await;
}

#[tokio::test]
async fn a_directory_is_open_once() {
    let home = tempfile::tempdir().unwrap();
    let open = DataDir::open(home.path(), owner(&node("a"))).unwrap();
    let (error, text) = refusal(home.path(), owner(&node("a")));
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(text.contains("another process"), "{text}");
    open.close().await;
    DataDir::open(home.path(), owner(&node("a")))
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    DataDir::open(home.path(), owner(&node("a")))
        .unwrap()
        .close()
        .await;
    let file = std::fs::read_dir(home.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let garbage = vec![0xA5; 8_192];
    std::fs::write(&file, &garbage).unwrap();
    let (error, text) = refusal(home.path(), owner(&node("a")));
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(text.contains("move it away"), "{text}");
    assert_eq!(std::fs::read(&file).unwrap(), garbage);
}

#[tokio::test]
async fn an_emptied_directory_is_another_disk() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    let first = DataDir::open(&path, owner(&node("a"))).unwrap();
    let disk = first.disk();
    first.close().await;
    let again = DataDir::open(&path, owner(&node("a"))).unwrap();
    assert_eq!(again.disk(), disk);
    again.close().await;
    std::fs::remove_dir_all(&path).unwrap();
    let wiped = DataDir::open(&path, owner(&node("a"))).unwrap();
    assert_ne!(wiped.disk(), disk);
    wiped.close().await;
}

#[tokio::test]
async fn a_replica_does_not_start_before_its_region_has_formed() {
    let region = Region::stopped(brisk());
    let name = node("a");
    let dir = DataDir::open(region.path(&name), owner(&name)).unwrap();
    let clock = std::sync::Arc::new(Default::default);
    let started = RegionStore::start(dir, brisk(), region.network.transport(name), clock).await;
    assert!(matches!(started, Err(StartError::NotFormed)));
}
