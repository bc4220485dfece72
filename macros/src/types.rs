//! What can be known of a type from its tokens: whether it borrows, and whether it can ever travel between nodes.
//!
//! The compiler's own check of the traits comes after this one; what is refused here is what its error would explain badly.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{
    Lifetime, ParenthesizedGenericArguments, PathSegment, Type, TypeFnPtr, TypeImplTrait, TypeReference,
};

/// Standard types that cannot be in a message, and what can.
const NOT_ON_THE_WIRE: &[(&str, &str)] = &[
    (
        "Arc",
        "shared pointers are not validated safely: use `Box<T>` or `T`",
    ),
    (
        "BTreeMap",
        "archived maps are not validated safely: use `Vec<(K, V)>`",
    ),
    ("BTreeSet", "archived sets are not validated safely: use `Vec<T>`"),
    (
        "HashMap",
        "archived maps are not validated safely: use `Vec<(K, V)>`",
    ),
    ("HashSet", "archived sets are not validated safely: use `Vec<T>`"),
    (
        "Rc",
        "shared pointers are not validated safely: use `Box<T>` or `T`",
    ),
    ("isize", "its width differs between machines: use `i64`"),
    ("usize", "its width differs between machines: use `u64`"),
];

/// Something in a type that a message cannot have.
pub(crate) struct Found {
    /// The type's name, for a type that never travels.
    pub(crate) name: &'static str,
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// The first borrow or `impl Trait` in a type. Types of functions do not count: their lifetimes are their own.
pub(crate) fn borrow(ty: &Type) -> Option<Found> {
    let mut borrows = Borrows { found: None };
    borrows.visit_type(ty);
    borrows.found
}

/// The first type in it that never travels between nodes.
pub(crate) fn not_on_the_wire(ty: &Type) -> Option<Found> {
    let mut wire = Wire { found: None };
    wire.visit_type(ty);
    wire.found
}

struct Borrows {
    found: Option<Found>,
}

impl Borrows {
    fn note(&mut self, span: Span, text: &str) {
        self.found.get_or_insert(Found {
            name: "",
            span,
            text: text.to_owned(),
        });
    }
}

impl<'ast> Visit<'ast> for Borrows {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let is_static = reference
            .lifetime
            .as_ref()
            .is_some_and(|lifetime| lifetime.ident == "static");
        if is_static && reference.mutability.is_none() {
            return visit::visit_type(self, &reference.elem);
        }
        self.note(reference.and_token.span, "is borrowed");
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.note(lifetime.span(), "borrows");
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.note(ty.impl_token.span, "is an `impl Trait`");
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

struct Wire {
    found: Option<Found>,
}

impl<'ast> Visit<'ast> for Wire {
    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        let known = NOT_ON_THE_WIRE.iter().find(|(name, _)| segment.ident == name);
        if let Some((name, advice)) = known {
            let text = format!("`{name}` cannot travel between nodes: {advice}");
            self.found.get_or_insert(Found {
                name,
                span: segment.ident.span(),
                text,
            });
        }
        visit::visit_path_segment(self, segment);
    }
}

#[cfg(test)]
mod tests {
    use super::{borrow, not_on_the_wire};

    fn parsed(text: &str) -> syn::Type {
        syn::parse_str(text).expect("a literal of this test")
    }

    #[test]
    fn borrows_are_found_wherever_they_are() {
        for borrowed in [
            "&u8",
            "Option<&u8>",
            "Cow<'_, str>",
            "Vec<(u8, &'a str)>",
            "impl Copy",
            "&'static mut u8",
            "&'static &u8",
        ] {
            assert!(borrow(&parsed(borrowed)).is_some(), "{borrowed}");
        }
        for owned in [
            "u8",
            "&'static str",
            "Option<Vec<u8>>",
            "fn(&str) -> &str",
            "Box<dyn Fn(&str) -> u8>",
        ] {
            assert!(borrow(&parsed(owned)).is_none(), "{owned}");
        }
    }

    #[test]
    fn maps_and_shared_pointers_are_found_wherever_they_are() {
        for local in [
            "std::collections::HashMap<u8, u8>",
            "Option<Arc<u8>>",
            "[usize; 2]",
        ] {
            assert!(not_on_the_wire(&parsed(local)).is_some(), "{local}");
        }
        assert!(not_on_the_wire(&parsed("Vec<(u64, String)>")).is_none());
    }
}
