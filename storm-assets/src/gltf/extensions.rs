//! Which extensions this reader knows, and what it says about the others.

use std::collections::BTreeSet;

use super::{context::Context, cursor::Cursor, error::Problem};

/// Extensions that are read in full. Whether a consumer draws them is its own business: see
/// [`LoadOptions::without`](super::LoadOptions::without).
pub const SUPPORTED_EXTENSIONS: &[&str] = &[
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "EXT_texture_webp",
    "KHR_animation_pointer",
    "KHR_lights_punctual",
    "KHR_materials_anisotropy",
    "KHR_materials_clearcoat",
    "KHR_materials_dispersion",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_iridescence",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_transmission",
    "KHR_materials_unlit",
    "KHR_materials_variants",
    "KHR_materials_volume",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_node_visibility",
    "KHR_texture_basisu",
    "KHR_texture_transform",
    "KHR_xmp_json_ld",
];

/// What `extensionsUsed` and `extensionsRequired` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) used: Vec<String>,
    pub(super) required: Vec<String>,
}

impl Extensions {
    pub(super) fn uses(&self, name: &str) -> bool {
        self.used.iter().any(|used| used == name)
    }
}

/// Reads both lists. A required extension that is not known is an error, a used one a warning.
pub(super) fn read(context: &mut Context, root: Cursor<'_>) -> Result<Extensions, Problem> {
    let names = |context: &mut Context, key: &str| {
        context.list(root, key, |context, name, _| {
            let text = name.text()?;
            context.budget.values::<u8>(text.len(), || name.pointer())?;
            Ok((text.to_owned(), name))
        })
    };
    let required = names(context, "extensionsRequired")?;
    if let Some((name, _)) = required.iter().find(|(name, _)| !context.reads(name)) {
        return Err(Problem::Extension {
            name: super::error::shortened(name),
        });
    }
    // So `required` is at most as long as the list of supported ones, once no name stands twice.
    each_once(&required)?;
    let used = names(context, "extensionsUsed")?;
    each_once(&used)?;
    for (name, place) in &used {
        if !context.reads(name) {
            context.warn(*place, || {
                format!(
                    "the extension {} is not supported; the core values are used instead",
                    super::error::shortened(name)
                )
            });
        }
    }
    let mut used: Vec<String> = used.into_iter().map(|(name, _)| name).collect();
    for (name, place) in &required {
        if !used.contains(name) {
            context.warn(*place, || {
                "is required, yet not listed in extensionsUsed".to_owned()
            });
            used.push(name.clone());
        }
    }
    Ok(Extensions {
        used,
        required: required.into_iter().map(|(name, _)| name).collect(),
    })
}

fn each_once(names: &[(String, Cursor<'_>)]) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (name, place) in names {
        if !seen.insert(name.as_str()) {
            return Err(place.wrong_found("each extension once", "it again"));
        }
    }
    Ok(())
}
