//! Rules between the properties of one object, which a schema cannot say.

use super::{
    codes,
    report::Reporter,
    schema::{self, Declared, Object, version},
};
use crate::gltf::{
    accessor::{Component, Shape},
    cursor::Cursor,
};

/// How far from 1 the length of a quaternion may be: a little more than signed bytes are off.
pub(super) const QUATERNION_TOLERANCE: f64 = 0.00769;

/// A whole number of at least 0.
pub(super) fn unsigned(place: Cursor<'_>, key: &str) -> Option<u64> {
    u64::try_from(place.entry(key)?.integer()?).ok()
}

/// An index, valid or not.
pub(super) fn index(place: Cursor<'_>, key: &str) -> Option<usize> {
    usize::try_from(unsigned(place, key)?).ok()
}

pub(super) fn text<'a>(place: Cursor<'a>, key: &str) -> Option<&'a str> {
    place.entry(key)?.text().ok()
}

pub(super) fn number(place: Cursor<'_>, key: &str) -> Option<f64> {
    place.entry(key)?.number()
}

/// `count` numbers.
pub(super) fn numbers(place: Cursor<'_>, key: &str, count: usize) -> Option<Vec<f64>> {
    let (length, elements) = place.entry(key)?.elements().ok()?;
    if length != count {
        return None;
    }
    elements.map(Cursor::number).collect()
}

pub(super) fn has(place: Cursor<'_>, key: &str) -> bool {
    place.entry(key).is_some()
}

/// The elements of a list.
pub(super) fn list<'a>(place: Cursor<'a>, key: &str) -> impl Iterator<Item = Cursor<'a>> {
    let list = place.entry(key).and_then(|list| list.elements().ok());
    list.into_iter().flat_map(|(_, elements)| elements)
}

pub(super) fn length(place: Cursor<'_>, key: &str) -> usize {
    let list = place.entry(key).and_then(|list| list.elements().ok());
    list.map_or(0, |(length, _)| length)
}

pub(super) fn component(place: Cursor<'_>) -> Option<Component> {
    Some(match unsigned(place, "componentType")? {
        5120 => Component::I8,
        5121 => Component::U8,
        5122 => Component::I16,
        5123 => Component::U16,
        5125 => Component::U32,
        5126 => Component::F32,
        _ => return None,
    })
}

pub(super) fn shape(place: Cursor<'_>) -> Option<Shape> {
    Some(match text(place, "type")? {
        "SCALAR" => Shape::Scalar,
        "VEC2" => Shape::Vec2,
        "VEC3" => Shape::Vec3,
        "VEC4" => Shape::Vec4,
        "MAT2" => Shape::Mat2,
        "MAT3" => Shape::Mat3,
        "MAT4" => Shape::Mat4,
        _ => return None,
    })
}

/// Whether an extension object is there and means something.
pub(super) fn extension<'a>(
    declared: &Declared<'_>,
    place: Cursor<'a>,
    name: &str,
) -> Option<Cursor<'a>> {
    if !declared.loaded(name) {
        return None;
    }
    let extension = place.entry("extensions")?.entry(name)?;
    extension.is_object().then_some(extension)
}

fn depends(out: &mut Reporter, place: Cursor<'_>, key: &str, on: &str) {
    let message = format!("Dependency failed. '{on}' must be defined.");
    out.under(place, key, &codes::UNSATISFIED_DEPENDENCY, message);
}

/// Checks one object after its schema.
pub(super) fn check(
    out: &mut Reporter,
    declared: &Declared<'_>,
    object: &'static Object,
    place: Cursor<'_>,
) {
    match object.name {
        "asset" => asset(out, place),
        "accessor" => accessor(out, place),
        "bufferView" => view(out, place),
        "camera.orthographic" | "camera.perspective" => projection(out, place),
        "image" => image(out, declared, place),
        "material" => material(out, place),
        "mesh" => mesh(out, place),
        "primitive" => primitive(out, place),
        "node" => node(out, place),
        "channel.target" => target(out, declared, place),
        "light" => light(out, place),
        "light.spot" => spot(out, place),
        "KHR_materials_iridescence" => iridescence(out, place),
        _ => {}
    }
}

fn asset(out: &mut Reporter, place: Cursor<'_>) {
    let stated = |key| text(place, key).and_then(version);
    if let (Some(min), Some(stated)) = (stated("minVersion"), stated("version"))
        && min > stated
    {
        out.under(
            place,
            "minVersion",
            &codes::ASSET_MIN_VERSION_GREATER_THAN_VERSION,
            "Asset minVersion is greater than version.",
        );
    }
}

fn accessor(out: &mut Reporter, place: Cursor<'_>) {
    if !has(place, "bufferView") && has(place, "byteOffset") {
        depends(out, place, "byteOffset", "bufferView");
    }
    let component = component(place);
    let shape = shape(place);
    if let (Some(component), Some(shape)) = (component, shape) {
        for key in ["min", "max"] {
            if let Some(bound) = place.entry(key) {
                bounds(out, bound, component, shape.components());
            }
        }
    }
    let normalized = place
        .entry("normalized")
        .and_then(|flag| flag.boolean().ok());
    if normalized == Some(true) && matches!(component, Some(Component::F32 | Component::U32)) {
        out.under(
            place,
            "normalized",
            &codes::ACCESSOR_NORMALIZED_INVALID,
            "Only (u)byte and (u)short accessors can be normalized.",
        );
    }
    if matches!(shape, Some(Shape::Mat2 | Shape::Mat3 | Shape::Mat4))
        && unsigned(place, "byteOffset").is_some_and(|offset| !offset.is_multiple_of(4))
    {
        out.under(
            place,
            "byteOffset",
            &codes::ACCESSOR_MATRIX_ALIGNMENT,
            "Matrix accessors must be aligned to 4-byte boundaries.",
        );
    }
}

/// The `min` or `max` of an accessor: its rules depend on the type of the components.
fn bounds(out: &mut Reporter, place: Cursor<'_>, component: Component, count: usize) {
    let Ok((length, elements)) = place.elements() else {
        let message = format!(
            "Type mismatch. Property value {} is not a 'array'.",
            place.shown()
        );
        out.at(place, &codes::TYPE_MISMATCH, message);
        return;
    };
    let integers = component != Component::F32;
    if length == 0 && !integers {
        out.at(place, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
        return;
    }
    if length != count {
        schema::not_in_list(
            out,
            &codes::ARRAY_LENGTH_NOT_IN_LIST,
            place,
            &length,
            &[count],
        );
        return;
    }
    let (min, max) = match component {
        Component::I8 => (-128, 127),
        Component::U8 => (0, 255),
        Component::I16 => (-32768, 32767),
        Component::U16 => (0, 65535),
        _ => (0, i64::from(u32::MAX)),
    };
    for element in elements {
        match (integers, element.integer(), element.number()) {
            (true, Some(value), _) if !(min..=max).contains(&value) => {
                let message = format!("Invalid value {value} for GL type '{}'.", component.name());
                out.at(place, &codes::INVALID_GL_VALUE, message);
            }
            (true, Some(_), _) | (false, _, Some(_)) => {}
            _ => {
                let message = format!(
                    "Type mismatch. Array element {} is no number.",
                    element.shown()
                );
                out.at(place, &codes::ARRAY_TYPE_MISMATCH, message);
            }
        }
    }
}

fn view(out: &mut Reporter, place: Cursor<'_>) {
    let Some(stride) = unsigned(place, "byteStride").filter(|stride| (4..=252).contains(stride))
    else {
        return;
    };
    if let Some(length) = unsigned(place, "byteLength").filter(|length| *length > 0)
        && stride > length
    {
        let message =
            format!("Buffer view's byteStride ({stride}) is greater than byteLength ({length}).");
        out.under(
            place,
            "byteStride",
            &codes::BUFFER_VIEW_TOO_BIG_BYTE_STRIDE,
            message,
        );
    }
    if !stride.is_multiple_of(4) {
        let message = format!("Value {stride} is not a multiple of 4.");
        out.under(place, "byteStride", &codes::VALUE_MULTIPLE_OF, message);
    }
    if unsigned(place, "target") == Some(34963) {
        out.under(
            place,
            "byteStride",
            &codes::BUFFER_VIEW_INVALID_BYTE_STRIDE,
            "Only buffer views with raw vertex data can have byteStride.",
        );
    }
}

fn projection(out: &mut Reporter, place: Cursor<'_>) {
    if number(place, "yfov").is_some_and(|yfov| yfov >= std::f64::consts::PI) {
        out.at(
            place,
            &codes::CAMERA_YFOV_GEQUAL_PI,
            "yfov should be less than Pi.",
        );
    }
    if let (Some(far), Some(near)) = (number(place, "zfar"), number(place, "znear"))
        && far > 0.0
        && near >= 0.0
        && far <= near
    {
        out.at(
            place,
            &codes::CAMERA_ZFAR_LEQUAL_ZNEAR,
            "zfar must be greater than znear.",
        );
    }
    for key in ["xmag", "ymag"] {
        match number(place, key) {
            Some(0.0) => out.under(
                place,
                key,
                &codes::CAMERA_XMAG_YMAG_ZERO,
                "xmag and ymag must not be zero.",
            ),
            Some(value) if value < 0.0 => out.under(
                place,
                key,
                &codes::CAMERA_XMAG_YMAG_NEGATIVE,
                "xmag and ymag should not be negative.",
            ),
            _ => {}
        }
    }
}

/// The media types of pictures that a file may have.
pub(super) fn media_types(declared: &Declared<'_>) -> &'static [&'static str] {
    match declared.loaded("EXT_texture_webp") {
        true => &["image/jpeg", "image/png", "image/webp"],
        false => &["image/jpeg", "image/png"],
    }
}

fn image(out: &mut Reporter, declared: &Declared<'_>, place: Cursor<'_>) {
    let view = index(place, "bufferView").is_some();
    let uri = text(place, "uri").is_some();
    let stated = place.entry("mimeType");
    match stated.map(|stated| (stated, stated.text())) {
        Some((place, Ok(stated))) => {
            let list = media_types(declared);
            if !list.contains(&stated) {
                schema::not_in_list(out, &codes::VALUE_NOT_IN_LIST, place, &place.shown(), &list);
            }
        }
        Some((place, Err(_))) => {
            let message = format!(
                "Type mismatch. Property value {} is not a 'string'.",
                place.shown()
            );
            out.at(place, &codes::TYPE_MISMATCH, message);
        }
        None => {}
    }
    if view && text(place, "mimeType").is_none() {
        depends(out, place, "bufferView", "mimeType");
    }
    if view == uri {
        out.at(
            place,
            &codes::ONE_OF_MISMATCH,
            "Exactly one of 'bufferView', 'uri' properties must be defined.",
        );
    }
}

fn material(out: &mut Reporter, place: Cursor<'_>) {
    if text(place, "alphaMode") != Some("MASK") && has(place, "alphaCutoff") {
        out.under(
            place,
            "alphaCutoff",
            &codes::MATERIAL_ALPHA_CUTOFF_INVALID_MODE,
            "Alpha cutoff is supported only for 'MASK' alpha mode.",
        );
    }
}

fn mesh(out: &mut Reporter, place: Cursor<'_>) {
    let mut first = None;
    for primitive in list(place, "primitives") {
        // A list with anything wrong in it counts as none: that is said of the list.
        let whole = |target: Cursor<'_>| target.entries().next().is_some();
        let targets = match list(primitive, "targets").all(whole) {
            true => length(primitive, "targets"),
            false => 0,
        };
        if *first.get_or_insert(targets) != targets {
            let message = "All primitives must have the same number of morph targets.";
            let code = &codes::MESH_PRIMITIVES_UNEQUAL_TARGETS_COUNT;
            match primitive.entry("targets") {
                Some(list) if targets > 0 => out.at(list, code, message),
                _ => out.at(primitive, code, message),
            }
        }
    }
    let weights = length(place, "weights");
    if weights > 0
        && let Some(targets) = first
        && weights != targets
    {
        let message = format!(
            "The length of weights array ({weights}) does not match the number of morph targets ({targets})."
        );
        out.under(
            place,
            "weights",
            &codes::MESH_INVALID_WEIGHTS_COUNT,
            message,
        );
    }
}

/// The set number of an attribute such as `TEXCOORD_1`, by its name.
pub(super) fn set_number(semantic: &str) -> Option<(&str, usize)> {
    let (name, digits) = semantic.split_once('_')?;
    let plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    Some((name, digits.parse().ok().filter(|_| plain)?))
}

/// How many sets of an attribute there are; `None` where their numbers have gaps.
pub(super) fn sets(attributes: Cursor<'_>, name: &str) -> Option<usize> {
    let numbers = attributes
        .entries()
        .filter_map(|(semantic, _)| set_number(semantic));
    let (mut count, mut end) = (0, 0);
    for (_, number) in numbers.filter(|(found, _)| *found == name) {
        count += 1;
        end = end.max(number.saturating_add(1));
    }
    (count == end).then_some(count)
}

fn primitive(out: &mut Reporter, place: Cursor<'_>) {
    let object_list = |out: &mut Reporter, list: Cursor<'_>, morph: bool| {
        for (semantic, value) in list.entries() {
            let known = match semantic {
                "POSITION" | "NORMAL" | "TANGENT" => true,
                custom if custom.starts_with('_') => true,
                other => match set_number(other) {
                    Some(("TEXCOORD" | "COLOR", _)) => true,
                    Some(("JOINTS" | "WEIGHTS", _)) => !morph,
                    _ => false,
                },
            };
            if !known {
                out.at(
                    value,
                    &codes::MESH_PRIMITIVE_INVALID_ATTRIBUTE,
                    "Invalid attribute name.",
                );
            }
            if !matches!(value.integer(), Some(0..)) {
                out.at(
                    value,
                    &codes::INVALID_INDEX,
                    "Index must be a non-negative integer.",
                );
            }
        }
    };
    match place.entry("attributes") {
        None => schema::undefined(out, place, "attributes"),
        Some(attributes) if !attributes.is_object() => {
            let message = format!(
                "Type mismatch. Property value {} is not a 'object'.",
                attributes.shown()
            );
            out.at(attributes, &codes::TYPE_MISMATCH, message);
        }
        Some(attributes) if attributes.entries().next().is_none() => {
            out.at(attributes, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
        }
        Some(attributes) => {
            object_list(out, attributes, false);
            semantics(out, attributes);
        }
    }
    let Some(targets) = place.entry("targets") else {
        return;
    };
    let Ok((length, elements)) = targets.elements() else {
        let message = format!(
            "Type mismatch. Property value {} is not a 'array'.",
            targets.shown()
        );
        out.at(targets, &codes::TYPE_MISMATCH, message);
        return;
    };
    if length == 0 {
        out.at(targets, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
    }
    for target in elements {
        if !target.is_object() {
            let message = format!(
                "Type mismatch. Array element {} is not a 'object'.",
                target.shown()
            );
            out.at(targets, &codes::ARRAY_TYPE_MISMATCH, message);
        } else if target.entries().next().is_none() {
            out.at(target, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
        } else {
            object_list(out, target, true);
        }
    }
}

fn semantics(out: &mut Reporter, attributes: Cursor<'_>) {
    if !has(attributes, "POSITION") {
        out.at(
            attributes,
            &codes::MESH_PRIMITIVE_NO_POSITION,
            "No POSITION attribute found.",
        );
    }
    if has(attributes, "TANGENT") && !has(attributes, "NORMAL") {
        out.under(
            attributes,
            "TANGENT",
            &codes::MESH_PRIMITIVE_TANGENT_WITHOUT_NORMAL,
            "TANGENT attribute without NORMAL found.",
        );
    }
    for name in ["COLOR", "JOINTS", "WEIGHTS", "TEXCOORD"] {
        if sets(attributes, name).is_none() {
            let message = format!(
                "Indices for indexed attribute semantic '{name}' must start with 0 and be continuous."
            );
            out.at(
                attributes,
                &codes::MESH_PRIMITIVE_INDEXED_SEMANTIC_CONTINUITY,
                message,
            );
        }
    }
    let count = |name| sets(attributes, name).unwrap_or(0);
    let (joints, weights) = (count("JOINTS"), count("WEIGHTS"));
    if joints != weights {
        let message = format!(
            "Number of JOINTS attribute semantics ({joints}) does not match the number of WEIGHTS ({weights})."
        );
        out.at(
            attributes,
            &codes::MESH_PRIMITIVE_JOINTS_WEIGHTS_MISMATCH,
            message,
        );
    }
}

const IDENTITY: [f64; 16] = [
    1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
];

/// The transform of a node, as it is stated.
pub(super) struct Placed {
    pub(super) matrix: Option<Vec<f64>>,
    translation: Option<Vec<f64>>,
    rotation: Option<Vec<f64>>,
    scale: Option<Vec<f64>>,
}

impl Placed {
    pub(super) fn read(place: Cursor<'_>) -> Self {
        Self {
            matrix: numbers(place, "matrix", 16),
            translation: numbers(place, "translation", 3),
            rotation: numbers(place, "rotation", 4)
                .filter(|list| list.iter().all(|value| (-1.0..=1.0).contains(value))),
            scale: numbers(place, "scale", 3),
        }
    }

    /// Whether it says anything but what is so without it.
    pub(super) fn moves(&self) -> bool {
        let differs = |list: &Option<Vec<f64>>, default: &[f64]| {
            list.as_ref().is_some_and(|list| list.as_slice() != default)
        };
        differs(&self.matrix, &IDENTITY)
            || differs(&self.translation, &[0.0; 3])
            || differs(&self.rotation, &[0.0, 0.0, 0.0, 1.0])
            || differs(&self.scale, &[1.0; 3])
    }
}

fn node(out: &mut Reporter, place: Cursor<'_>) {
    let placed = Placed::read(place);
    if let Some(rotation) = &placed.rotation {
        let length = rotation.iter().map(|x| x * x).sum::<f64>().sqrt();
        if (1.0 - length).abs() > QUATERNION_TOLERANCE {
            out.under(
                place,
                "rotation",
                &codes::ROTATION_NON_UNIT,
                "Rotation quaternion must be normalized.",
            );
        }
    }
    if index(place, "mesh").is_none() {
        for key in ["skin", "weights"] {
            let there = match key {
                "skin" => index(place, key).is_some(),
                _ => length(place, key) > 0,
            };
            if there {
                depends(out, place, key, "mesh");
            }
        }
    }
    let Some(matrix) = &placed.matrix else {
        return;
    };
    if placed.translation.is_some() || placed.rotation.is_some() || placed.scale.is_some() {
        out.under(
            place,
            "matrix",
            &codes::NODE_MATRIX_TRS,
            "A node can have either a matrix or any combination of translation/rotation/scale (TRS) properties.",
        );
    }
    if matrix.as_slice() == IDENTITY {
        out.under(
            place,
            "matrix",
            &codes::NODE_MATRIX_DEFAULT,
            "Do not specify default transform matrix.",
        );
    } else if !decomposable(matrix) {
        out.under(
            place,
            "matrix",
            &codes::NODE_MATRIX_NON_TRS,
            "Matrix must be decomposable to TRS.",
        );
    }
}

/// Whether a matrix is a translation, a rotation and a scale: its axes are at right angles, and none is 0.
fn decomposable(matrix: &[f64]) -> bool {
    let values: [f64; 16] = std::array::from_fn(|at| matrix[at]);
    if [values[3], values[7], values[11], values[15]] != [0.0, 0.0, 0.0, 1.0] {
        return false;
    }
    let [x, y, z] = [0, 4, 8].map(|at| glam::DVec3::from_slice(&values[at..at + 3]));
    let lengths = [x.length(), y.length(), z.length()];
    if lengths.contains(&0.0) {
        return false;
    }
    [(x, y, 0, 1), (y, z, 1, 2), (z, x, 2, 0)]
        .iter()
        .all(|(a, b, i, j)| {
            let size = lengths[*i].max(lengths[*j]);
            (a.dot(*b) / (lengths[*i] * lengths[*j])).abs() * size < 0.0001
        })
}

fn target(out: &mut Reporter, declared: &Declared<'_>, place: Cursor<'_>) {
    let pointers = declared.loaded("KHR_animation_pointer");
    match place.entry("path").map(|path| (path, path.text())) {
        None => schema::undefined(out, place, "path"),
        Some((path, Ok(text))) => {
            let paths = ["translation", "rotation", "scale", "weights", "pointer"];
            let paths = &paths[..if pointers { 5 } else { 4 }];
            if !paths.contains(&text) {
                schema::not_in_list(out, &codes::VALUE_NOT_IN_LIST, path, &path.shown(), &paths);
            }
        }
        Some((path, Err(_))) => {
            let message = format!(
                "Type mismatch. Property value {} is not a 'string'.",
                path.shown()
            );
            out.at(path, &codes::TYPE_MISMATCH, message);
        }
    }
}

fn light(out: &mut Reporter, place: Cursor<'_>) {
    let kind = text(place, "type");
    let unused = "This property should not be defined as it will not be used.";
    if kind != Some("spot")
        && let Some(spot) = place.entry("spot")
    {
        out.at(spot, &codes::EXTRA_PROPERTY, unused);
    }
    if kind == Some("directional")
        && let Some(range) = place.entry("range")
        && range.number().is_some_and(|range| range > 0.0)
    {
        out.at(range, &codes::EXTRA_PROPERTY, unused);
    }
}

fn spot(out: &mut Reporter, place: Cursor<'_>) {
    let half = std::f64::consts::FRAC_PI_2;
    let stated = |key, default, fits: fn(f64, f64) -> bool| match place.entry(key) {
        None => Some(default),
        Some(angle) => angle.number().filter(|angle| fits(*angle, half)),
    };
    let inner = stated("innerConeAngle", 0.0, |angle, half| {
        (0.0..half).contains(&angle)
    });
    let outer = stated("outerConeAngle", half / 2.0, |angle, half| {
        angle > 0.0 && angle <= half
    });
    if let (Some(inner), Some(outer)) = (inner, outer)
        && outer <= inner
    {
        let message =
            format!("outerConeAngle ({outer}) is less than or equal to innerConeAngle ({inner}).");
        out.under(
            place,
            "outerConeAngle",
            &codes::KHR_LIGHTS_PUNCTUAL_LIGHT_SPOT_ANGLES,
            message,
        );
    }
}

fn iridescence(out: &mut Reporter, place: Cursor<'_>) {
    let [min, max] = [
        ("iridescenceThicknessMinimum", 100.0),
        ("iridescenceThicknessMaximum", 400.0),
    ]
    .map(|(key, default)| match place.entry(key) {
        None => Some(default),
        Some(value) => value.number().filter(|value| *value >= 0.0),
    });
    match place.entry("iridescenceThicknessTexture").filter(|info| info.is_object()) {
        Some(texture) if min.is_some() && min == max => out.at(
            texture,
            &codes::KHR_MATERIALS_IRIDESCENCE_THICKNESS_TEXTURE_UNUSED,
            "Thickness texture has no effect when the thickness minimum is equal to the thickness maximum.",
        ),
        None if min.is_some() && has(place, "iridescenceThicknessMinimum") => out.under(
            place,
            "iridescenceThicknessMinimum",
            &codes::KHR_MATERIALS_IRIDESCENCE_THICKNESS_RANGE_WITHOUT_TEXTURE,
            "Thickness minimum has no effect when a thickness texture is not defined.",
        ),
        _ => {}
    }
}
