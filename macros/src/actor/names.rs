//! Names: a method's variant, and the names that a message cannot have.
//!
//! A message is called through an `ActorRef`, which derefs to the handle. What a ref has by traits of its own would win over the message
//! without a word (`counter.clone()` would clone the ref), so such names are refused.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// Methods of traits that every ref or every type has, and of the actor's type itself. `recipient` is the ref's only other word.
const SHADOWED: &[(&str, &str)] = &[
    ("as_mut", "a conversion of the ref"),
    ("as_ref", "a conversion of the ref"),
    ("borrow", "a conversion of the ref"),
    ("borrow_mut", "a conversion of the ref"),
    ("clone", "the ref's own `Clone`"),
    ("clone_from", "the ref's own `Clone`"),
    ("clone_into", "the ref's own `ToOwned`"),
    ("cmp", "a comparison of refs"),
    ("deref", "the ref's own `Deref`"),
    ("deref_mut", "the ref's own `Deref`"),
    ("drop", "the ref's own `Drop`"),
    ("eq", "a comparison of refs"),
    ("fmt", "the ref's own `Debug`"),
    ("from", "a conversion of the ref"),
    ("from_raw", "how a handle is made"),
    ("ge", "a comparison of refs"),
    ("gt", "a comparison of refs"),
    ("hash", "the ref's own `Hash`"),
    ("into", "a conversion of the ref"),
    ("into_future", "a conversion of the ref"),
    ("le", "a comparison of refs"),
    ("lt", "a comparison of refs"),
    ("ne", "a comparison of refs"),
    ("partial_cmp", "a comparison of refs"),
    ("raw", "how a handle is read"),
    ("recipient", "how a ref becomes a `Recipient`"),
    ("spec", "how the actor's child spec is made"),
    ("spec_with", "how the actor's child spec is made"),
    ("to_owned", "the ref's own `ToOwned`"),
    ("to_string", "a conversion of the ref"),
    ("try_from", "a conversion of the ref"),
    ("try_into", "a conversion of the ref"),
    ("type_id", "the ref's own `Any`"),
];

/// What the name means on a ref, for a name that a message cannot have.
pub(crate) fn shadowed(name: &Ident) -> Option<&'static str> {
    let name = name.unraw().to_string();
    SHADOWED
        .iter()
        .find(|(shadow, _)| *shadow == name)
        .map(|(_, why)| *why)
}

/// The variant of the message enum: `add_one` is `AddOne`. None for a name without letters.
pub(crate) fn variant(name: &Ident) -> Option<Ident> {
    let raw = name.unraw().to_string();
    let mut text = String::with_capacity(raw.len());
    for word in raw.split('_').filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(letters.as_str());
    }
    match text.chars().next() {
        None => return None,
        Some(first) if first.is_numeric() => text.insert(0, '_'),
        Some(_) => {}
    }
    if text == "Self" {
        text.push('_');
    }
    Some(Ident::new(&text, name.span()))
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};

    use super::variant;

    #[test]
    fn a_variant_is_the_method_in_camel_case() {
        let named = |name: &str| variant(&Ident::new(name, Span::call_site())).map(|ident| ident.to_string());
        assert_eq!(named("add"), Some("Add".into()));
        assert_eq!(named("add_one_2"), Some("AddOne2".into()));
        assert_eq!(named("_private"), Some("Private".into()));
        assert_eq!(named("self_"), Some("Self_".into()));
        assert_eq!(named("_1st"), Some("_1st".into()));
        assert_eq!(named("__"), None);
    }

    #[test]
    fn a_raw_name_loses_its_prefix() {
        let raw = Ident::new_raw("match", Span::call_site());
        assert_eq!(variant(&raw).map(|ident| ident.to_string()), Some("Match".into()));
    }
}
