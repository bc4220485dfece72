//! Messages between two systems over loopback TCP: `remote_cast` and `remote_call_sequential`, beside raw sockets.
//!
//! Each end has a runtime of its own with one thread. A message is `{id, account, amount, memo: 16 bytes}`. `raw_tcp` sends
//! frames of 64 bytes in batches of 64 KiB and only counts them: the floor, without ids, checks, deadlines or typed replies.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use benches::runtime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quorate::prelude::*;
use quorate::wire::{ConnectOptions, Listener, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The threads of each end.
const WORKERS: usize = 1;
/// The size of a raw frame.
const FRAME_BYTES: usize = 64;
/// How much a raw end writes and reads at a time.
const BATCH_BYTES: usize = 64 * 1024;
/// The bound of the accounts' mailbox.
const MAILBOX: usize = 65_536;

static ACCOUNTS: Name<Accounts> = Name::new("accounts");

/// An amount that goes to an account.
#[message]
#[derive(Clone, Copy)]
pub struct Transfer {
    id: u64,
    account: u64,
    amount: u64,
    memo: [u8; 16],
}

impl Transfer {
    fn new(id: u64) -> Self {
        Self {
            id,
            account: id % 1_000,
            amount: id,
            memo: *b"a memo, 16 bytes",
        }
    }
}

/// Counts transfers, which it reads in the receive buffer.
#[actor]
#[derive(Default)]
struct Accounts {
    count: u64,
    total: u64,
}

#[actor]
impl Accounts {
    /// Takes a transfer and answers the total.
    pub fn post(&mut self, transfer: &Archived<Transfer>) -> u64 {
        self.count += 1;
        self.total = self.total.wrapping_add(transfer.amount.to_native());
        self.total
    }

    /// How many transfers there were.
    pub fn count(&mut self) -> u64 {
        self.count
    }
}

/// Two systems, and a ref from one to the other's accounts.
struct Quorate {
    near: Runtime,
    far: Runtime,
    systems: [System; 2],
    _listener: Listener,
    peer: Peer,
    accounts: ActorRef<Accounts>,
}

impl Quorate {
    fn open() -> Self {
        let (near, far) = (runtime(WORKERS), runtime(WORKERS));
        let (far_system, listener) = far.block_on(async {
            let system = System::new("far");
            let spec = Accounts::spec().name(ACCOUNTS).mailbox(MAILBOX);
            system.spawn(spec).await.expect("accounts start");
            let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
                .await
                .expect("a port is free");
            listener.serve("far", &system).expect("the label is free");
            (system, listener)
        });
        let addr = listener.local_addr();
        let (near_system, peer, accounts) = near.block_on(async {
            let system = System::new("near");
            let peer = system
                .connect(addr, ConnectOptions::new("", "far"))
                .await
                .expect("far listens");
            let accounts = peer.lookup(ACCOUNTS).await.expect("accounts are there");
            (system, peer, accounts)
        });
        Self {
            near,
            far,
            systems: [near_system, far_system],
            _listener: listener,
            peer,
            accounts,
        }
    }

    fn close(self) {
        let [near, far] = self.systems;
        self.near.block_on(near.shutdown()).expect("near stops");
        self.far.block_on(far.shutdown()).expect("far stops");
    }
}

/// Runs `work` as an ordinary task and answers how long it took by its own clock.
fn timed(runtime: &Runtime, work: impl Future<Output = Duration> + Send + 'static) -> Duration {
    let task = runtime.spawn(work);
    runtime.block_on(task).expect("a producer does not panic")
}

fn remote_cast(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("remote_cast");
    group.throughput(Throughput::Elements(1));

    let quorate = Quorate::open();
    group.bench_function("quorate", |bencher| {
        bencher.iter_custom(|iters| {
            timed(
                &quorate.near,
                cast_to_actor(quorate.accounts.clone(), quorate.peer.clone(), iters),
            )
        });
    });
    quorate.close();

    let (near, far) = (runtime(WORKERS), runtime(WORKERS));
    let addr = far.block_on(spawn_raw());
    group.bench_function("raw_tcp", |bencher| {
        bencher.iter_custom(|iters| timed(&near, cast_to_raw(addr, iters)));
    });
    group.finish();
}

async fn cast_to_actor(accounts: ActorRef<Accounts>, peer: Peer, iters: u64) -> Duration {
    let before = accounts.count().await.expect("the accounts live");
    let start = Instant::now();
    for id in 0..iters {
        while let Err(CastError::Overloaded(_)) = accounts.post(Transfer::new(id)).cast() {
            peer.ready().await;
        }
    }
    // The last cast may have filled the buffer.
    let after = loop {
        match accounts.count().timeout(Duration::from_mins(1)).await {
            Err(CallError::Overloaded) => peer.ready().await,
            counted => break counted.expect("the accounts live"),
        }
    };
    let took = start.elapsed();
    assert_eq!(after - before, iters, "every cast is counted");
    took
}

async fn cast_to_raw(addr: SocketAddr, iters: u64) -> Duration {
    let mut socket = connect(addr).await;
    let mut batch = Vec::with_capacity(BATCH_BYTES);
    let start = Instant::now();
    for id in 0..iters {
        batch.extend_from_slice(&frame(id, id + 1 == iters));
        if batch.len() == BATCH_BYTES {
            socket.write_all(&batch).await.expect("the other end reads");
            batch.clear();
        }
    }
    socket.write_all(&batch).await.expect("the other end reads");
    let count = read_count(&mut socket).await;
    let took = start.elapsed();
    assert_eq!(count, iters, "every frame is counted");
    took
}

fn remote_call_sequential(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("remote_call_sequential");
    group.throughput(Throughput::Elements(1));

    let quorate = Quorate::open();
    group.bench_function("quorate", |bencher| {
        bencher.iter_custom(|iters| timed(&quorate.near, call_actor(quorate.accounts.clone(), iters)));
    });
    quorate.close();

    let (near, far) = (runtime(WORKERS), runtime(WORKERS));
    let addr = far.block_on(spawn_raw());
    group.bench_function("raw_tcp", |bencher| {
        bencher.iter_custom(|iters| timed(&near, call_raw(addr, iters)));
    });
    group.finish();
}

async fn call_actor(accounts: ActorRef<Accounts>, iters: u64) -> Duration {
    let before = accounts.count().await.expect("the accounts live");
    let start = Instant::now();
    for id in 0..iters {
        accounts
            .post(Transfer::new(id))
            .await
            .expect("the accounts answer");
    }
    let took = start.elapsed();
    let after = accounts.count().await.expect("the accounts live");
    assert_eq!(after - before, iters, "every call is counted");
    took
}

async fn call_raw(addr: SocketAddr, iters: u64) -> Duration {
    let mut socket = connect(addr).await;
    let start = Instant::now();
    let mut count = 0;
    for id in 0..iters {
        socket
            .write_all(&frame(id, true))
            .await
            .expect("the other end reads");
        count = read_count(&mut socket).await;
    }
    let took = start.elapsed();
    assert_eq!(count, iters, "every frame is counted");
    took
}

async fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).await.expect("the other end listens");
    socket.set_nodelay(true).expect("a TCP socket has this option");
    socket
}

/// A frame of a transfer; its first byte says whether it is answered.
fn frame(id: u64, answered: bool) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    frame[0] = u8::from(answered);
    let transfer = Transfer::new(id);
    frame[16..24].copy_from_slice(&transfer.id.to_le_bytes());
    frame[24..32].copy_from_slice(&transfer.account.to_le_bytes());
    frame[32..40].copy_from_slice(&transfer.amount.to_le_bytes());
    frame[40..56].copy_from_slice(&transfer.memo);
    frame
}

async fn read_count(socket: &mut TcpStream) -> u64 {
    let mut frame = [0; FRAME_BYTES];
    socket
        .read_exact(&mut frame)
        .await
        .expect("the other end answers");
    let count: [u8; 8] = frame[..8].try_into().expect("8 bytes");
    u64::from_le_bytes(count)
}

/// Counts the frames of each connection, and answers the count to every frame that asks.
async fn spawn_raw() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve_raw(socket));
        }
    });
    addr
}

async fn serve_raw(mut socket: TcpStream) {
    socket.set_nodelay(true).expect("a TCP socket has this option");
    let mut buffer = vec![0; BATCH_BYTES];
    let (mut filled, mut count, mut total) = (0, 0_u64, 0_u64);
    loop {
        match socket.read(&mut buffer[filled..]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => filled += read,
        }
        let whole = filled - filled % FRAME_BYTES;
        for frame in buffer[..whole].chunks_exact(FRAME_BYTES) {
            count += 1;
            let amount: [u8; 8] = frame[32..40].try_into().expect("8 bytes");
            total = total.wrapping_add(u64::from_le_bytes(amount));
            if frame[0] == 1 {
                let mut answer = [0; FRAME_BYTES];
                answer[..8].copy_from_slice(&count.to_le_bytes());
                answer[8..16].copy_from_slice(&total.to_le_bytes());
                if socket.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

criterion_group!(remote, remote_cast, remote_call_sequential);
criterion_main!(remote);
