//! Names of clusters, regions, nodes and resources.
//!
//! A name is checked once, where it is made; whoever holds one need not look again. Region, node and cluster names are
//! DNS labels, so that they fit into host names and file names. Singleton names may also have capitals, `_` and `.`,
//! as names of actors do.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: that of a DNS label (RFC 1035, section 2.3.4).
pub const NAME_BYTES_MAX: usize = 63;

/// The text is no name: see [`NameError::rule`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameError {
    /// What such a name is made of.
    pub rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a name; a name is {}", self.rule)
    }
}

impl std::error::Error for NameError {}

const LABEL_RULE: &str = "1 to 63 of a-z, 0-9 and '-', with a letter or digit first and last";
const RESOURCE_RULE: &str =
    "1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit first and last";

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $is_inner:ident, $rule:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What a name of this kind is made of, for messages to people.
            pub const RULE: &'static str = $rule;

            /// Checks `text` and makes it a name.
            ///
            /// # Errors
            ///
            /// [`NameError`] when the text does not follow [`Self::RULE`].
            pub fn new(text: &str) -> Result<Self, NameError> {
                if is_name(text, $is_inner) { Ok(Self(text.into())) } else { Err(NameError { rule: $rule }) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().into()
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of a cluster: nodes of different clusters do not talk to each other.
    ClusterName, is_label_inner, LABEL_RULE
);
name_type!(
    /// The name of a region, as in `[regions.us-east]`.
    RegionName, is_label_inner, LABEL_RULE
);
name_type!(
    /// The name of a node, unique in its region.
    NodeName, is_label_inner, LABEL_RULE
);
name_type!(
    /// The name of a resource within its scope: of a singleton, as in `[singletons.billing]` and `Name::new("billing")`, or of a node.
    ResourceName, is_resource_inner, RESOURCE_RULE
);

impl From<&NodeName> for ResourceName {
    fn from(node: &NodeName) -> Self {
        Self(Arc::clone(&node.0))
    }
}

fn is_name(text: &str, is_inner: fn(u8) -> bool) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| is_inner(*byte) && byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes();
    bytes.len() <= NAME_BYTES_MAX
        && bytes.iter().all(|byte| is_inner(*byte))
        && edge(bytes.first())
        && edge(bytes.last())
}

fn is_label_inner(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

fn is_resource_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_dns_label() {
        for good in ["a", "us-east", "7", "a--b", &"x".repeat(63)] {
            assert!(RegionName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-",
            "a-",
            "-a",
            "US",
            "a_b",
            "a.b",
            "a b",
            "ü",
            &"x".repeat(64),
        ] {
            assert!(RegionName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_singleton_may_be_named_like_an_actor() {
        for good in ["billing", "Billing", "shop.billing_v2"] {
            assert!(ResourceName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a/b", "_a", "a "] {
            assert!(ResourceName::new(bad).is_err(), "{bad}");
        }
    }
}
