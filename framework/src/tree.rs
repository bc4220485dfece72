//! The live tree of a system as a value: what runs where, what waits, what was restarted and why.
//!
//! Each supervisor is asked in turn, so the tree is not of one instant; a supervisor that ends meanwhile is shown without children.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::exit::ExitReason;
use crate::supervision::ask::{Ask, Door, Listed};
use crate::supervision::root::RootDoor;
use crate::supervision::{ChildInfo, ChildKind, ChildStatus};

/// The live tree of a system, see [`System::tree`](crate::System::tree). `Display` draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tree {
    /// The system's name.
    pub system: Arc<str>,
    /// What was spawned, in order.
    pub children: Vec<TreeNode>,
}

/// One place of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeNode {
    /// What its supervisor knows of it.
    pub info: ChildInfo,
    /// How often it was started again.
    pub restarts: u64,
    /// Why its last incarnation ended, if one did.
    pub last_exit: Option<ExitReason>,
    /// What waits in its mailbox; `None` for supervisors and tasks.
    pub mailbox: Option<MailboxLevel>,
    /// Its children in start order, when it is a supervisor.
    pub children: Vec<TreeNode>,
}

/// How full a mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxLevel {
    /// Messages that wait.
    pub waiting: usize,
    /// How many may.
    pub bound: usize,
}

impl Tree {
    pub(crate) async fn of(system: Arc<str>, root: &RootDoor) -> Self {
        Self {
            system,
            children: nodes(root.list()).await,
        }
    }

    /// The node at this path: labels from the root down, with `/` between them.
    pub fn find(&self, path: &str) -> Option<&TreeNode> {
        let mut children = &self.children;
        let mut found = None;
        for label in path.split('/') {
            let node = children.iter().find(|node| *node.info.id == *label)?;
            (children, found) = (&node.children, Some(node));
        }
        found
    }
}

async fn children(door: &Door) -> Vec<TreeNode> {
    nodes(door.ask(Ask::List).await.unwrap_or_default()).await
}

fn nodes(listed: Vec<Listed>) -> Pin<Box<dyn Future<Output = Vec<TreeNode>> + Send>> {
    Box::pin(async move {
        let mut nodes = Vec::with_capacity(listed.len());
        for Listed { info, child } in listed {
            let seat = child.seat();
            nodes.push(TreeNode {
                info,
                restarts: seat.incarnation().saturating_sub(1),
                last_exit: seat.last_exit(),
                mailbox: child
                    .mailbox()
                    .map(|(waiting, bound)| MailboxLevel { waiting, bound }),
                children: match child.door() {
                    Some(door) => children(door).await,
                    None => Vec::new(),
                },
            });
        }
        nodes
    })
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.system)?;
        draw(&self.children, "", f)
    }
}

fn draw(nodes: &[TreeNode], before: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, node) in nodes.iter().enumerate() {
        let (branch, below) = if number + 1 == nodes.len() {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        write!(f, "\n{before}{branch}{node}")?;
        draw(&node.children, &format!("{before}{below}"), f)?;
    }
    Ok(())
}

/// One line, without its children.
impl fmt::Display for TreeNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChildInfo {
            id,
            actor,
            kind,
            status,
        } = &self.info;
        let status = match status {
            ChildStatus::Running(_) => "running",
            ChildStatus::Restarting => "restarting",
            ChildStatus::Stopped => "stopped",
            ChildStatus::Stuck => "stuck",
        };
        write!(f, "{id} [{actor}] {status}")?;
        if *kind == ChildKind::Supervisor {
            f.write_str(", a supervisor")?;
        }
        if let Some(MailboxLevel { waiting, bound }) = self.mailbox
            && waiting > 0
        {
            write!(f, ", {waiting} of {bound} wait")?;
        }
        match self.restarts {
            0 => {}
            1 => f.write_str(", restarted once")?,
            times => write!(f, ", restarted {times} times")?,
        }
        match &self.last_exit {
            Some(reason) => write!(f, ", the last one {reason}"),
            None => Ok(()),
        }
    }
}
