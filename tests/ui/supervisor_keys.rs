//! Strategies and limits that are not there are refused.

use quorate::prelude::*;

#[supervisor(intensity = 3)]
pub struct Shop {}

#[supervisor(intensity = 3, period = "0s", auto_shutdown = any)]
pub struct Kiosk {}

#[supervisor(strategy = one_for_al, intensity = many_times(), period = "5")]
pub struct Store {}

#[supervisor(intensity = "3", max_restarts = 3)]
pub struct Market {}

fn main() {}
