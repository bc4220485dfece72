//! Wrong values are refused, with a right one.

use quorate::prelude::*;

#[actor(restart = "always", shutdown = 5, mailbox = 0, backoff = "10s..100ms")]
#[derive(Default)]
pub struct Counter;

#[actor(name = Counter)]
impl Counter {}

#[actor(restart = always, shutdown = "5 minutes", mailbox = "many", backoff = "100ms")]
#[derive(Default)]
pub struct Ledger;

#[actor(local = true)]
impl Ledger {}

#[actor(restart, shutdown = soon)]
#[derive(Default)]
pub struct Clock;

#[actor(local, name = "demo::Clock")]
impl Clock {}

#[actor(restart(permanent))]
#[derive(Default)]
pub struct Watch;

#[actor(local, remote)]
impl Watch {}

fn main() {}
