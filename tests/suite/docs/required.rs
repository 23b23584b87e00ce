//! The items whose documentation needs an example: constructors, builder methods and errors.

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Path, ReturnType, Signature, Token};

/// Returns true for a constructor or a builder method: a function that returns its own type and takes it by value
/// or not at all.
pub(super) fn makes_itself(of: &str, signature: &Signature) -> bool {
    let is_by_value = signature.receiver().is_none_or(|receiver| receiver.reference.is_none());
    let ReturnType::Type(_, returned) = &signature.output else { return false };
    let mut names = Names { of, found: false };
    names.visit_type(returned);
    is_by_value && names.found
}

/// Returns true for a type that derives `Error`.
pub(super) fn is_error(attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut paths = derives
        .filter_map(|it| it.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok())
        .flatten();
    paths.any(|path| path.segments.last().is_some_and(|last| last.ident == "Error"))
}

/// Looks for a type's own name, or `Self`.
struct Names<'n> {
    of: &'n str,
    found: bool,
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.found |= ident == "Self" || ident == self.of;
        visit::visit_ident(self, ident);
    }
}
