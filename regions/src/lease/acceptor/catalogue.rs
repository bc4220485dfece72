//! The catalogue: which scope the name of a singleton has. Rule 20 of the design.
//!
//! A write-once register for each name in each region. A global tenure has a majority of regions that wrote `Global` when they accepted; a
//! regional one has a region that was told of a majority that wrote `Regional`. Two majorities share a region, and it wrote once: so there are
//! never both. What a majority has is told to the others by a Settle, which overwrites what was written there in a race and lost.
//!
//! A region that forgot its catalogue would break this: whoever builds the restore of rule 22 must import it from the other regions. And two
//! majorities of sets of regions that are more than one change apart need not meet: whoever builds those changes must settle the names anew.

use crate::id::{ConfigVersion, ResourceId, ResourceName, ScopeKind};

use super::super::flaws::Flaw;
use super::super::op::{Declared, NAMES_MAX, Outcome, Refusal};
use super::Acceptor;

impl Acceptor {
    /// The scope of a name, if it has one here.
    pub fn declared(&self, name: &ResourceName) -> Option<Declared> {
        self.catalogue
            .get(name)
            .copied()
            .filter(|_| !self.flaws.has(Flaw::ScopeIsRewritten))
    }

    /// Whether `resource` may be promised and granted, as far as the scope of its name goes.
    pub(super) fn fits_scope(&self, resource: &ResourceId) -> Result<(), Refusal> {
        let Some(kind) = resource
            .scope
            .kind()
            .filter(|_| !self.flaws.has(Flaw::ScopeIsRewritten))
        else {
            return Ok(());
        };
        match (kind, self.declared(&resource.name)) {
            (_, Some(declared)) if declared.kind != kind => Err(Refusal::ScopeDiffers(declared.kind)),
            (ScopeKind::Global, None) if self.catalogue.len() >= NAMES_MAX => Err(Refusal::TooMany),
            (ScopeKind::Global, _) | (ScopeKind::Regional, Some(Declared { settled: true, .. })) => Ok(()),
            (ScopeKind::Regional, _) => Err(Refusal::NotSettled),
        }
    }

    /// Writes the scope of what is granted; [`Self::fits_scope`] has found that it fits.
    pub(super) fn write_scope(&mut self, resource: &ResourceId) {
        if let Some(kind) = resource.scope.kind() {
            let (name, settled) = (resource.name.clone(), false);
            self.catalogue.entry(name).or_insert(Declared { kind, settled });
        }
    }

    pub(super) fn declare(&mut self, name: &ResourceName, kind: ScopeKind) -> Result<Outcome, Refusal> {
        self.is_common()?;
        let fresh = Declared { kind, settled: false };
        let declared = match self.declared(name) {
            Some(known) => known,
            None => self.write(name, fresh)?,
        };
        Ok(Outcome::Declared(declared))
    }

    pub(super) fn settle(&mut self, name: &ResourceName, kind: ScopeKind) -> Result<Outcome, Refusal> {
        self.is_common()?;
        match self.declared(name) {
            Some(known) if known.settled && known.kind != kind => Err(Refusal::ScopeDiffers(known.kind)),
            _ => {
                let settled = self.write(name, Declared { kind, settled: true })?;
                Ok(Outcome::Declared(settled))
            }
        }
    }

    /// The name is removed here: it may be given another scope. Whoever does that waits as long as a lease may last.
    pub(super) fn forget_scope(&mut self, resource: &ResourceId) {
        let known = self.catalogue.get(&resource.name);
        if known.is_some_and(|known| Some(known.kind) == resource.scope.kind()) {
            self.catalogue.remove(&resource.name);
        }
    }

    fn write(&mut self, name: &ResourceName, declared: Declared) -> Result<Declared, Refusal> {
        if self.catalogue.len() >= NAMES_MAX && !self.catalogue.contains_key(name) {
            return Err(Refusal::TooMany);
        }
        self.catalogue.insert(name.clone(), declared);
        Ok(declared)
    }

    /// A region that knows no other one yet cannot agree with them.
    fn is_common(&self) -> Result<(), Refusal> {
        match self.config() {
            Some(config) if config.version >= ConfigVersion::FIRST => Ok(()),
            _ => Err(Refusal::Inactive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_the_catalogue_and_it_has_a_bound() {
        let mut acceptor = Acceptor::default();
        let name = |at: usize| ResourceName::new(&format!("s{at}")).unwrap();
        let kind = ScopeKind::Regional;
        for at in 0..NAMES_MAX {
            let declared = Declared {
                kind,
                settled: at == 0,
            };
            assert_eq!(acceptor.write(&name(at), declared), Ok(declared));
        }
        let fresh = Declared { kind, settled: false };
        assert_eq!(acceptor.write(&name(NAMES_MAX), fresh), Err(Refusal::TooMany));
        assert_eq!(
            acceptor.fits_scope(&ResourceId::global(name(NAMES_MAX))),
            Err(Refusal::TooMany)
        );
        let bytes = postcard::to_stdvec(&acceptor).unwrap();
        let copy: Acceptor = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(copy, acceptor);
        assert!(copy.declared(&name(0)).is_some_and(|declared| declared.settled));
    }
}
