//! Messages within a process: the [groups](benches::groups) with all [members](benches::member), by criterion.
//!
//! Two worker threads, or one where the name says so; producers and callers are ordinary tokio tasks. `quorate` is an actor as a user
//! writes it, with its reply ports, deadlines and supervision; `tokio_mpsc` has none of that and is the floor. The peers come with
//! `--features peers`.

use std::time::Duration;

use benches::groups::{GROUPS, Group};
use benches::member::{self, Member, Visit};
use benches::stage::Stage;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

/// A group that is being measured.
struct Measured<'a> {
    group: Group,
    criterion: BenchmarkGroup<'a, WallTime>,
}

impl Visit for Measured<'_> {
    fn visit<M: Member>(&mut self) {
        // Opened when the first sample is wanted: the filter may leave this one out.
        let mut stage: Option<Stage<M>> = None;
        self.criterion.bench_function(M::NAME, |bencher| {
            let stage = stage.get_or_insert_with(|| Stage::open(self.group));
            bencher.iter_custom(|messages| stage.run(messages));
        });
        if let Some(stage) = stage {
            stage.close();
        }
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for group in GROUPS {
        let mut measured = Measured {
            group,
            criterion: criterion.benchmark_group(group.name),
        };
        measured.criterion.throughput(Throughput::Elements(1));
        member::each(&mut measured);
        measured.criterion.finish();
    }
    criterion.final_summary();
}
