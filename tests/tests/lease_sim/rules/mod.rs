//! One test or more for each rule of the design, by its number.

mod of_holders;
mod of_names;
mod of_regions;
