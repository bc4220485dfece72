//! A supervision tree: a crash, a restart, an escalation and an ordered stop. `cargo run --example supervision_tree`.
//!
//! It ends by itself; with `-- --stay` it goes on until Ctrl-C or SIGTERM, and stops in the same order.

use std::io::IsTerminal;

use quorate::prelude::*;
use tokio::signal::unix::{SignalKind, signal};

/// Keeps the books.
#[actor]
struct Ledger {
    path: String,
    balance: u64,
}

#[actor]
impl Ledger {
    #[init]
    fn open(path: String) -> Self {
        println!("  ledger opens {path}");
        Self { path, balance: 0 }
    }

    /// Books an amount and answers the balance.
    pub fn book(&mut self, cents: u64) -> u64 {
        self.balance += cents;
        self.balance
    }

    #[stopped]
    fn close(&mut self, reason: &ExitReason) {
        println!("  ledger {reason} and closes {}", self.path);
    }
}

/// Takes payments; a payment of nothing is more than it can bear.
#[actor(restart = transient)]
struct Payments {
    ledger: ActorRef<Ledger>,
}

#[actor]
impl Payments {
    #[init]
    fn open(cx: &mut Context<Self>) -> Result<Self, &'static str> {
        let ledger = cx.whereis(LEDGER).ok_or("there is no ledger")?;
        println!("  payments open");
        Ok(Self { ledger })
    }

    /// Takes an amount.
    pub async fn pay(&mut self, cents: u64) -> Result<u64, String> {
        assert!(cents > 0, "a payment of nothing");
        self.ledger.book(cents).await.map_err(|error| error.to_string())
    }

    #[stopped]
    fn close(&mut self, reason: &ExitReason) {
        println!("  payments {reason}");
    }
}

/// What one customer wants.
#[actor(restart = temporary)]
struct Cart {
    customer: u64,
}

#[actor]
impl Cart {
    #[init]
    fn open(customer: u64) -> Self {
        Self { customer }
    }

    /// Whose it is.
    pub fn customer(&mut self) -> u64 {
        self.customer
    }
}

static LEDGER: Name<Ledger> = Name::new("ledger");

/// Payments lean on the ledger: when it ends, they are restarted too. Two crashes in five seconds are one too many.
#[supervisor(strategy = rest_for_one, intensity = 1, period = "5s")]
struct Shop {
    #[child]
    ledger: Ledger,
    #[child(shutdown = "2s")]
    payments: Payments,
    #[child(max_children = 10_000)]
    carts: DynamicSupervisor<Cart>,
    #[child]
    jobs: TaskSupervisor,
}

/// Above the shop: it decides when the shop gives up.
#[supervisor]
struct Town {
    #[child]
    shop: Shop,
}

/// Pays, again while the shop that gave up is on its way back: until then its places answer `Gone`.
async fn pay(payments: &ActorRef<Payments>, cents: u64) -> u64 {
    loop {
        if let Ok(Ok(balance)) = payments.pay(cents).await {
            return balance;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), quorate::Error> {
    let mut terminated = signal(SignalKind::terminate()).expect("a signal handler can be set");
    std::panic::set_hook(Box::new(|_| {})); // the tree tells it

    let system = System::new("demo");
    println!("It starts in order:");
    let shop = Shop::spec(Ledger::spec("books".into()).name(LEDGER), Payments::spec());
    let town = system.spawn(Town::spec(shop)).await?;
    town.shop.carts.start(Cart::spec(7)).await?;
    println!("{}\n", system.tree().await);

    println!("A payment of nothing crashes payments. The ledger, before it, is not touched:");
    println!("  balance {}", pay(&town.shop.payments, 250).await);
    println!("  {}", town.shop.payments.pay(0).await.unwrap_err());
    println!("  balance {}", pay(&town.shop.payments, 50).await);
    println!("{}\n", system.tree().await);

    println!(
        "A second crash within five seconds is one too many: the shop gives up, the town starts it again."
    );
    let ended = ActorRef::pin(&town.shop);
    println!("  {}", town.shop.payments.pay(0).await.unwrap_err());
    ActorRef::exited(&ended).await;
    println!("  balance {}", pay(&town.shop.payments, 1).await);
    println!("{}\n", system.tree().await);

    if std::env::args().any(|arg| arg == "--stay") {
        if std::io::stdout().is_terminal() {
            println!("It goes on until Ctrl-C or SIGTERM (pid {}).", std::process::id());
        }
        tokio::select! {
            _ = terminated.recv() => println!("SIGTERM."),
            _ = tokio::signal::ctrl_c() => println!("Ctrl-C."),
        }
    }
    println!("It stops against the order:");
    println!("  {}", system.shutdown_report().await);
    Ok(())
}
