//! What an actor is called in reports.

use std::fmt;
use std::sync::Arc;

/// The label of a place.
#[derive(Clone)]
pub(crate) enum Label {
    /// The name of its type, or what its kind is called.
    Type(&'static str),
    /// The name that it is registered under.
    Name(&'static str),
    /// Its id under its supervisor.
    Id(Arc<str>),
}

impl Label {
    /// Of a child with this id, or of one without, of this type.
    pub(crate) fn of(id: Option<&str>, kind: &'static str) -> Self {
        id.map_or(Self::Type(kind), |id| Self::Id(id.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Type(text) | Self::Name(text) => text,
            Self::Id(id) => id,
        }
    }

    /// The name that it is registered under, if it is.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Type(_) | Self::Id(_) => None,
        }
    }

    pub(crate) fn to_shared(&self) -> Arc<str> {
        match self {
            Self::Type(text) | Self::Name(text) => (*text).into(),
            Self::Id(id) => Arc::clone(id),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
