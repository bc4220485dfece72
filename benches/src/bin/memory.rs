//! Bytes for each idle actor, before and after its first message.
//!
//! `cargo run --release -p benches --features peers --bin memory` measures 100,000 and 1,000,000 actors; other numbers may follow `--`. Each
//! figure comes from a process of its own. `heap` is what was asked of the allocator and not given back, `resident` is by how much the
//! process has grown, in which the allocator's own overhead and its holes are contained. Both have the actor, its mailbox, its state of
//! four words, what the framework keeps beside it, and one ref in a vector.

use std::alloc::System;
use std::time::Duration;
use std::{env, fs, process, thread};

use benches::WORKERS;
use benches::host::Host;
use benches::member::{self, Counter, Member, Visit};
use benches::tally::Witness;
use futures_util::future::join_all;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::task::yield_now;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is measured when no numbers are given.
const ACTORS: [usize; 2] = [100_000, 1_000_000];
/// How many actors are started before the host may catch up.
const BATCH: usize = 256;
/// How long the heap must have stood still before the bytes are counted.
const REST: Duration = Duration::from_secs(1);
/// For how many of these spans it is waited.
const RESTS_MAX: usize = 120;
/// The first argument of the processes that measure.
const MEASURE: &str = "--measure";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, name, actors] = arguments.as_slice()
        && first == MEASURE
    {
        let name = name.clone();
        return member::each(&mut Measuring {
            name,
            actors: number(actors),
        });
    }
    let mut actors: Vec<usize> = arguments.iter().map(|argument| number(argument)).collect();
    if actors.is_empty() {
        actors.extend(ACTORS);
    }
    println!("Bytes for each idle actor\n");
    println!("| member | actors | heap | resident | heap after a message | resident after a message |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut failed = false;
    for actors in actors {
        let mut table = Table {
            actors,
            failed: false,
        };
        member::each(&mut table);
        failed |= table.failed;
    }
    process::exit(i32::from(failed));
}

fn number(argument: &str) -> usize {
    argument.replace(['_', ','], "").parse().unwrap_or_else(|_| {
        eprintln!("usage: memory [ACTORS]...: {argument:?} is not a number of actors");
        process::exit(2)
    })
}

/// Prints a line for each member, which a process of its own has measured.
struct Table {
    actors: usize,
    failed: bool,
}

impl Visit for Table {
    fn visit<M: Member>(&mut self) {
        let this = env::current_exe().expect("the system knows which program this is");
        let output = process::Command::new(this)
            .args([MEASURE, M::NAME, &self.actors.to_string()])
            .stderr(process::Stdio::inherit())
            .output()
            .expect("the same program runs again");
        let figures = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            println!("| {} | {} | {} |", M::NAME, self.actors, figures.trim());
        } else {
            println!(
                "| {} | {} | not measured: {} |",
                M::NAME,
                self.actors,
                output.status
            );
        }
    }
}

/// Measures the member of this name, and prints the four figures.
struct Measuring {
    name: String,
    actors: usize,
}

impl Visit for Measuring {
    fn visit<M: Member>(&mut self) {
        if M::NAME != self.name {
            return;
        }
        let host = M::Host::open(WORKERS);
        let member = M::open(&host);
        let (witness, _last) = Witness::new();
        let base = rest();
        let refs = start(&host, &member, &witness, self.actors);
        let idle = rest();
        let refs = call(&host, refs);
        let called = rest();
        assert_eq!(witness.ended(), 0, "all actors live");
        let [idle, called] = [idle, called].map(|used| used.since(&base).per(self.actors));
        println!(
            "{} | {} | {} | {}",
            idle.heap, idle.resident, called.heap, called.resident
        );
        drop(refs);
        // A million actors need not be taken down one by one.
        process::exit(0);
    }
}

/// Starts the actors, an equal part from each seat.
fn start<M: Member>(host: &M::Host, member: &M, witness: &Witness, actors: usize) -> Vec<Vec<M::Counter>> {
    let parts = (0..WORKERS).map(|seat| {
        let (member, witness) = (member.clone(), witness.clone());
        let part = actors / WORKERS + usize::from(seat < actors % WORKERS);
        host.spawn(seat, async move {
            let mut refs = Vec::with_capacity(part);
            while refs.len() < part {
                refs.push(member.counter(seat, witness.clone()).await);
                if refs.len() % BATCH == 0 {
                    yield_now().await;
                }
            }
            refs
        })
    });
    let parts: Vec<_> = parts.collect();
    let parts = host.block_on(join_all(parts)).into_iter();
    parts.map(|refs| refs.expect("all actors start")).collect()
}

/// Calls each actor once.
fn call<H: Host, C: Counter>(host: &H, refs: Vec<Vec<C>>) -> Vec<Vec<C>> {
    let parts = refs.into_iter().enumerate().map(|(seat, refs)| {
        host.spawn(seat, async move {
            for counter in &refs {
                assert_eq!(counter.call(1).await, 1, "it is the first message");
            }
            refs
        })
    });
    let parts: Vec<_> = parts.collect();
    let parts = host.block_on(join_all(parts)).into_iter();
    parts.map(|refs| refs.expect("all actors answer")).collect()
}

/// What the process uses, in bytes.
struct Used {
    heap: usize,
    resident: usize,
}

/// Leaves the host alone until the heap stands still, and counts.
fn rest() -> Used {
    let mut before = heap();
    for _ in 0..RESTS_MAX {
        thread::sleep(REST);
        let now = heap();
        if now == before {
            let resident = resident().unwrap_or(0);
            return Used { heap: now, resident };
        }
        before = now;
    }
    panic!("the heap does not come to rest")
}

fn heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Linux's count of the memory that the process has, in bytes.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

impl Used {
    fn since(&self, base: &Self) -> Self {
        Self {
            heap: self.heap.saturating_sub(base.heap),
            resident: self.resident.saturating_sub(base.resident),
        }
    }

    fn per(&self, actors: usize) -> Self {
        let actors = actors.max(1);
        Self {
            heap: self.heap / actors,
            resident: self.resident / actors,
        }
    }
}
