//! What an actor is called in reports.

use std::fmt;
use std::sync::Arc;

/// The label of a place that has one of its own.
#[derive(Clone)]
pub(crate) enum Label {
    /// The name that it is registered under, or what its kind is called.
    Name(&'static str),
    /// Its id under its supervisor.
    Id(Arc<str>),
}

impl Label {
    /// Of a child with this id.
    pub(crate) fn id(id: &str) -> Self {
        Self::Id(id.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Name(text) => text,
            Self::Id(id) => id,
        }
    }

    /// The name that it is registered under, if it is.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Id(_) => None,
        }
    }

    pub(crate) fn to_shared(&self) -> Arc<str> {
        match self {
            Self::Name(text) => (*text).into(),
            Self::Id(id) => Arc::clone(id),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
