//! The singleton: it charges orders, one after the other, and writes each charge to the ledger.
//!
//! Around every effect it writes down what it does (see [`record`](super::record)); that and nothing else
//! decides in the end whether there were ever two of it.

use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use quorate::prelude::*;

use super::clock::now_ns;
use super::layout::SINGLETON;
use super::ledger::{self, Ledger, Refusal};
use super::record::{Instance, Recorder};
use super::report::End;

/// The name of the singleton.
pub static BILLING: Name<Billing> = Name::new(SINGLETON);

/// What every instance on a node begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The node.
    pub node: String,
    /// Where the ledger listens.
    pub ledger: SocketAddr,
    /// Where instances write down what they do.
    pub recorder: Recorder,
    /// Whether the node is about to leave: an instance that is stopped otherwise is handed off.
    pub leaving: Arc<AtomicBool>,
}

/// An instance of the singleton.
#[actor(shutdown = "2s")]
pub struct Billing {
    setup: Setup,
    epoch: u64,
    ledger: ActorRef<Ledger>,
    instance: Instance,
}

#[actor]
impl Billing {
    #[init]
    async fn open(setup: Setup, cx: &mut Context<Self>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let epoch = cx.epoch().ok_or("billing runs as a singleton only")?;
        let ledger = ledger::find(cx.system(), setup.ledger).await?;
        // The last thing before the first message.
        let instance = setup.recorder.begin(epoch);
        Ok(Self {
            setup,
            epoch,
            ledger,
            instance,
        })
    }

    /// Charges an order: answers once the ledger has it.
    pub async fn charge(
        &mut self,
        order: u64,
        cents: u64,
        reply: ReplyPort<Result<Receipt, Declined>>,
        cx: &mut Context<Self>,
    ) {
        let outcome = match self.enter(order, cents).await {
            Ok(Ok(balance_cents)) => Ok(Receipt {
                epoch: self.epoch,
                node: self.setup.node.clone(),
                balance_cents,
            }),
            Ok(Err(refusal)) => Err(Declined::Refused(refusal)),
            Err(error) => Err(Declined::NoLedger(error.to_string())),
        };
        self.answer(reply, outcome, cx);
    }

    /// Writes to the ledger. The message leaves at the first poll of the call, so that is what is written down.
    async fn enter(&self, order: u64, cents: u64) -> Result<Result<u64, Refusal>, CallError> {
        let mut call = pin!(self.ledger.enter(order, cents).into_future());
        let mut offer = Some(self.instance.offer());
        poll_fn(|task| {
            let polled = call.as_mut().poll(task);
            if let Some(offer) = offer.take() {
                match &polled {
                    Poll::Ready(Err(CallError::Lapsed)) => offer.kept(),
                    _ => offer.left(),
                }
            }
            polled
        })
        .await
    }

    /// Answers the caller, unless the lease is over.
    fn answer(
        &self,
        reply: ReplyPort<Result<Receipt, Declined>>,
        outcome: Result<Receipt, Declined>,
        cx: &Context<Self>,
    ) {
        let at_ns = now_ns();
        if !cx.may_act() {
            // The runtime would refuse it. The caller is told so.
            return reply.send(outcome);
        }
        let offer = self.instance.offer_at(at_ns);
        reply.send(outcome);
        if cx.may_act() {
            offer.left();
        }
    }

    #[stopped]
    fn stopped(&mut self) {
        let leaving = self.setup.leaving.load(Ordering::Acquire);
        self.instance
            .ends(if leaving { End::Stopped } else { End::HandedOff });
    }
}

/// The answer to a charge.
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The epoch of the instance.
    pub epoch: u64,
    /// Its node.
    pub node: String,
    /// The ledger's balance.
    pub balance_cents: u64,
}

/// Why an order was not charged.
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The ledger refused it.
    Refused(Refusal),
    /// The ledger did not answer.
    NoLedger(String),
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quorate::wire::Listener;
    use quorate::{Tenure, Validity};

    use super::super::record;
    use super::*;

    /// A lease that ends when the test says so.
    struct Lease(AtomicBool);

    impl Validity for Lease {
        fn is_valid(&self) -> bool {
            self.0.load(Ordering::Acquire)
        }
    }

    struct Bench {
        dir: tempfile::TempDir,
        lease: Arc<Lease>,
        system: System,
        billing: ActorRef<Billing>,
        _ledger: (System, Listener),
    }

    impl Bench {
        async fn start() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let ledger = ledger::open(([127, 0, 0, 1], 0).into()).await.unwrap();
            let lease = Arc::new(Lease(AtomicBool::new(true)));
            let setup = Setup {
                node: "us-east-1".to_owned(),
                ledger: ledger.1.local_addr(),
                recorder: Recorder::create(&Self::record(dir.path())).unwrap(),
                leaving: Arc::new(AtomicBool::new(false)),
            };
            let system = System::new("shop");
            let tenure = Tenure::new("billing", 7, Arc::clone(&lease) as Arc<dyn Validity>);
            let billing = system.spawn(Billing::spec(setup).tenure(tenure)).await.unwrap();
            Self {
                dir,
                lease,
                system,
                billing,
                _ledger: ledger,
            }
        }

        fn record(dir: &Path) -> std::path::PathBuf {
            dir.join("billing.record")
        }

        fn tenure(&self) -> record::Tenure {
            let text = std::fs::read_to_string(Self::record(self.dir.path())).unwrap();
            let tenures = record::read(&text).unwrap();
            assert_eq!(tenures.len(), 1, "{text}");
            tenures[0]
        }
    }

    #[tokio::test]
    async fn a_charge_is_two_effects_and_both_are_written_down() {
        let bench = Bench::start().await;
        let before = now_ns();
        let receipt = bench.billing.charge(1, 100).await.unwrap().unwrap();
        assert_eq!(
            (receipt.epoch, &*receipt.node, receipt.balance_cents),
            (7, "us-east-1", 100)
        );
        bench.system.shutdown().await.unwrap();
        let tenure = bench.tenure();
        assert_eq!(
            (tenure.epoch, tenure.effects, tenure.end),
            (7, 2, Some(End::HandedOff))
        );
        assert!(tenure.from_ns < before && tenure.to_ns > before);
    }

    #[tokio::test]
    async fn after_its_lease_it_has_no_effect_and_has_lapsed() {
        let bench = Bench::start().await;
        bench.billing.charge(1, 100).await.unwrap().unwrap();
        bench.lease.0.store(false, Ordering::Release);
        let over = now_ns();
        assert!(bench.billing.charge(2, 100).await.is_err());
        bench.system.shutdown().await.unwrap();
        let tenure = bench.tenure();
        assert_eq!((tenure.effects, tenure.end), (2, Some(End::Lapsed)));
        assert!(tenure.to_ns < over);
    }
}
