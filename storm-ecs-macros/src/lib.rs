//! Derive macros of storm-ecs: `Component` and `Bundle`. Use them through `storm_ecs`, which re-exports them.
#![forbid(unsafe_code)]

mod bundle;
mod component;
mod resource;
mod schema;

use proc_macro::TokenStream;

/// Implements `storm_ecs::Component`.
///
/// Options, all in `#[component(…)]`:
/// - `name = "crate.Type"`: the stable name. Default: the package's name, a dot and the type's name.
/// - `track = "block" | "exact" | "none"`: change tracking. Default: `block`.
/// - `storage = "table" | "sparse" | "tag"`: where values live. Default: `table`.
/// - `immutable`: values cannot be written in place, only inserted anew.
/// - `on_insert = path`, `on_remove = path`: functions that run when a value was inserted, or is about to be removed.
/// - `schema`: describes the fields, as `#[derive(Schema)]` does for types that are no components. Fields take `#[field(…)]`.
/// - `clone`: the type is `Clone`, and prefabs copy values by it.
/// - `pod`: the bytes are the value. Fields must be `Pod` and leave no padding; `pod = "bytemuck"` relies on `bytemuck::Pod` instead.
/// - `crate = "path"`: where storm-ecs is found, if not at `::storm_ecs`.
///
/// Generic types are refused: a component's name is a constant, so each instantiation needs its own
/// hand-written `impl Component`.
#[proc_macro_derive(Component, attributes(component, field))]
pub fn derive_component(input: TokenStream) -> TokenStream {
    expand(input, component::expand)
}

/// Implements `storm_ecs::Bundle` for a struct whose fields are bundles or components.
///
/// `#[bundle(crate = "path")]` says where storm-ecs is found, if not at `::storm_ecs`.
#[proc_macro_derive(Bundle, attributes(bundle))]
pub fn derive_bundle(input: TokenStream) -> TokenStream {
    expand(input, bundle::expand)
}

/// Implements `storm_ecs::Schema` for a type inside components.
///
/// `#[schema(crate = "path")]` says where storm-ecs is found, if not at `::storm_ecs`.
#[proc_macro_derive(Schema, attributes(schema, field))]
pub fn derive_schema(input: TokenStream) -> TokenStream {
    expand(input, schema::derive)
}

/// Implements `storm_ecs::Resource`. Generic types may derive it.
///
/// `#[resource(crate = "path")]` says where storm-ecs is found, if not at `::storm_ecs`.
#[proc_macro_derive(Resource, attributes(resource))]
pub fn derive_resource(input: TokenStream) -> TokenStream {
    expand(input, resource::expand)
}

fn expand(
    input: TokenStream,
    with: fn(syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(input)
        .and_then(with)
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
