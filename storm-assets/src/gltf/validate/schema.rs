//! What the JSON schemas of glTF 2.0 and its extensions say of each object: names, types and ranges, as tables, and one walk that checks them.

use super::{
    codes::{self, Code},
    report::Reporter,
};
use crate::gltf::cursor::Cursor;

/// What a property holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// An index into a list elsewhere.
    Index,
    /// An integer from `min` to `max`.
    Integer {
        min: u64,
        max: u64,
    },
    /// One of these integers.
    OneOf(&'static [u64]),
    /// A number.
    Number(Range),
    Boolean,
    Text,
    /// One of these texts; others are noted.
    TextOf(&'static [&'static str]),
    /// `major.minor`.
    Version,
    /// A JSON pointer.
    Pointer,
    /// So many numbers, each within the range; 0 for any length.
    Numbers {
        count: usize,
        range: Range,
    },
    /// A list of different indices.
    Indices,
    /// A list of different texts.
    Texts,
    /// An object.
    Object(&'static Object),
    /// A list of objects.
    Objects(&'static Object),
    /// Checked elsewhere.
    Other,
}

/// Where a number may lie.
#[derive(Clone, Copy)]
pub(super) struct Range {
    min: f64,
    max: f64,
    /// Whether the ends themselves are out.
    open: (bool, bool),
    /// A number outside that is allowed all the same.
    also: f64,
}

const ANY: Range = Range {
    min: f64::NEG_INFINITY,
    max: f64::INFINITY,
    open: (false, false),
    also: f64::NAN,
};
const UNIT: Range = Range {
    min: 0.0,
    max: 1.0,
    ..ANY
};
const NOT_NEGATIVE: Range = Range { min: 0.0, ..ANY };
const POSITIVE: Range = Range {
    min: 0.0,
    open: (true, false),
    ..ANY
};
const SIGNED_UNIT: Range = Range {
    min: -1.0,
    max: 1.0,
    ..ANY
};

impl Range {
    fn contains(&self, value: f64) -> bool {
        let low = value > self.min || !self.open.0 && value == self.min;
        let high = value < self.max || !self.open.1 && value == self.max;
        low && high || value == self.also
    }
}

/// A property of an object.
pub(super) struct Property {
    pub(super) name: &'static str,
    kind: Kind,
    required: bool,
}

/// An object of the schema.
pub(super) struct Object {
    pub(super) name: &'static str,
    pub(super) properties: &'static [Property],
    /// Extensions that may stand on it.
    extensions: &'static [(&'static str, &'static Object)],
}

const fn may(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        required: false,
    }
}

const fn must(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        required: true,
    }
}

const fn object(name: &'static str, properties: &'static [Property]) -> Object {
    Object {
        name,
        properties,
        extensions: &[],
    }
}

use Kind::{
    Boolean, Index, Indices, Integer, Number, Numbers, Object as Inner, Objects, OneOf, Other,
    Pointer, Text, TextOf, Texts, Version,
};

const UNSIGNED: Kind = Integer {
    min: 0,
    max: u64::MAX,
};
const COUNT: Kind = Integer {
    min: 1,
    max: u64::MAX,
};
const COLOR3: Kind = Numbers {
    count: 3,
    range: UNIT,
};
const COLOR4: Kind = Numbers {
    count: 4,
    range: UNIT,
};

const fn numbers(count: usize) -> Kind {
    Numbers { count, range: ANY }
}

pub(super) const COMPONENTS: &[u64] = &[5120, 5121, 5122, 5123, 5125, 5126];

pub(super) static ROOT: Object = Object {
    name: "glTF",
    properties: &[
        may("extensionsUsed", Other),
        may("extensionsRequired", Other),
        may("accessors", Other),
        may("animations", Other),
        may("asset", Other),
        may("buffers", Other),
        may("bufferViews", Other),
        may("cameras", Other),
        may("images", Other),
        may("materials", Other),
        may("meshes", Other),
        may("nodes", Other),
        may("samplers", Other),
        may("scene", Index),
        may("scenes", Other),
        may("skins", Other),
        may("textures", Other),
    ],
    extensions: &[
        ("KHR_lights_punctual", &LIGHTS),
        ("KHR_materials_variants", &VARIANTS),
    ],
};

pub(super) static EXTENSION_LISTS: Object = object(
    "glTF",
    &[
        may("extensionsUsed", Texts),
        may("extensionsRequired", Texts),
    ],
);

pub(super) static ASSET: Object = object(
    "asset",
    &[
        may("copyright", Text),
        may("generator", Text),
        must("version", Version),
        may("minVersion", Version),
    ],
);

static SPARSE: Object = object(
    "sparse",
    &[
        must("count", COUNT),
        must("indices", Inner(&SPARSE_INDICES)),
        must("values", Inner(&SPARSE_VALUES)),
    ],
);
static SPARSE_INDICES: Object = object(
    "sparse.indices",
    &[
        must("bufferView", Index),
        may("byteOffset", UNSIGNED),
        must("componentType", OneOf(&[5121, 5123, 5125])),
    ],
);
static SPARSE_VALUES: Object = object(
    "sparse.values",
    &[must("bufferView", Index), may("byteOffset", UNSIGNED)],
);

pub(super) static ACCESSOR: Object = object(
    "accessor",
    &[
        may("bufferView", Index),
        may("byteOffset", UNSIGNED),
        must("componentType", OneOf(COMPONENTS)),
        must("count", COUNT),
        must(
            "type",
            TextOf(&["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]),
        ),
        may("normalized", Boolean),
        may("max", Other),
        may("min", Other),
        may("sparse", Inner(&SPARSE)),
        may("name", Text),
    ],
);

static CHANNEL: Object = object(
    "channel",
    &[must("target", Inner(&TARGET)), must("sampler", Index)],
);
static TARGET: Object = Object {
    name: "channel.target",
    properties: &[may("node", Index), must("path", Other)],
    extensions: &[("KHR_animation_pointer", &ANIMATION_POINTER)],
};
static ANIMATION_POINTER: Object = object("KHR_animation_pointer", &[must("pointer", Pointer)]);
static ANIMATION_SAMPLER: Object = object(
    "animation.sampler",
    &[
        must("input", Index),
        may("interpolation", TextOf(&["LINEAR", "STEP", "CUBICSPLINE"])),
        must("output", Index),
    ],
);
pub(super) static ANIMATION: Object = object(
    "animation",
    &[
        must("channels", Objects(&CHANNEL)),
        must("samplers", Objects(&ANIMATION_SAMPLER)),
        may("name", Text),
    ],
);

pub(super) static BUFFER: Object = object(
    "buffer",
    &[
        may("uri", Text),
        must("byteLength", COUNT),
        may("name", Text),
    ],
);
pub(super) static BUFFER_VIEW: Object = object(
    "bufferView",
    &[
        must("buffer", Index),
        may("byteOffset", UNSIGNED),
        must("byteLength", COUNT),
        may("byteStride", Integer { min: 4, max: 252 }),
        may("target", OneOf(&[34962, 34963])),
        may("name", Text),
    ],
);

static ORTHOGRAPHIC: Object = object(
    "camera.orthographic",
    &[
        must("xmag", Number(ANY)),
        must("ymag", Number(ANY)),
        must("zfar", Number(POSITIVE)),
        must("znear", Number(NOT_NEGATIVE)),
    ],
);
static PERSPECTIVE: Object = object(
    "camera.perspective",
    &[
        may("aspectRatio", Number(POSITIVE)),
        must("yfov", Number(POSITIVE)),
        may("zfar", Number(POSITIVE)),
        must("znear", Number(POSITIVE)),
    ],
);
/// The projections are checked by the type that is stated: see [`PROJECTIONS`].
pub(super) static CAMERA: Object = object(
    "camera",
    &[
        must("type", TextOf(&["orthographic", "perspective"])),
        may("orthographic", Other),
        may("perspective", Other),
        may("name", Text),
    ],
);
pub(super) static PROJECTIONS: [(&str, Property); 2] = [
    ("orthographic", must("orthographic", Inner(&ORTHOGRAPHIC))),
    ("perspective", must("perspective", Inner(&PERSPECTIVE))),
];

pub(super) static IMAGE: Object = object(
    "image",
    &[
        may("bufferView", Index),
        may("mimeType", Other),
        may("uri", Text),
        may("name", Text),
    ],
);

static TEXTURE_TRANSFORM: Object = object(
    "KHR_texture_transform",
    &[
        may("offset", numbers(2)),
        may("rotation", Number(ANY)),
        may("scale", numbers(2)),
        may("texCoord", UNSIGNED),
    ],
);
const TRANSFORM: &[(&str, &Object)] = &[("KHR_texture_transform", &TEXTURE_TRANSFORM)];
pub(super) const TEXTURE_INFO_NAME: &str = "textureInfo";
pub(super) const NORMAL_INFO_NAME: &str = "normalTextureInfo";
pub(super) const OCCLUSION_INFO_NAME: &str = "occlusionTextureInfo";
static TEXTURE_INFO: Object = Object {
    name: TEXTURE_INFO_NAME,
    properties: &[must("index", Index), may("texCoord", UNSIGNED)],
    extensions: TRANSFORM,
};
static NORMAL_INFO: Object = Object {
    name: NORMAL_INFO_NAME,
    properties: &[
        must("index", Index),
        may("texCoord", UNSIGNED),
        may("scale", Number(ANY)),
    ],
    extensions: TRANSFORM,
};
static OCCLUSION_INFO: Object = Object {
    name: OCCLUSION_INFO_NAME,
    properties: &[
        must("index", Index),
        may("texCoord", UNSIGNED),
        may("strength", Number(UNIT)),
    ],
    extensions: TRANSFORM,
};
const TEXTURE: Kind = Inner(&TEXTURE_INFO);

static METALLIC_ROUGHNESS: Object = object(
    "pbrMetallicRoughness",
    &[
        may("baseColorFactor", COLOR4),
        may("baseColorTexture", TEXTURE),
        may("metallicFactor", Number(UNIT)),
        may("roughnessFactor", Number(UNIT)),
        may("metallicRoughnessTexture", TEXTURE),
    ],
);
pub(super) static MATERIAL: Object = Object {
    name: "material",
    properties: &[
        may("pbrMetallicRoughness", Inner(&METALLIC_ROUGHNESS)),
        may("normalTexture", Inner(&NORMAL_INFO)),
        may("occlusionTexture", Inner(&OCCLUSION_INFO)),
        may("emissiveTexture", TEXTURE),
        may("emissiveFactor", COLOR3),
        may("alphaMode", TextOf(&["OPAQUE", "MASK", "BLEND"])),
        may("alphaCutoff", Number(NOT_NEGATIVE)),
        may("doubleSided", Boolean),
        may("name", Text),
    ],
    extensions: &[
        ("KHR_materials_anisotropy", &ANISOTROPY),
        ("KHR_materials_clearcoat", &CLEARCOAT),
        ("KHR_materials_dispersion", &DISPERSION),
        ("KHR_materials_emissive_strength", &EMISSIVE_STRENGTH),
        ("KHR_materials_ior", &IOR),
        ("KHR_materials_iridescence", &IRIDESCENCE),
        ("KHR_materials_pbrSpecularGlossiness", &SPECULAR_GLOSSINESS),
        ("KHR_materials_sheen", &SHEEN),
        ("KHR_materials_specular", &SPECULAR),
        ("KHR_materials_transmission", &TRANSMISSION),
        ("KHR_materials_unlit", &UNLIT),
        ("KHR_materials_volume", &VOLUME),
    ],
};
static ANISOTROPY: Object = object(
    "KHR_materials_anisotropy",
    &[
        may("anisotropyStrength", Number(UNIT)),
        may("anisotropyRotation", Number(ANY)),
        may("anisotropyTexture", TEXTURE),
    ],
);
static CLEARCOAT: Object = object(
    "KHR_materials_clearcoat",
    &[
        may("clearcoatFactor", Number(UNIT)),
        may("clearcoatTexture", TEXTURE),
        may("clearcoatRoughnessFactor", Number(UNIT)),
        may("clearcoatRoughnessTexture", TEXTURE),
        may("clearcoatNormalTexture", Inner(&NORMAL_INFO)),
    ],
);
static DISPERSION: Object = object(
    "KHR_materials_dispersion",
    &[may("dispersion", Number(NOT_NEGATIVE))],
);
static EMISSIVE_STRENGTH: Object = object(
    "KHR_materials_emissive_strength",
    &[may("emissiveStrength", Number(NOT_NEGATIVE))],
);
static IOR: Object = object(
    "KHR_materials_ior",
    &[may(
        "ior",
        Number(Range {
            min: 1.0,
            also: 0.0,
            ..ANY
        }),
    )],
);
static IRIDESCENCE: Object = object(
    "KHR_materials_iridescence",
    &[
        may("iridescenceFactor", Number(UNIT)),
        may("iridescenceTexture", TEXTURE),
        may("iridescenceIor", Number(Range { min: 1.0, ..ANY })),
        may("iridescenceThicknessMinimum", Number(NOT_NEGATIVE)),
        may("iridescenceThicknessMaximum", Number(NOT_NEGATIVE)),
        may("iridescenceThicknessTexture", TEXTURE),
    ],
);
static SPECULAR_GLOSSINESS: Object = object(
    "KHR_materials_pbrSpecularGlossiness",
    &[
        may("diffuseFactor", COLOR4),
        may("diffuseTexture", TEXTURE),
        may("specularFactor", COLOR3),
        may("glossinessFactor", Number(UNIT)),
        may("specularGlossinessTexture", TEXTURE),
    ],
);
static SHEEN: Object = object(
    "KHR_materials_sheen",
    &[
        may("sheenColorFactor", COLOR3),
        may("sheenColorTexture", TEXTURE),
        may("sheenRoughnessFactor", Number(UNIT)),
        may("sheenRoughnessTexture", TEXTURE),
    ],
);
static SPECULAR: Object = object(
    "KHR_materials_specular",
    &[
        may("specularFactor", Number(UNIT)),
        may("specularTexture", TEXTURE),
        may(
            "specularColorFactor",
            Numbers {
                count: 3,
                range: NOT_NEGATIVE,
            },
        ),
        may("specularColorTexture", TEXTURE),
    ],
);
static TRANSMISSION: Object = object(
    "KHR_materials_transmission",
    &[
        may("transmissionFactor", Number(UNIT)),
        may("transmissionTexture", TEXTURE),
    ],
);
static UNLIT: Object = object("KHR_materials_unlit", &[]);
static VOLUME: Object = object(
    "KHR_materials_volume",
    &[
        may("thicknessFactor", Number(NOT_NEGATIVE)),
        may("thicknessTexture", TEXTURE),
        may("attenuationDistance", Number(POSITIVE)),
        may("attenuationColor", COLOR3),
    ],
);

static PRIMITIVE: Object = Object {
    name: "primitive",
    properties: &[
        may("attributes", Other),
        may("indices", Index),
        may("material", Index),
        may("mode", Integer { min: 0, max: 6 }),
        may("targets", Other),
    ],
    extensions: &[("KHR_materials_variants", &VARIANT_MAPPINGS)],
};
static VARIANT_MAPPINGS: Object = object(
    "primitive.KHR_materials_variants",
    &[must("mappings", Objects(&VARIANT_MAPPING))],
);
static VARIANT_MAPPING: Object = object(
    "variant mapping",
    &[
        must("variants", Indices),
        must("material", Index),
        may("name", Text),
    ],
);
static VARIANTS: Object = object(
    "KHR_materials_variants",
    &[must("variants", Objects(&VARIANT))],
);
static VARIANT: Object = object("variant", &[must("name", Text)]);
pub(super) static MESH: Object = object(
    "mesh",
    &[
        must("primitives", Objects(&PRIMITIVE)),
        may("weights", numbers(0)),
        may("name", Text),
    ],
);

pub(super) static NODE: Object = Object {
    name: "node",
    properties: &[
        may("camera", Index),
        may("children", Indices),
        may("skin", Index),
        may("matrix", numbers(16)),
        may("mesh", Index),
        may(
            "rotation",
            Numbers {
                count: 4,
                range: SIGNED_UNIT,
            },
        ),
        may("scale", numbers(3)),
        may("translation", numbers(3)),
        may("weights", numbers(0)),
        may("name", Text),
    ],
    extensions: &[
        ("KHR_lights_punctual", &NODE_LIGHT),
        ("KHR_node_visibility", &VISIBILITY),
    ],
};
static NODE_LIGHT: Object = object("node.KHR_lights_punctual", &[must("light", Index)]);
static VISIBILITY: Object = object("KHR_node_visibility", &[may("visible", Boolean)]);

static LIGHTS: Object = object("KHR_lights_punctual", &[must("lights", Objects(&LIGHT))]);
const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
static LIGHT: Object = object(
    "light",
    &[
        may("color", COLOR3),
        may("intensity", Number(NOT_NEGATIVE)),
        may("spot", Other),
        must("type", TextOf(&["directional", "point", "spot"])),
        may("range", Number(POSITIVE)),
        may("name", Text),
    ],
);
/// Of lights whose type is `spot`.
pub(super) static SPOT: Property = must("spot", Inner(&SPOT_OBJECT));
static SPOT_OBJECT: Object = object(
    "light.spot",
    &[
        may(
            "innerConeAngle",
            Number(Range {
                min: 0.0,
                max: HALF_PI,
                open: (false, true),
                ..ANY
            }),
        ),
        may(
            "outerConeAngle",
            Number(Range {
                min: 0.0,
                max: HALF_PI,
                open: (true, false),
                ..ANY
            }),
        ),
    ],
);

pub(super) static SAMPLER: Object = object(
    "sampler",
    &[
        may("magFilter", OneOf(&[9728, 9729])),
        may("minFilter", OneOf(&[9728, 9729, 9984, 9985, 9986, 9987])),
        may("wrapS", OneOf(WRAPS)),
        may("wrapT", OneOf(WRAPS)),
        may("name", Text),
    ],
);
const WRAPS: &[u64] = &[33071, 33648, 10497];
pub(super) static SCENE: Object = object("scene", &[may("nodes", Indices), may("name", Text)]);
pub(super) static SKIN: Object = object(
    "skin",
    &[
        may("inverseBindMatrices", Index),
        may("skeleton", Index),
        must("joints", Indices),
        may("name", Text),
    ],
);
pub(super) static TEXTURE_OBJECT: Object = Object {
    name: "texture",
    properties: &[
        may("sampler", Index),
        may("source", Index),
        may("name", Text),
    ],
    extensions: &[("EXT_texture_webp", &WEBP)],
};
static WEBP: Object = object("EXT_texture_webp", &[may("source", Index)]);

/// Extensions that the Khronos validator knows.
pub(super) const KNOWN: &[&str] = &[
    "EXT_texture_webp",
    "KHR_animation_pointer",
    "KHR_lights_punctual",
    "KHR_materials_anisotropy",
    "KHR_materials_clearcoat",
    "KHR_materials_dispersion",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_iridescence",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_transmission",
    "KHR_materials_unlit",
    "KHR_materials_variants",
    "KHR_materials_volume",
    "KHR_mesh_quantization",
    "KHR_node_visibility",
    "KHR_texture_transform",
];

/// Which extensions a file declares.
#[derive(Default)]
pub(super) struct Declared<'a> {
    used: std::collections::HashSet<&'a str>,
}

impl<'a> Declared<'a> {
    pub(super) fn new(used: &[&'a str]) -> Self {
        Self {
            used: used.iter().copied().collect(),
        }
    }

    /// Whether it is declared.
    pub(super) fn has(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    /// Whether it is declared and known.
    pub(super) fn loaded(&self, name: &str) -> bool {
        KNOWN.contains(&name) && self.has(name)
    }
}

/// Called for each object that the walk has checked.
pub(super) type Visit<'v, 'a> = dyn FnMut(&mut Reporter, &'static Object, Cursor<'a>) + 'v;

/// Checks an object and all in it against its table. Deep as the tables, not as the file.
pub(super) fn check<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    schema: &'static Object,
    place: Cursor<'a>,
    visit: &mut Visit<'_, 'a>,
) {
    for (name, value) in place.entries() {
        let known = schema
            .properties
            .iter()
            .any(|property| property.name == name);
        if !known && name != "extensions" && name != "extras" {
            out.at(value, &codes::UNEXPECTED_PROPERTY, "Unexpected property.");
        }
    }
    check_inside(out, declared, schema, place, visit);
}

/// As [`check`], whatever properties there are that the table does not have.
pub(super) fn check_inside<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    schema: &'static Object,
    place: Cursor<'a>,
    visit: &mut Visit<'_, 'a>,
) {
    for property in schema.properties {
        check_property(out, declared, property, place, visit);
    }
    check_extensions(out, declared, schema, place, visit);
    if let Some(extras) = place.entry("extras")
        && !extras.is_object()
        && !extras.is_null()
    {
        out.at(
            extras,
            &codes::NON_OBJECT_EXTRAS,
            "Prefer JSON Objects for extras.",
        );
    }
    visit(out, schema, place);
}

fn check_extensions<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    schema: &'static Object,
    place: Cursor<'a>,
    visit: &mut Visit<'_, 'a>,
) {
    let Some(extensions) = place.entry("extensions") else {
        return;
    };
    if !extensions.is_object() {
        mismatch(out, extensions, "object");
        return;
    }
    let several = extensions.entries().nth(1).is_some();
    for (name, value) in extensions.entries() {
        if !value.is_object() {
            mismatch(out, value, "object");
        }
        if !declared.loaded(name) {
            if !declared.has(name) {
                out.at(
                    value,
                    &codes::UNDECLARED_EXTENSION,
                    "Extension is not declared in extensionsUsed.",
                );
            }
            continue;
        }
        let Some((_, inner)) = schema.extensions.iter().find(|(known, _)| *known == name) else {
            out.at(
                value,
                &codes::UNEXPECTED_EXTENSION_OBJECT,
                "Unexpected location for this extension.",
            );
            continue;
        };
        if several && name == "KHR_materials_pbrSpecularGlossiness" {
            out.at(
                value,
                &codes::MULTIPLE_EXTENSIONS,
                "This extension may be incompatible with other extensions for the object.",
            );
        }
        if value.is_object() {
            check(out, declared, inner, value, visit);
        }
    }
}

fn mismatch(out: &mut Reporter, value: Cursor<'_>, expected: &str) {
    let message = format!(
        "Type mismatch. Property value {} is not a '{expected}'.",
        value.shown()
    );
    out.at(value, &codes::TYPE_MISMATCH, message);
}

fn element_mismatch(out: &mut Reporter, at: Cursor<'_>, element: Cursor<'_>, expected: &str) {
    let message = format!(
        "Type mismatch. Array element {} is not a '{expected}'.",
        element.shown()
    );
    out.at(at, &codes::ARRAY_TYPE_MISMATCH, message);
}

/// Checks one property of an object.
pub(super) fn check_property<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    property: &'static Property,
    place: Cursor<'a>,
    visit: &mut Visit<'_, 'a>,
) {
    let value = place.entry(property.name);
    let Some(value) = value.filter(|value| {
        if value.is_null() && !matches!(property.kind, Other) {
            mismatch(out, *value, property.kind.json_type());
        }
        !value.is_null()
    }) else {
        if property.required && !matches!(property.kind, Other) {
            undefined(out, place, property.name);
        }
        return;
    };
    let empty = |out: &mut Reporter| {
        out.at(value, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
    };
    match property.kind {
        Other => {}
        Index => match value.integer() {
            Some(0..) => {}
            Some(_) => out.at(
                value,
                &codes::INVALID_INDEX,
                "Index must be a non-negative integer.",
            ),
            None => mismatch(out, value, "integer"),
        },
        Integer { min, max } => match value.integer() {
            Some(number) if u64::try_from(number).is_ok_and(|n| (min..=max).contains(&n)) => {}
            Some(number) => out_of_range(out, value, &number),
            None => mismatch(out, value, "integer"),
        },
        OneOf(list) => match value.integer() {
            Some(number)
                if list
                    .iter()
                    .any(|&one| i128::from(one) == i128::from(number)) => {}
            Some(number) => not_in_list(out, &codes::VALUE_NOT_IN_LIST, value, &number, &list),
            None => mismatch(out, value, "integer"),
        },
        Number(range) => match value.number() {
            Some(number) if range.contains(number) => {}
            Some(number) => out_of_range(out, value, &number),
            None => mismatch(out, value, "number"),
        },
        Boolean => {
            if value.boolean().is_err() {
                mismatch(out, value, "boolean");
            }
        }
        Text | TextOf(_) | Version | Pointer => match (value.text(), property.kind) {
            (Err(_), _) => mismatch(out, value, "string"),
            (Ok(text), TextOf(list)) if !list.contains(&text) => {
                not_in_list(out, &codes::VALUE_NOT_IN_LIST, value, &value.shown(), &list);
            }
            (Ok(text), Version) if version(text).is_none() => {
                pattern(out, value, r"^([0-9]+)\.([0-9]+)$");
            }
            (Ok(text), Pointer) if !is_pointer(text) => {
                pattern(out, value, r"^(?:\/(?:[^/~]|~0|~1)*)*$");
            }
            _ => {}
        },
        Numbers { count, range } => {
            let Ok((length, elements)) = value.elements() else {
                mismatch(out, value, "array");
                return;
            };
            if length == 0 {
                empty(out);
            } else if count != 0 && length != count {
                not_in_list(
                    out,
                    &codes::ARRAY_LENGTH_NOT_IN_LIST,
                    value,
                    &length,
                    &[count],
                );
            } else {
                for element in elements {
                    match element.number() {
                        Some(number) if range.contains(number) => {}
                        Some(number) => out_of_range(out, element, &number),
                        None => element_mismatch(out, value, element, "number"),
                    }
                }
            }
        }
        Indices => {
            let Ok((length, elements)) = value.elements() else {
                mismatch(out, value, "array");
                return;
            };
            if length == 0 {
                empty(out);
            }
            let mut seen = std::collections::BTreeSet::new();
            for element in elements {
                match element.integer() {
                    Some(index @ 0..) => {
                        if !seen.insert(index) {
                            out.at(element, &codes::DUPLICATE_ELEMENTS, "Duplicate element.");
                        }
                    }
                    _ => out.at(
                        element,
                        &codes::INVALID_INDEX,
                        "Index must be a non-negative integer.",
                    ),
                }
            }
        }
        Texts => {
            let Ok((length, elements)) = value.elements() else {
                mismatch(out, value, "array");
                return;
            };
            if length == 0 {
                empty(out);
            }
            let mut seen = std::collections::BTreeSet::new();
            for element in elements {
                match element.text() {
                    Ok(text) => {
                        if !seen.insert(text) {
                            out.at(element, &codes::DUPLICATE_ELEMENTS, "Duplicate element.");
                        }
                    }
                    Err(_) => element_mismatch(out, element, element, "string"),
                }
            }
        }
        Inner(schema) => {
            if value.is_object() {
                check(out, declared, schema, value, visit);
            } else {
                mismatch(out, value, "object");
            }
        }
        Objects(schema) => {
            let Ok((length, elements)) = value.elements() else {
                mismatch(out, value, "array");
                return;
            };
            if length == 0 {
                empty(out);
            }
            let mut whole = true;
            for element in value.elements().into_iter().flat_map(|(_, list)| list) {
                if !element.is_object() {
                    element_mismatch(out, value, element, "object");
                    whole = false;
                }
            }
            if whole {
                for element in elements {
                    check(out, declared, schema, element, visit);
                }
            }
        }
    }
}

impl Kind {
    const fn json_type(self) -> &'static str {
        match self {
            Index | Integer { .. } | OneOf(_) => "integer",
            Number(_) => "number",
            Boolean => "boolean",
            Text | TextOf(_) | Version | Pointer => "string",
            Numbers { .. } | Indices | Texts | Objects(_) => "array",
            Inner(_) | Other => "object",
        }
    }
}

/// Says that a property is missing.
pub(super) fn undefined(out: &mut Reporter, place: Cursor<'_>, name: &str) {
    let message = format!("Property '{name}' must be defined.");
    out.at(place, &codes::UNDEFINED_PROPERTY, message);
}

fn out_of_range(out: &mut Reporter, value: Cursor<'_>, number: &dyn std::fmt::Display) {
    let message = format!("Value {number} is out of range.");
    out.at(value, &codes::VALUE_NOT_IN_RANGE, message);
}

fn pattern(out: &mut Reporter, value: Cursor<'_>, pattern: &str) {
    let message = format!(
        "Value {} does not match regexp pattern '{pattern}'.",
        value.shown()
    );
    out.at(value, &codes::PATTERN_MISMATCH, message);
}

/// Says that a value is none of those allowed.
pub(super) fn not_in_list(
    out: &mut Reporter,
    code: &'static Code,
    place: Cursor<'_>,
    found: &dyn std::fmt::Display,
    list: &dyn std::fmt::Debug,
) {
    let message = if code.name == codes::ARRAY_LENGTH_NOT_IN_LIST.name {
        format!("Invalid array length {found}. Valid lengths are: {list:?}.")
    } else {
        format!("Invalid value {found}. Valid values are {list:?}.")
    };
    out.at(place, code, message);
}

/// The parts of `major.minor`.
pub(super) fn version(text: &str) -> Option<(u64, u64)> {
    let part = |digits: &str| {
        let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits_only.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let (major, minor) = text.split_once('.')?;
    Some((part(major)?, part(minor)?))
}

fn is_pointer(text: &str) -> bool {
    let escapes = text
        .match_indices('~')
        .all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
    (text.is_empty() || text.starts_with('/')) && escapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_versions_and_pointers() {
        for (range, inside, outside) in [
            (UNIT, &[0.0, 0.5, 1.0][..], &[-0.1, 1.1][..]),
            (POSITIVE, &[1e-9, 9.0], &[0.0, -1.0]),
            (NOT_NEGATIVE, &[0.0, 9.0], &[-1.0]),
        ] {
            assert!(inside.iter().all(|value| range.contains(*value)));
            assert!(!outside.iter().any(|value| range.contains(*value)));
        }
        assert_eq!(version("2.0"), Some((2, 0)));
        for text in ["2", "2.", ".0", "2.0.1", "v2.0", "2.0 "] {
            assert_eq!(version(text), None, "{text}");
        }
        assert!(is_pointer("") && is_pointer("/a~1b/~0"));
        assert!(!is_pointer("a") && !is_pointer("/~2") && !is_pointer("/~"));
    }
}
