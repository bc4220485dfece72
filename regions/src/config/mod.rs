//! The configuration of a node: `regions.toml` and the environment.

mod checked;
mod name;

pub use self::checked::{
    ClusterConfig, Config, DiscoveryConfig, Failback, FormationConfig, HostPort, NodeConfig, Overrun,
    RegionConfig, Scope, SingletonConfig, Timings,
};
pub use self::name::{ClusterName, NAME_BYTES_MAX, NameError, NodeName, RegionName, SingletonName};
