//! Strategies and limits that are not there are refused.

use quorate::prelude::*;

#[supervisor(strategy = rest_for_one)]
pub struct Shop {}

#[supervisor(strategy = one_for_al, intensity = many_times(), period = "5")]
pub struct Store {}

#[supervisor(intensity = "3", max_restarts = 3)]
pub struct Market {}

fn main() {}
