//! `#[derive(Resource)]`: a marker, with bounds for generic types.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, LitStr, Path, Result, parse_quote};

pub(crate) fn expand(mut input: DeriveInput) -> Result<TokenStream> {
    let mut krate: Path = parse_quote!(::storm_ecs);
    for attribute in &input.attrs {
        if attribute.path().is_ident("resource") {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("crate") {
                    return Err(meta.error("expected `crate`"));
                }
                krate = meta.value()?.parse::<LitStr>()?.parse()?;
                Ok(())
            })?;
        }
    }
    let clause = input.generics.make_where_clause();
    clause
        .predicates
        .push(parse_quote!(Self: ::core::marker::Send + ::core::marker::Sync + 'static));
    let name = &input.ident;
    let (parameters, arguments, clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #parameters #krate::Resource for #name #arguments #clause {}
    })
}
