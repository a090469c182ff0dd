//! `#[derive(Schema)]`, and what `#[component(schema)]` adds: one function a field for describing, checking, coding.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Data, DeriveInput, Error, Expr, Fields, Ident, LitInt, LitStr, Member, Path, Result, Token,
    Type, parse_quote,
};

/// A field with its options.
struct Field {
    member: Member,
    binding: Ident,
    name: String,
    ty: Type,
    constraints: TokenStream,
    constrained: bool,
    check: Option<Path>,
}

fn number(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<Expr> {
    meta.value()?.parse()
}

fn options(field: &syn::Field, krate: &Path) -> Result<(TokenStream, bool, Option<Path>)> {
    let mut set = Vec::new();
    let (mut constrained, mut check) = (false, None);
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("field"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("unit") {
                let unit: LitStr = meta.value()?.parse()?;
                set.push(quote!(__constraints.unit = ::core::option::Option::Some(#unit);));
                return Ok(());
            }
            if meta.path.is_ident("step") {
                let step = number(&meta)?;
                set.push(
                    quote!(__constraints.step = ::core::option::Option::Some((#step) as f64);),
                );
                return Ok(());
            }
            constrained = true;
            if meta.path.is_ident("min") {
                let min = number(&meta)?;
                set.push(quote!(__constraints.min = ::core::option::Option::Some((#min) as f64);));
            } else if meta.path.is_ident("max") {
                let max = number(&meta)?;
                set.push(quote!(__constraints.max = ::core::option::Option::Some((#max) as f64);));
            } else if meta.path.is_ident("finite") {
                set.push(quote!(__constraints.finite = true;));
            } else if meta.path.is_ident("len") {
                meta.input.parse::<Token![<=]>()?;
                let len: LitInt = meta.input.parse()?;
                set.push(quote!(__constraints.max_len = ::core::option::Option::Some(#len);));
            } else if meta.path.is_ident("check") {
                check = Some(meta.value()?.parse::<Path>()?);
                set.push(quote!(__constraints.custom = true;));
            } else {
                return Err(meta.error(
                    "expected `unit`, `min`, `max`, `step`, `finite`, `len <= N` or `check`",
                ));
            }
            Ok(())
        })?;
    }
    let constraints = quote!({
        #[allow(unused_mut, reason = "a field without options")]
        let mut __constraints = #krate::Constraints::NONE;
        #(#set)*
        __constraints
    });
    Ok((constraints, constrained, check))
}

fn fields(fields: &Fields, krate: &Path) -> Result<Vec<Field>> {
    let field = |(number, (member, field)): (usize, (Member, &syn::Field))| {
        let (constraints, constrained, check) = options(field, krate)?;
        let name = match &member {
            Member::Named(ident) => ident.to_string().trim_start_matches("r#").to_owned(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let binding = Ident::new(&format!("__field{number}"), Span::call_site());
        Ok(Field {
            member,
            binding,
            name,
            ty: field.ty.clone(),
            constraints,
            constrained,
            check,
        })
    };
    fields
        .members()
        .zip(fields)
        .enumerate()
        .map(field)
        .collect()
}

/// The bodies that struct and variants share.
struct Parts {
    pattern: TokenStream,
    names: Vec<String>,
    validate: TokenStream,
    to_fields: TokenStream,
    from_fields: TokenStream,
    encode: TokenStream,
    decode: TokenStream,
    map: TokenStream,
}

fn parts(path: &TokenStream, fields: &[Field], krate: &Path) -> Parts {
    let members: Vec<_> = fields.iter().map(|field| &field.member).collect();
    let bindings: Vec<_> = fields.iter().map(|field| &field.binding).collect();
    let names: Vec<_> = fields.iter().map(|field| field.name.clone()).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let checks = fields.iter().map(|field| {
        let Field { binding, name, ty, constraints, constrained, check, .. } = field;
        let own = constrained.then(|| {
            quote! {
                const { &#constraints };
                if let ::core::result::Result::Err(violation) = <#ty as #krate::Schema>::check(#binding, const { &#constraints }) {
                    return ::core::result::Result::Err(violation.inside(#name));
                }
            }
        });
        let custom = check.as_ref().map(|check| {
            quote! {
                if let ::core::result::Result::Err(expected) = #check(#binding) {
                    let found = #krate::__private::found(#binding);
                    return ::core::result::Result::Err(#krate::Violation::new(expected, found).inside(#name));
                }
            }
        });
        quote! {
            if <#ty as #krate::Schema>::CAN_FAIL {
                if let ::core::result::Result::Err(violation) = <#ty as #krate::Schema>::validate(#binding) {
                    return ::core::result::Result::Err(violation.inside(#name));
                }
            }
            #own
            #custom
        }
    });
    Parts {
        pattern: quote!(#path { #(#members: #bindings),* }),
        validate: quote!(#(#checks)*),
        to_fields: quote!(
            ::std::vec![#((::std::borrow::Cow::Borrowed(#names), <#types as #krate::Schema>::to_value(#bindings))),*]
        ),
        from_fields: quote!(#path { #(#members: __fields.get::<#types>(#names)?),* }),
        encode: quote!(#(<#types as #krate::Schema>::encode(#bindings, __out);)*),
        decode: quote!(#path { #(#members: <#types as #krate::Schema>::decode(__input)?),* }),
        map: quote!(#(<#types as #krate::Schema>::map_entities(#bindings, __map);)*),
        names,
    }
}

fn describe(field: &Field, offset: bool, krate: &Path) -> TokenStream {
    let Field {
        member,
        name,
        ty,
        constraints,
        ..
    } = field;
    let offset = offset.then(|| quote!(.at(::core::mem::offset_of!(Self, #member))));
    quote!(#krate::FieldSchema::new(#name, <#ty as #krate::Schema>::type_schema()) #offset .constrained(const { #constraints }))
}

pub(crate) fn expand(input: &DeriveInput, krate: &Path) -> Result<TokenStream> {
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    let mut all: Vec<Field> = Vec::new();
    let (describes, validate, to_value, from_value, encode, decode, map);
    match &input.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields, krate)?;
            let described = fields.iter().map(|field| describe(field, true, krate));
            describes = quote!(#krate::TypeSchema::Struct(::std::vec![#(#described),*]));
            let Parts {
                pattern,
                names,
                validate: checks,
                to_fields,
                from_fields,
                encode: write,
                decode: read,
                map: maps,
            } = parts(&quote!(Self), &fields, krate);
            validate = quote!(let #pattern = self; #checks);
            to_value = quote!(let #pattern = self; #krate::Value::Struct(#to_fields));
            from_value = quote!(let __fields = #krate::__private::Fields::of(__value, &[#(#names),*])?; ::core::result::Result::Ok(#from_fields));
            encode = quote!(let #pattern = self; #write);
            decode = quote!(::core::result::Result::Ok(#read));
            map = quote!(let #pattern = self; #maps);
            all.extend(fields);
        }
        Data::Enum(data) if !data.variants.is_empty() => {
            let (mut described, mut checks, mut values, mut froms, mut writes, mut reads, mut maps) =
                (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
            let mut known = Vec::new();
            for (number, variant) in data.variants.iter().enumerate() {
                let number = u32::try_from(number)
                    .map_err(|_| Error::new_spanned(ident, "too many variants"))?;
                let fields = fields(&variant.fields, krate)?;
                let (name, variant) = (
                    variant
                        .ident
                        .to_string()
                        .trim_start_matches("r#")
                        .to_owned(),
                    &variant.ident,
                );
                let inside = fields.iter().map(|field| describe(field, false, krate));
                described
                    .push(quote!(#krate::VariantSchema::new(#name, ::std::vec![#(#inside),*])));
                let part = parts(&quote!(Self::#variant), &fields, krate);
                let (pattern, names) = (&part.pattern, &part.names);
                let (check, to_fields, from_fields, write, read, map) = (
                    &part.validate,
                    &part.to_fields,
                    &part.from_fields,
                    &part.encode,
                    &part.decode,
                    &part.map,
                );
                checks.push(quote!(#pattern => { #check }));
                values.push(quote!(#pattern => #krate::Value::Variant(::std::borrow::Cow::Borrowed(#name), #to_fields)));
                froms.push(quote!(#name => {
                    let __fields = #krate::__private::Fields::new(__fields, &[#(#names),*])?;
                    ::core::result::Result::Ok(#from_fields)
                }));
                writes
                    .push(quote!(#pattern => { __out.bytes(&u32::to_le_bytes(#number)); #write }));
                reads.push(quote!(#number => ::core::result::Result::Ok(#read)));
                maps.push(quote!(#pattern => { #map }));
                known.push(name);
                all.extend(fields);
            }
            let expected = format!("one of the variants {}", known.join(", "));
            let count = format!("a variant below {}", known.len());
            describes = quote!(#krate::TypeSchema::Enum(::std::vec![#(#described),*]));
            validate = quote!(match self { #(#checks)* });
            to_value = quote!(match self { #(#values),* });
            from_value = quote!(match __value {
                #krate::Value::Variant(__name, __fields) => match &**__name {
                    #(#froms)*
                    _ => ::core::result::Result::Err(#krate::Violation::new(#expected, ::std::format!("{__name}"))),
                },
                _ => ::core::result::Result::Err(#krate::Violation::new(#expected, __value.kind())),
            });
            encode = quote!(match self { #(#writes)* });
            decode = quote!(match u32::from_le_bytes(__input.array()?) {
                #(#reads,)*
                __other => ::core::result::Result::Err(__input.wrong(#count, __other)),
            });
            map = quote!(match self { #(#maps)* });
        }
        _ => {
            return Err(Error::new_spanned(
                ident,
                "a schema needs a struct, or an enum with variants",
            ));
        }
    }
    let types: Vec<_> = all.iter().map(|field| &field.ty).collect();
    let fails = all.iter().any(|field| field.constrained);
    for field in &all {
        if !generics.params.is_empty() {
            let ty = &field.ty;
            generics
                .make_where_clause()
                .predicates
                .push(parse_quote!(#ty: #krate::Schema));
        }
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "derived")]
        impl #impl_generics #krate::Schema for #ident #ty_generics #where_clause {
            const HAS_ENTITIES: bool = false #(|| <#types as #krate::Schema>::HAS_ENTITIES)*;
            const CAN_FAIL: bool = #fails #(|| <#types as #krate::Schema>::CAN_FAIL)*;
            fn type_schema() -> #krate::TypeSchema { #describes }
            fn validate(&self) -> ::core::result::Result<(), #krate::Violation> {
                #validate
                ::core::result::Result::Ok(())
            }
            fn to_value(&self) -> #krate::Value { #to_value }
            fn from_value(__value: &#krate::Value) -> ::core::result::Result<Self, #krate::Violation> { #from_value }
            #[inline]
            fn encode(&self, __out: &mut #krate::Encoder<'_>) { #encode }
            #[inline]
            fn decode(__input: &mut #krate::Decoder<'_>) -> ::core::result::Result<Self, #krate::DecodeError> { #decode }
            fn map_entities(&mut self, __map: &mut dyn ::core::ops::FnMut(#krate::Entity) -> #krate::Entity) { #map }
        }
    })
}

/// `#[derive(Schema)]` on its own.
pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    let mut krate: Path = parse_quote!(::storm_ecs);
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("schema"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                krate = meta.value()?.parse::<LitStr>()?.parse()?;
                Ok(())
            } else {
                Err(meta.error("expected `crate`"))
            }
        })?;
    }
    expand(&input, &krate)
}

/// `unsafe impl Pod`, checked at compile time.
pub(crate) fn pod(input: &DeriveInput, krate: &Path, bytemuck: bool) -> Result<TokenStream> {
    let ident = &input.ident;
    if bytemuck {
        return Ok(quote! {
            const _: fn() = || {
                fn is_pod<T: ::bytemuck::Pod>() {}
                is_pod::<#ident>();
            };
            // SAFETY: `bytemuck::Pod` asks for the same.
            unsafe impl #krate::Pod for #ident {}
        });
    }
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(ident, "only a struct can be Pod"));
    };
    let mut fixed = false;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("repr"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("packed") {
                return Err(
                    meta.error("a Pod component cannot be packed: its fields would not be aligned")
                );
            }
            fixed |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    if !fixed {
        return Err(Error::new_spanned(
            ident,
            "a Pod component must be repr(C) or repr(transparent): files and other builds rely on its layout",
        ));
    }
    let types: Vec<_> = data.fields.iter().map(|field| &field.ty).collect();
    Ok(quote! {
        const _: () = {
            const fn is_pod<T: #krate::Pod>() {}
            #(is_pod::<#types>();)*
            ::core::assert!(
                0 #(+ ::core::mem::size_of::<#types>())* == ::core::mem::size_of::<#ident>(),
                "a Pod component cannot have padding: add explicit fields for it"
            );
        };
        // SAFETY: every field is Pod, and they fill the type.
        unsafe impl #krate::Pod for #ident {}
    })
}
