//! The region's group on this node: does what formation says, runs the replica, and takes part in making the regions one cluster.
//!
//! One task owns everything here. It decides nothing: [`Formation`] decides how the group comes to be, [`ClusterFormation`] how the regions come
//! together, the replica's log what is so. Commands are carried out in their order; what follows a write to disk waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use quorate::ReplyPort;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::clock::HostClock;
use crate::config::HostPort;
use crate::discovery::Contacts;
use crate::formation::{
    Ask, ClusterCommand, ClusterFormation, ClusterSettings, Command, Formation, Formed, Identity, RegionView,
    ReplyTo, Seq, Settings, Standing,
};
use crate::id::{GroupId, Incarnation, RegionName, Uid};
use crate::lease::{Act, Binding, Configuration, Op, Time};
use crate::store::{Admission, DataDir, RaftId, RaftNode, RaftTiming, RegionStore, StartError, Status};

use super::client::RegionClient;
use super::doors::Doors;
use super::transport::VoterTransport;
use super::voter::{EnrolReply, Voter};

/// Questions of other nodes that wait for the task, at most; the mailbox of the voter bounds them further.
pub(crate) const EVENTS_MAX: usize = 256;
/// How long another node may take to answer a question about formation.
const ASK_TIMEOUT: Duration = Duration::from_millis(800);
/// How long the log may take for a configuration.
const PROPOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a replica that joined asks to become a voter.
const ENROL_EVERY: Duration = Duration::from_secs(2);

/// What happens to the group.
pub(crate) enum GroupEvent {
    /// Another node asks about formation.
    Ask(Ask, ReplyPort<Vec<u8>>),
    /// A contact answered, or was silent.
    Answered {
        contact: String,
        seq: Seq,
        standing: Option<Standing>,
    },
    /// The leader of a group gave this node an id.
    Joined { group: GroupId, id: RaftId },
    /// Another region says this of itself.
    View(RegionView),
}

/// What the group needs to know of its node.
pub(crate) struct GroupSettings {
    pub(crate) node: RaftNode,
    pub(crate) uid: Uid,
    pub(crate) formation: Settings,
    pub(crate) cluster: ClusterSettings,
    pub(crate) raft: RaftTiming,
}

/// The task that owns the group.
pub(crate) struct Group {
    settings: GroupSettings,
    clock: HostClock,
    formation: Formation,
    cluster: ClusterFormation,
    dir: Option<DataDir>,
    replica: watch::Sender<Option<RegionStore>>,
    contacts: watch::Receiver<Contacts>,
    doors: Arc<Doors<Voter>>,
    regions: BTreeMap<RegionName, Arc<RegionClient>>,
    events: mpsc::Receiver<GroupEvent>,
    sender: mpsc::Sender<GroupEvent>,
    asked: BTreeMap<ReplyTo, ReplyPort<Vec<u8>>>,
    next_reply: u64,
    /// What the replica is, and what it has applied.
    progress: Option<(watch::Receiver<Status>, watch::Receiver<u64>)>,
}

/// What the task takes to begin.
pub(crate) struct GroupParts {
    pub(crate) settings: GroupSettings,
    pub(crate) clock: HostClock,
    pub(crate) dir: DataDir,
    pub(crate) replica: watch::Sender<Option<RegionStore>>,
    pub(crate) contacts: watch::Receiver<Contacts>,
    pub(crate) doors: Arc<Doors<Voter>>,
    pub(crate) regions: BTreeMap<RegionName, Arc<RegionClient>>,
    pub(crate) events: mpsc::Receiver<GroupEvent>,
    pub(crate) sender: mpsc::Sender<GroupEvent>,
}

impl Group {
    pub(crate) fn new(parts: GroupParts) -> Self {
        let GroupParts {
            settings,
            clock,
            dir,
            replica,
            contacts,
            doors,
            regions,
            events,
            sender,
        } = parts;
        let now = clock.now();
        let who = Identity {
            name: settings.node.name.clone(),
            disk: dir.disk(),
        };
        let formation = Formation::new(
            settings.formation.clone(),
            who,
            dir.memory().clone(),
            crate::random::u128(),
            now,
        );
        let cluster = ClusterFormation::new(settings.cluster.clone(), now);
        let (asked, next_reply, progress) = (BTreeMap::new(), 0, None);
        let dir = Some(dir);
        Self {
            settings,
            clock,
            formation,
            cluster,
            dir,
            replica,
            contacts,
            doors,
            regions,
            events,
            sender,
            asked,
            next_reply,
            progress,
        }
    }

    /// Runs until the disk fails or the task is dropped.
    ///
    /// # Errors
    ///
    /// The replica could not be started, or the disk failed while the group formed.
    pub(crate) async fn run(mut self) -> Result<(), StartError> {
        let mut contacts = self.contacts.clone();
        contacts.mark_changed();
        loop {
            while let Some(command) = self.formation.poll_command() {
                self.obey(command).await?;
            }
            self.found();
            let deadline = self.deadline();
            let event = tokio::select! {
                biased;
                event = self.events.recv() => event,
                Ok(()) = contacts.changed() => {
                    let known = contacts.borrow_and_update().clone();
                    if known.answered {
                        let listed = known.listed().map(|contact| contact.target.to_string()).collect();
                        self.formation.handle_contacts(self.clock.now(), listed);
                    }
                    None
                }
                () = progress(&mut self.progress, self.cluster.is_active()) => None,
                () = tokio::time::sleep_until(deadline) => None,
            };
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Option<GroupEvent>) {
        let now = self.clock.now();
        match event {
            Some(GroupEvent::Ask(ask, port)) => {
                self.next_reply += 1;
                let to = ReplyTo(self.next_reply);
                self.asked.insert(to, port);
                self.formation.handle_ask(now, to, ask);
            }
            Some(GroupEvent::Answered {
                contact,
                seq,
                standing: Some(standing),
            }) => {
                self.formation.handle_standing(now, &contact, seq, standing);
            }
            Some(GroupEvent::Answered {
                contact,
                seq,
                standing: None,
            }) => self.formation.handle_silence(now, &contact, seq),
            Some(GroupEvent::Joined { group, id }) => self.formation.handle_joined(now, group, id),
            Some(GroupEvent::View(view)) => self.cluster.handle_view(now, view),
            None => self.formation.handle_timeout(now),
        }
    }

    fn deadline(&self) -> Instant {
        let now = self.clock.now();
        let mut next = self.formation.next_deadline();
        if self.leads() {
            next = self
                .cluster
                .next_deadline()
                .map_or(next, |cluster| cluster.min(next));
        }
        Instant::now() + next.since(now).max(Duration::from_millis(1))
    }

    fn leads(&self) -> bool {
        self.replica
            .borrow()
            .as_ref()
            .is_some_and(|replica| replica.status().is_leader())
    }

    async fn obey(&mut self, command: Command) -> Result<(), StartError> {
        match command {
            Command::Ask { contact, seq, ask } => self.ask(contact, seq, ask),
            Command::Reply { to, standing } => {
                if let (Some(port), Ok(bytes)) = (self.asked.remove(&to), postcard::to_stdvec(&standing)) {
                    port.send(bytes);
                }
            }
            Command::Remember(memory) => {
                if let Some(dir) = &mut self.dir {
                    let failed = |error: std::io::Error| {
                        StartError::Stopped(crate::store::StopCause::Disk(error.to_string().into()))
                    };
                    dir.remember(memory).await.map_err(failed)?;
                }
            }
            Command::Start(formed) => self.start(formed).await?,
            Command::Join { group, contacts } => self.join(group, &contacts),
            Command::Report(trouble) => tracing::error!("{trouble}"),
        }
        Ok(())
    }

    fn ask(&self, contact: String, seq: Seq, ask: Ask) {
        let (doors, sender) = (Arc::clone(&self.doors), self.sender.clone());
        let addr = self.address(&contact);
        tokio::spawn(async move {
            let standing = async {
                let voter = doors.at(addr?, ASK_TIMEOUT).await.ok()?;
                let ask = postcard::to_stdvec(&ask).ok()?;
                let standing = voter.form(ask).timeout(ASK_TIMEOUT).await.ok()?;
                postcard::from_bytes(&standing).ok()
            };
            let standing = standing.await;
            // The receiver is gone only when the node is.
            drop(
                sender
                    .send(GroupEvent::Answered {
                        contact,
                        seq,
                        standing,
                    })
                    .await,
            );
        });
    }

    async fn start(&mut self, formed: Formed) -> Result<(), StartError> {
        let Some(dir) = self.dir.take() else { return Ok(()) };
        let transport = VoterTransport {
            contacts: self.contacts.clone(),
            doors: Arc::clone(&self.doors),
        };
        let clock = self.clock.clone();
        let clock = Arc::new(move || clock.now());
        let replica = RegionStore::start(dir, self.settings.raft, Arc::new(transport), clock).await?;
        tracing::info!(group = %formed.group, id = %formed.id, "this node has a replica of its region");
        if let Some(voters) = formed.begins()
            && let Err(error) = replica.begin(voters).await
        {
            tracing::error!("the region's group did not begin: {error}");
        }
        if formed.voters.is_empty() {
            self.enrol(replica.clone(), formed.id);
        }
        self.progress = Some((replica.watch_status(), replica.watch_applied()));
        self.replica.send_replace(Some(replica));
        Ok(())
    }

    /// Asks around for an id in a group that exists.
    fn join(&self, group: GroupId, contacts: &BTreeSet<String>) {
        let (doors, sender, node) = (
            Arc::clone(&self.doors),
            self.sender.clone(),
            self.settings.node.clone(),
        );
        let addrs: Vec<_> = contacts
            .iter()
            .filter_map(|contact| self.address(contact))
            .collect();
        tokio::spawn(async move {
            for addr in addrs {
                let Ok(voter) = doors.at(addr, ASK_TIMEOUT).await else {
                    continue;
                };
                let asked = voter
                    .enrol(node.name.to_string(), node.address.clone(), None)
                    .timeout(PROPOSE_TIMEOUT)
                    .await;
                if let Ok(EnrolReply::Assigned(id)) = asked {
                    drop(
                        sender
                            .send(GroupEvent::Joined {
                                group,
                                id: RaftId(id),
                            })
                            .await,
                    );
                    return;
                }
            }
        });
    }

    /// Asks the leader for a seat until this replica votes.
    fn enrol(&self, replica: RegionStore, id: RaftId) {
        let (doors, node) = (Arc::clone(&self.doors), self.settings.node.clone());
        let contacts = self.contacts.clone();
        tokio::spawn(async move {
            while !replica.status().voters.contains_key(&id) {
                let addrs = contacts.borrow().addrs();
                for addr in addrs {
                    let Ok(voter) = doors.at(addr, ASK_TIMEOUT).await else {
                        continue;
                    };
                    let enrol = voter.enrol(node.name.to_string(), node.address.clone(), Some(id.0));
                    match enrol.timeout(PROPOSE_TIMEOUT).await {
                        Ok(EnrolReply::Refused(why)) => {
                            tracing::error!("this node is not admitted to its region: {why}");
                        }
                        Ok(EnrolReply::Voter | EnrolReply::Learner) => break,
                        _ => {}
                    }
                }
                tokio::time::sleep(ENROL_EVERY).await;
            }
        });
    }

    /// As the leader: begins the region's state, and takes part in making the regions one cluster.
    fn found(&mut self) {
        let Some(replica) = self
            .replica
            .borrow()
            .clone()
            .filter(|replica| replica.status().is_leader())
        else {
            return;
        };
        let now = self.clock.now();
        match replica.read(|acceptor, _, _| RegionView::of(acceptor)) {
            None => Self::propose(&replica, self.form(replica.group())),
            Some(own) => self.unite(now, &replica, own),
        }
    }

    fn unite(&mut self, now: Time, replica: &RegionStore, own: RegionView) {
        let binding = Binding {
            config: own.current.version,
            group: own.group,
        };
        self.cluster.handle_own(now, own);
        self.cluster.handle_timeout(now);
        while let Some(command) = self.cluster.poll_command() {
            match command {
                ClusterCommand::Ask(region) => self.view(&region),
                ClusterCommand::Accept(config) => {
                    Self::propose(replica, self.op(binding, Act::AcceptConfig(config)));
                }
                ClusterCommand::Activate(config) => {
                    Self::propose(replica, self.op(binding, Act::ActivateConfig(config)));
                }
                ClusterCommand::Report(trouble) => tracing::error!("{trouble}"),
            }
        }
    }

    fn form(&self, group: GroupId) -> Op {
        let ClusterSettings {
            region,
            drift,
            term_max,
            ..
        } = &self.settings.cluster;
        let config = Configuration::formed(region.clone(), group, *drift, *term_max);
        let binding = Binding {
            config: config.version,
            group,
        };
        let incarnation = Incarnation(crate::random::u128());
        self.op(
            binding,
            Act::Form {
                region: region.clone(),
                config,
                incarnation,
            },
        )
    }

    fn op(&self, binding: Binding, act: Act) -> Op {
        Op {
            binding,
            uid: self.settings.uid,
            act,
        }
    }

    /// Proposes, and leaves it to the next round to see what came of it.
    fn propose(replica: &RegionStore, op: Op) {
        let replica = replica.clone();
        tokio::spawn(async move {
            if let Err(error) = replica.propose(vec![op], PROPOSE_TIMEOUT).await {
                tracing::debug!("a proposal of the formation has no outcome yet: {error}");
            }
        });
    }

    fn view(&self, region: &RegionName) {
        let Some(client) = self.regions.get(region).cloned() else {
            return;
        };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if let Some(view) = client.view(ASK_TIMEOUT).await {
                drop(sender.send(GroupEvent::View(view)).await);
            }
        });
    }

    fn address(&self, contact: &str) -> Option<std::net::SocketAddr> {
        let target = HostPort::parse(contact)?;
        super::client::resolve(&self.contacts.borrow(), &target)
    }
}

/// Ends when the replica is something else than before, or has applied something while the regions are not one cluster yet.
async fn progress(watched: &mut Option<(watch::Receiver<Status>, watch::Receiver<u64>)>, is_active: bool) {
    let Some((status, applied)) = watched else {
        return std::future::pending().await;
    };
    let changed = tokio::select! {
        changed = status.changed() => changed,
        changed = applied.changed(), if !is_active => changed,
    };
    if changed.is_err() {
        // The replica has stopped; there is nothing more to see.
        *watched = None;
    }
}

/// As the leader: gives a node an id, or a seat to the replica that it has.
pub(crate) async fn enrol(
    replica: &RegionStore,
    node: RaftNode,
    id: Option<RaftId>,
    seats: usize,
) -> EnrolReply {
    let answer = match id {
        None => replica
            .assign_id(PROPOSE_TIMEOUT)
            .await
            .map(|id| EnrolReply::Assigned(id.0)),
        Some(id) => replica
            .admit(id, node, seats, PROPOSE_TIMEOUT)
            .await
            .map(|admission| match admission {
                Admission::Voter => EnrolReply::Voter,
                Admission::Learner => EnrolReply::Learner,
            }),
    };
    match answer {
        Ok(reply) => reply,
        Err(error @ crate::store::GroupError::NameInUse { .. }) => EnrolReply::Refused(error.to_string()),
        Err(_) => EnrolReply::Unavailable,
    }
}
