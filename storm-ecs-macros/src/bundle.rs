//! `#[derive(Bundle)]`: visits the fields in order of declaration.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, LitStr, Member, Path, Result, parse_quote};

pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    let mut krate: Path = parse_quote!(::storm_ecs);
    for attribute in &input.attrs {
        if attribute.path().is_ident("repr") {
            refuse_packed(attribute)?;
        }
        if attribute.path().is_ident("bundle") {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    krate = meta.value()?.parse::<LitStr>()?.parse()?;
                    Ok(())
                } else {
                    Err(meta.error("expected `crate`"))
                }
            })?;
        }
    }
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "only a struct can be a bundle",
        ));
    };
    let ident = &input.ident;
    let members: Vec<Member> = data.fields.members().collect();
    let types: Vec<_> = data.fields.iter().map(|field| field.ty.clone()).collect();
    let mut generics = input.generics.clone();
    for ty in &types {
        let clause = generics.make_where_clause();
        clause.predicates.push(parse_quote!(#ty: #krate::Bundle));
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[allow(unsafe_code, reason = "the derive upholds the contract of Bundle")]
        // SAFETY: `visit` passes a pointer to each field once, in the order in which `components` names them.
        unsafe impl #impl_generics #krate::Bundle for #ident #ty_generics #where_clause {
            const ASIDE: bool = false #( || <#types as #krate::Bundle>::ASIDE )*;
            fn components(out: &mut #krate::__private::ComponentList<'_>) {
                #( <#types as #krate::Bundle>::components(out); )*
            }
            #[inline]
            unsafe fn visit<__V: #krate::__private::FieldVisitor>(this: *mut Self, visitor: &mut __V) {
                #(
                    // SAFETY: the caller passes a valid, initialised bundle; a field of it is in bounds.
                    let field = unsafe { &raw mut (*this).#members };
                    // SAFETY: the field is valid and initialised, and is visited once.
                    unsafe { <#types as #krate::Bundle>::visit(field, visitor) };
                )*
            }
        }
    })
}

/// Fields of a packed struct may be misaligned, and bundles are read and written by pointers to their fields.
fn refuse_packed(repr: &syn::Attribute) -> Result<()> {
    repr.parse_nested_meta(|meta| {
        if meta.path.is_ident("packed") {
            return Err(
                meta.error("a packed struct cannot be a bundle: its fields may be misaligned")
            );
        }
        if meta.input.peek(syn::token::Paren) {
            let _size: proc_macro2::TokenStream = {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse()?
            };
        }
        Ok(())
    })
}
