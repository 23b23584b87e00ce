//! The public operations on a tenant, read from the source, so that a test can check each of them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::source::{parse, source_files};

/// The public functions of `impl<C: TenantExecutor> ..` blocks, as `Type::function`.
pub(crate) fn in_source() -> Result<BTreeSet<String>> {
    under("")
}

/// The operations of authentication.
pub(crate) fn of_auth() -> Result<BTreeSet<String>> {
    under("auth")
}

fn under(folder: &str) -> Result<BTreeSet<String>> {
    let mut operations = BTreeSet::new();
    for file in source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src").join(folder))? {
        for item in parse(&file)?.items {
            let syn::Item::Impl(block) = item else { continue };
            let (None, syn::Type::Path(of)) = (&block.trait_, &*block.self_ty) else { continue };
            let Some(of) = of.path.segments.last().filter(|_| is_of_a_tenant(&block.generics)) else {
                continue;
            };
            operations.extend(block.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(function) if matches!(function.vis, syn::Visibility::Public(_)) => {
                    Some(format!("{}::{}", of.ident, function.sig.ident))
                }
                _ => None,
            }));
        }
    }
    Ok(operations)
}

fn is_of_a_tenant(generics: &syn::Generics) -> bool {
    generics.type_params().flat_map(|parameter| &parameter.bounds).any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|segment| segment.ident == "TenantExecutor")
        }
        _ => false,
    })
}
