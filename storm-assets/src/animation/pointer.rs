//! What an animation pointer drives (KHR_animation_pointer): a property of a value, as a list of numbers.

use crate::{AlphaMode, Material, PointerObject, TextureSlot, TextureTransform};

/// A property that a pointer leads to, as indices of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PointerTarget {
    /// Whether a node is shown: one number, 0 or not.
    NodeVisible(u32),
    /// One morph weight of a node.
    NodeWeight(u32, u32),
    /// All morph weights of nodes with this mesh that have none of their own.
    MeshWeights(u32),
    /// One of them.
    MeshWeight(u32, u32),
    /// A property of a material.
    Material(u32, MaterialField),
    /// A property of a camera.
    Camera(u32, CameraField),
    /// A property of a light.
    Light(u32, LightField),
}

impl PointerTarget {
    /// What a pointer leads to; `None` where this crate knows no such property.
    ///
    /// ```
    /// use storm_assets::{PointerObject, animation::{MaterialField, PointerTarget}};
    ///
    /// let found = PointerTarget::parse("/materials/2/pbrMetallicRoughness/roughnessFactor", PointerObject::Material(2));
    /// assert_eq!(found, Some(PointerTarget::Material(2, MaterialField::Roughness)));
    /// assert_eq!(PointerTarget::parse("/materials/2/shininess", PointerObject::Material(2)), None);
    /// ```
    #[must_use]
    pub fn parse(pointer: &str, object: PointerObject) -> Option<Self> {
        let rest = |list: &str, index: u32| {
            let start = format!("/{list}/{index}/");
            pointer.strip_prefix(start.as_str())
        };
        let weight = |path: &str| path.strip_prefix("weights/")?.parse().ok();
        match object {
            PointerObject::Node(node) => match rest("nodes", node)? {
                "extensions/KHR_node_visibility/visible" => Some(Self::NodeVisible(node)),
                path => Some(Self::NodeWeight(node, weight(path)?)),
            },
            PointerObject::Mesh(mesh) => match rest("meshes", mesh)? {
                "weights" => Some(Self::MeshWeights(mesh)),
                path => Some(Self::MeshWeight(mesh, weight(path)?)),
            },
            PointerObject::Material(material) => {
                let field = MaterialField::parse(rest("materials", material)?)?;
                Some(Self::Material(material, field))
            }
            PointerObject::Camera(camera) => {
                let field = match rest("cameras", camera)? {
                    "perspective/yfov" => CameraField::Yfov,
                    "perspective/aspectRatio" => CameraField::Aspect,
                    "perspective/znear" | "orthographic/znear" => CameraField::Near,
                    "perspective/zfar" | "orthographic/zfar" => CameraField::Far,
                    "orthographic/xmag" => CameraField::Xmag,
                    "orthographic/ymag" => CameraField::Ymag,
                    _ => return None,
                };
                Some(Self::Camera(camera, field))
            }
            PointerObject::Light(light) => {
                let field = match rest("extensions/KHR_lights_punctual/lights", light)? {
                    "color" => LightField::Color,
                    "intensity" => LightField::Intensity,
                    "range" => LightField::Range,
                    "spot/innerConeAngle" => LightField::InnerCone,
                    "spot/outerConeAngle" => LightField::OuterCone,
                    _ => return None,
                };
                Some(Self::Light(light, field))
            }
            PointerObject::Other => None,
        }
    }
}

/// A property of a camera: one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as in glTF")]
pub enum CameraField {
    Yfov,
    Aspect,
    Near,
    Far,
    Xmag,
    Ymag,
}

/// A property of a light: one number, three for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as in glTF")]
pub enum LightField {
    Color,
    Intensity,
    Range,
    InnerCone,
    OuterCone,
}

/// A part of a [`TextureTransform`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as the fields")]
pub enum TransformPart {
    Offset,
    Rotation,
    Scale,
}

impl TransformPart {
    fn of(self, transform: &mut TextureTransform) -> &mut [f32] {
        match self {
            Self::Offset => &mut transform.offset,
            Self::Rotation => std::slice::from_mut(&mut transform.rotation),
            Self::Scale => &mut transform.scale,
        }
    }
}

fn one(number: &mut f32) -> Option<&mut [f32]> {
    Some(std::slice::from_mut(number))
}

macro_rules! fields {
    (
        numbers { $($number:ident = $number_path:literal, |$n:ident| $number_get:expr;)* }
        textures { $($texture:ident = $texture_path:literal, |$t:ident| $texture_get:expr;)* }
    ) => {
        /// A property of a material: a number, a colour, or a part of the transform of a texture.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "named as the fields of `Material` and its layers")]
        #[non_exhaustive]
        pub enum MaterialField {
            $($number,)*
            Texture(MaterialTexture, TransformPart),
        }

        /// A texture of a material.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "named as the fields of `Material` and its layers")]
        #[non_exhaustive]
        pub enum MaterialTexture {
            $($texture,)*
        }

        impl MaterialField {
            /// What the end of a pointer names, from the material on.
            #[must_use]
            pub fn parse(path: &str) -> Option<Self> {
                match path {
                    $($number_path => return Some(Self::$number),)*
                    _ => {}
                }
                let (texture, part) = path.split_once("/extensions/KHR_texture_transform/")?;
                let texture = match texture {
                    $($texture_path => MaterialTexture::$texture,)*
                    _ => return None,
                };
                let part = match part {
                    "offset" => TransformPart::Offset,
                    "rotation" => TransformPart::Rotation,
                    "scale" => TransformPart::Scale,
                    _ => return None,
                };
                Some(Self::Texture(texture, part))
            }

            /// The numbers of this property; `None` where the material does not have it.
            pub fn of(self, material: &mut Material) -> Option<&mut [f32]> {
                match self {
                    $(Self::$number => {
                        let $n = material;
                        $number_get
                    })*
                    Self::Texture(texture, part) => {
                        let slot: Option<&mut TextureSlot> = match texture {
                            $(MaterialTexture::$texture => {
                                let $t = material;
                                $texture_get
                            })*
                        };
                        Some(part.of(&mut slot?.transform))
                    }
                }
            }
        }
    };
}

fields! {
    numbers {
        BaseColor = "pbrMetallicRoughness/baseColorFactor", |m| Some(&mut m.base_color);
        Metallic = "pbrMetallicRoughness/metallicFactor", |m| one(&mut m.metallic);
        Roughness = "pbrMetallicRoughness/roughnessFactor", |m| one(&mut m.roughness);
        NormalScale = "normalTexture/scale", |m| one(&mut m.normal_scale);
        OcclusionStrength = "occlusionTexture/strength", |m| one(&mut m.occlusion_strength);
        Emissive = "emissiveFactor", |m| Some(&mut m.emissive);
        AlphaCutoff = "alphaCutoff", |m| match &mut m.alpha_mode {
            AlphaMode::Mask(cutoff) => one(cutoff),
            _ => None,
        };
        EmissiveStrength = "extensions/KHR_materials_emissive_strength/emissiveStrength", |m| one(&mut m.emissive_strength);
        Ior = "extensions/KHR_materials_ior/ior", |m| one(&mut m.ior);
        Dispersion = "extensions/KHR_materials_dispersion/dispersion", |m| one(&mut m.dispersion);
        Specular = "extensions/KHR_materials_specular/specularFactor", |m| one(&mut m.specular.as_mut()?.factor);
        SpecularColor = "extensions/KHR_materials_specular/specularColorFactor", |m| Some(&mut m.specular.as_mut()?.color);
        Clearcoat = "extensions/KHR_materials_clearcoat/clearcoatFactor", |m| one(&mut m.clearcoat.as_mut()?.factor);
        ClearcoatRoughness = "extensions/KHR_materials_clearcoat/clearcoatRoughnessFactor", |m| one(&mut m.clearcoat.as_mut()?.roughness);
        ClearcoatNormalScale = "extensions/KHR_materials_clearcoat/clearcoatNormalTexture/scale", |m| one(&mut m.clearcoat.as_mut()?.normal_scale);
        SheenColor = "extensions/KHR_materials_sheen/sheenColorFactor", |m| Some(&mut m.sheen.as_mut()?.color);
        SheenRoughness = "extensions/KHR_materials_sheen/sheenRoughnessFactor", |m| one(&mut m.sheen.as_mut()?.roughness);
        Transmission = "extensions/KHR_materials_transmission/transmissionFactor", |m| one(&mut m.transmission.as_mut()?.factor);
        Thickness = "extensions/KHR_materials_volume/thicknessFactor", |m| one(&mut m.volume.as_mut()?.thickness);
        AttenuationDistance = "extensions/KHR_materials_volume/attenuationDistance", |m| one(&mut m.volume.as_mut()?.attenuation_distance);
        AttenuationColor = "extensions/KHR_materials_volume/attenuationColor", |m| Some(&mut m.volume.as_mut()?.attenuation_color);
        AnisotropyStrength = "extensions/KHR_materials_anisotropy/anisotropyStrength", |m| one(&mut m.anisotropy.as_mut()?.strength);
        AnisotropyRotation = "extensions/KHR_materials_anisotropy/anisotropyRotation", |m| one(&mut m.anisotropy.as_mut()?.rotation);
        Iridescence = "extensions/KHR_materials_iridescence/iridescenceFactor", |m| one(&mut m.iridescence.as_mut()?.factor);
        IridescenceIor = "extensions/KHR_materials_iridescence/iridescenceIor", |m| one(&mut m.iridescence.as_mut()?.ior);
        IridescenceThicknessMin = "extensions/KHR_materials_iridescence/iridescenceThicknessMinimum", |m| one(&mut m.iridescence.as_mut()?.thickness_min);
        IridescenceThicknessMax = "extensions/KHR_materials_iridescence/iridescenceThicknessMaximum", |m| one(&mut m.iridescence.as_mut()?.thickness_max);
    }
    textures {
        BaseColor = "pbrMetallicRoughness/baseColorTexture", |m| m.base_color_texture.as_mut();
        MetallicRoughness = "pbrMetallicRoughness/metallicRoughnessTexture", |m| m.metallic_roughness_texture.as_mut();
        Normal = "normalTexture", |m| m.normal_texture.as_mut();
        Occlusion = "occlusionTexture", |m| m.occlusion_texture.as_mut();
        Emissive = "emissiveTexture", |m| m.emissive_texture.as_mut();
        Specular = "extensions/KHR_materials_specular/specularTexture", |m| m.specular.as_mut()?.texture.as_mut();
        SpecularColor = "extensions/KHR_materials_specular/specularColorTexture", |m| m.specular.as_mut()?.color_texture.as_mut();
        Clearcoat = "extensions/KHR_materials_clearcoat/clearcoatTexture", |m| m.clearcoat.as_mut()?.texture.as_mut();
        ClearcoatRoughness = "extensions/KHR_materials_clearcoat/clearcoatRoughnessTexture", |m| m.clearcoat.as_mut()?.roughness_texture.as_mut();
        ClearcoatNormal = "extensions/KHR_materials_clearcoat/clearcoatNormalTexture", |m| m.clearcoat.as_mut()?.normal_texture.as_mut();
        SheenColor = "extensions/KHR_materials_sheen/sheenColorTexture", |m| m.sheen.as_mut()?.color_texture.as_mut();
        SheenRoughness = "extensions/KHR_materials_sheen/sheenRoughnessTexture", |m| m.sheen.as_mut()?.roughness_texture.as_mut();
        Transmission = "extensions/KHR_materials_transmission/transmissionTexture", |m| m.transmission.as_mut()?.texture.as_mut();
        Thickness = "extensions/KHR_materials_volume/thicknessTexture", |m| m.volume.as_mut()?.thickness_texture.as_mut();
        Anisotropy = "extensions/KHR_materials_anisotropy/anisotropyTexture", |m| m.anisotropy.as_mut()?.texture.as_mut();
        Iridescence = "extensions/KHR_materials_iridescence/iridescenceTexture", |m| m.iridescence.as_mut()?.texture.as_mut();
        IridescenceThickness = "extensions/KHR_materials_iridescence/iridescenceThicknessTexture", |m| m.iridescence.as_mut()?.thickness_texture.as_mut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_what_the_object_model_says() {
        use PointerObject as O;
        let material = |field| Some(PointerTarget::Material(1, field));
        for (pointer, object, expected) in [
            (
                "/nodes/3/extensions/KHR_node_visibility/visible",
                O::Node(3),
                Some(PointerTarget::NodeVisible(3)),
            ),
            (
                "/nodes/3/weights/2",
                O::Node(3),
                Some(PointerTarget::NodeWeight(3, 2)),
            ),
            (
                "/meshes/0/weights",
                O::Mesh(0),
                Some(PointerTarget::MeshWeights(0)),
            ),
            (
                "/meshes/0/weights/1",
                O::Mesh(0),
                Some(PointerTarget::MeshWeight(0, 1)),
            ),
            (
                "/materials/1/emissiveFactor",
                O::Material(1),
                material(MaterialField::Emissive),
            ),
            (
                "/materials/1/normalTexture/extensions/KHR_texture_transform/rotation",
                O::Material(1),
                material(MaterialField::Texture(
                    MaterialTexture::Normal,
                    TransformPart::Rotation,
                )),
            ),
            (
                "/cameras/0/perspective/yfov",
                O::Camera(0),
                Some(PointerTarget::Camera(0, CameraField::Yfov)),
            ),
            (
                "/extensions/KHR_lights_punctual/lights/4/spot/outerConeAngle",
                O::Light(4),
                Some(PointerTarget::Light(4, LightField::OuterCone)),
            ),
            ("/materials/1/doubleSided", O::Material(1), None),
            ("/nodes/3/weights/x", O::Node(3), None),
            ("/scenes/0/name", O::Other, None),
            ("/materials/01/emissiveFactor", O::Material(1), None),
        ] {
            assert_eq!(PointerTarget::parse(pointer, object), expected, "{pointer}");
        }
    }

    #[test]
    fn a_layer_that_is_not_there_has_no_numbers() {
        let mut material = Material::default();
        assert_eq!(MaterialField::Clearcoat.of(&mut material), None);
        assert_eq!(MaterialField::AlphaCutoff.of(&mut material), None);
        assert_eq!(
            MaterialField::BaseColor.of(&mut material),
            Some(&mut [1.0; 4][..])
        );
        let scale = MaterialField::Texture(MaterialTexture::Normal, TransformPart::Scale);
        assert_eq!(scale.of(&mut material), None);
    }
}
