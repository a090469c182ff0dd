//! `#[derive(Component)]`: name and options become constants; a static beside the type caches its index.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, LitStr, Path, Result, parse_quote};

struct Options {
    krate: Path,
    name: Option<LitStr>,
    track: TokenStream,
    storage: TokenStream,
    mutable: bool,
    on_insert: Option<Path>,
    on_remove: Option<Path>,
    schema: bool,
    clone: bool,
    /// Whether bytemuck vouches for it.
    pod: Option<bool>,
}

fn options(input: &DeriveInput) -> Result<Options> {
    let mut found = Options {
        krate: parse_quote!(::storm_ecs),
        name: None,
        track: quote!(Block),
        storage: quote!(Table),
        mutable: true,
        on_insert: None,
        on_remove: None,
        schema: false,
        clone: false,
        pod: None,
    };
    for attribute in &input.attrs {
        if !attribute.path().is_ident("component") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                if name.value().is_empty() {
                    return Err(Error::new(
                        name.span(),
                        "a component's name cannot be empty",
                    ));
                }
                found.name = Some(name);
            } else if meta.path.is_ident("track") {
                let track: LitStr = meta.value()?.parse()?;
                found.track = match track.value().as_str() {
                    "block" => quote!(Block),
                    "exact" => quote!(Exact),
                    "none" => quote!(None),
                    other => {
                        let text =
                            format!("expected \"block\", \"exact\" or \"none\", found {other:?}");
                        return Err(Error::new(track.span(), text));
                    }
                };
            } else if meta.path.is_ident("storage") {
                let storage: LitStr = meta.value()?.parse()?;
                found.storage = match storage.value().as_str() {
                    "table" => quote!(Table),
                    "sparse" => quote!(Sparse),
                    "tag" => quote!(Tag),
                    other => {
                        let text =
                            format!("expected \"table\", \"sparse\" or \"tag\", found {other:?}");
                        return Err(Error::new(storage.span(), text));
                    }
                };
            } else if meta.path.is_ident("immutable") {
                found.mutable = false;
            } else if meta.path.is_ident("on_insert") {
                found.on_insert = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("on_remove") {
                found.on_remove = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("schema") {
                found.schema = true;
            } else if meta.path.is_ident("clone") {
                found.clone = true;
            } else if meta.path.is_ident("pod") {
                found.pod = Some(if meta.input.peek(syn::Token![=]) {
                    let by: LitStr = meta.value()?.parse()?;
                    if by.value() != "bytemuck" {
                        return Err(Error::new(
                            by.span(),
                            "expected `pod` or `pod = \"bytemuck\"`",
                        ));
                    }
                    true
                } else {
                    false
                });
            } else if meta.path.is_ident("crate") {
                found.krate = meta.value()?.parse::<LitStr>()?.parse()?;
            } else {
                return Err(meta.error(
                    "expected `name`, `track`, `storage`, `immutable`, `on_insert`, `on_remove`, `schema`, `clone`, `pod` or `crate`",
                ));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a component's name is a constant, so a generic type cannot derive it: \
             write `impl Component` for each instantiation, each with its own NAME",
        ));
    }
    let Options {
        krate,
        name,
        track,
        storage,
        mutable,
        on_insert,
        on_remove,
        schema,
        clone,
        pod,
    } = options(&input)?;
    let ident = &input.ident;
    let name = match name {
        Some(name) => quote!(#name),
        None => {
            let text = ident.to_string();
            quote!(::core::concat!(::core::env!("CARGO_PKG_NAME"), ".", #text))
        }
    };
    let schema_impl = if schema {
        Some(crate::schema::expand(&input, &krate)?)
    } else {
        None
    };
    let pod_impl = match pod {
        Some(bytemuck) => Some(crate::schema::pod(&input, &krate, bytemuck)?),
        None => None,
    };
    let data = (schema || clone || pod.is_some()).then(|| {
        let schema = schema.then(|| quote!(.schema::<Self>()));
        let clone = clone.then(|| quote!(.cloned::<Self>()));
        let pod = pod.map(|_| quote!(.pod::<Self>()));
        quote! {
            fn __data() -> ::core::option::Option<#krate::__private::ComponentData> {
                ::core::option::Option::Some(#krate::__private::ComponentData::default() #schema #clone #pod)
            }
        }
    });
    let hooks = (on_insert.is_some() || on_remove.is_some()).then(|| {
        let insert = on_insert.map(|path| quote!(.on_insert(#path)));
        let remove = on_remove.map(|path| quote!(.on_remove(#path)));
        quote!(const HOOKS: #krate::Hooks = #krate::Hooks::NONE #insert #remove;)
    });
    Ok(quote! {
        #schema_impl
        #pod_impl
        impl #krate::Component for #ident {
            const NAME: &'static str = #name;
            const TRACK: #krate::Track = #krate::Track::#track;
            const STORAGE: #krate::Storage = #krate::Storage::#storage;
            const MUTABLE: bool = #mutable;
            #hooks
            #[inline]
            fn __type_index() -> u32 {
                static SLOT: #krate::__private::TypeSlot = #krate::__private::TypeSlot::new();
                SLOT.index::<Self>()
            }
            #data
        }
    })
}
