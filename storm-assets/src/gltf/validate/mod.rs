//! Validation: everything that is wrong with a glTF file, with the codes, severities and JSON pointers of the Khronos validator.
//!
//! This is another pass than reading: [`load`](super::load) mends what it can and stops at what it cannot, [`validate`] goes on and says all.
//! Rules and codes are those of the Khronos glTF validator; messages say the same in their own words.
//!
//! ```
//! use storm_assets::gltf::validate::{self, Severity, ValidateOptions};
//!
//! let report = validate::validate(
//!     br#"{ "asset": { "version": "2.0" }, "nodes": [{ "mesh": 3 }] }"#,
//!     &mut |_| unreachable!("it refers to no file"),
//!     &ValidateOptions::default(),
//! )?;
//! let errors: Vec<_> = report.issues.iter().filter(|issue| issue.severity == Severity::Error).collect();
//! assert_eq!(errors[0].to_string(), "error UNRESOLVED_REFERENCE /nodes/0/mesh: Unresolved reference: 3.");
//! # Ok::<(), storm_assets::gltf::GltfError>(())
//! ```

mod codes;
mod container;
mod elements;
mod elements_fast;
mod link;
mod local;
mod picture;
mod report;
mod resources;
mod schema;

use std::path::Path;

pub use self::{
    codes::Severity,
    report::{Issue, Place, Report},
};
use self::{
    link::Surface,
    local::{extension, list},
    report::Reporter,
    resources::Source,
    schema::Declared,
};
use super::{
    cursor::Cursor,
    error::{GltfError, Problem},
    json::Document,
    limits::{Budget, Limits},
    load::{read_file, resolver_of},
    resource::Resolver,
};

/// What a caller may choose about validation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValidateOptions {
    /// Upper bounds: those of input, JSON and values count.
    pub limits: Limits,
    /// Issues kept; more set [`Report::truncated`].
    pub issues_max: usize,
}

impl Default for ValidateOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            issues_max: 10_000,
        }
    }
}

impl ValidateOptions {
    /// The same options with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// Validates a .gltf or .glb and the files beside it.
///
/// # Errors
/// When the file cannot be read, or goes over a limit. What is wrong with it is no error, but an [`Issue`].
pub fn validate_file(
    path: impl AsRef<Path>,
    options: &ValidateOptions,
) -> Result<Report, GltfError> {
    let path = path.as_ref();
    let bytes = read_file(path, options.limits.input_bytes_max).map_err(|error| GltfError {
        file: path.to_string_lossy().replace('\\', "/"),
        problem: Problem::Io(error),
    })?;
    validate(&bytes, &mut resolver_of(path), options).map_err(|error| GltfError {
        file: path.to_string_lossy().replace('\\', "/"),
        ..error
    })
}

/// Validates a .gltf or .glb from its bytes. What it refers to by relative URI comes from `resolver`.
///
/// Time and memory grow with the input: elements are looked at as often as [`Limits::value_bytes_base`] and
/// [`Limits::value_bytes_per_input_byte`] would let them be read, and [`Report::truncated`] says where that was not often enough.
///
/// # Errors
/// When the file goes over a limit.
pub fn validate(
    bytes: &[u8],
    resolver: &mut Resolver<'_>,
    options: &ValidateOptions,
) -> Result<Report, GltfError> {
    check(bytes, resolver, options).map_err(|problem| GltfError {
        file: "memory".to_owned(),
        problem,
    })
}

/// Bytes that an object of the file takes here at most.
const OBJECT_BYTES: usize = 768;

fn check(
    bytes: &[u8],
    resolver: &mut Resolver<'_>,
    options: &ValidateOptions,
) -> Result<Report, Problem> {
    let limits = &options.limits;
    let mut budget = Budget::new(limits);
    budget.input(bytes.len(), String::new)?;
    let mut out = Reporter::new(options.issues_max, limits.value_bytes_base);
    let is_glb = bytes.first() == Some(&b'g');
    let mut report = Report {
        media_type: if is_glb {
            "model/gltf-binary"
        } else {
            "model/gltf+json"
        },
        ..Report::default()
    };
    // No JSON begins with a zero: that was to be a container.
    let (json, binary) = if is_glb || bytes.first().is_some_and(|byte| *byte == 0) {
        let parts = container::read(&mut out, bytes);
        (parts.json, parts.binary)
    } else {
        (Some(bytes), None)
    };
    let mut source = Source {
        resolver,
        bytes_left: budget.input_left(),
        is_glb,
    };
    if let Some(json) = json {
        if json.len() as u64 > limits.json_bytes_max {
            return Err(Problem::Limit {
                pointer: String::new(),
                what: "the JSON in bytes",
                limit: limits.json_bytes_max,
                found: json.len() as u64,
            });
        }
        match Document::parse(json) {
            Ok(document) => {
                let root = document.root();
                if root.is_object() {
                    read(
                        &mut out,
                        &mut budget,
                        &mut source,
                        root,
                        binary,
                        &mut report,
                    )?;
                } else {
                    out.nowhere(
                        &codes::TYPE_MISMATCH,
                        format!(
                            "Type mismatch. Property value {} is not a 'object'.",
                            root.shown()
                        ),
                    );
                }
            }
            Err(problem @ Problem::Memory { .. }) => return Err(problem),
            Err(problem) => out.nowhere(
                &codes::INVALID_JSON,
                format!("Invalid JSON data. Parser output: {problem}"),
            ),
        }
    }
    report.issues = out.issues;
    report.truncated = out.truncated;
    Ok(report)
}

/// The lists of the root, and what their elements are.
static LISTS: [(&str, &schema::Object); 14] = [
    ("accessors", &schema::ACCESSOR),
    ("animations", &schema::ANIMATION),
    ("buffers", &schema::BUFFER),
    ("bufferViews", &schema::BUFFER_VIEW),
    ("cameras", &schema::CAMERA),
    ("images", &schema::IMAGE),
    ("materials", &schema::MATERIAL),
    ("meshes", &schema::MESH),
    ("nodes", &schema::NODE),
    ("samplers", &schema::SAMPLER),
    ("scenes", &schema::SCENE),
    ("skins", &schema::SKIN),
    ("textures", &schema::TEXTURE_OBJECT),
    ("", &schema::ROOT),
];

fn read<'a>(
    out: &mut Reporter,
    budget: &mut Budget,
    source: &mut Source<'_, '_>,
    root: Cursor<'a>,
    binary: Option<&'a [u8]>,
    report: &mut Report,
) -> Result<(), Problem> {
    let objects: usize = LISTS.iter().map(|(key, _)| local::length(root, key)).sum();
    budget.values::<[u8; OBJECT_BYTES]>(objects, String::new)?;
    let declared = extensions(out, root, report);
    let declared = &declared;
    for (name, value) in root.entries() {
        let known = schema::ROOT
            .properties
            .iter()
            .any(|property| property.name == name);
        if !known && !["extensions", "extras"].contains(&name) {
            out.at(value, &codes::UNEXPECTED_PROPERTY, "Unexpected property.");
        }
    }
    if !asset(out, declared, root, report) {
        return Ok(());
    }
    let mut surfaces = Vec::new();
    for (key, object) in &LISTS[..13] {
        collection(out, declared, root, (key, object), &mut surfaces);
    }
    let buffers = resources::look_at_buffers(out, source, root);
    let images = resources::look_at_images(out, source, root);
    // The root itself: its extensions, extras and default scene. What else it has was said above.
    root_object(out, declared, root);
    for camera in list(root, "cameras") {
        let stated = local::text(camera, "type");
        for (kind, property) in &schema::PROJECTIONS {
            if stated == Some(kind) {
                schema::check_property(
                    out,
                    declared,
                    property,
                    camera,
                    &mut |out, object, place| {
                        local::check(out, declared, object, place);
                    },
                );
            }
        }
        if local::has(camera, "orthographic") && local::has(camera, "perspective") {
            out.at(
                camera,
                &codes::ONE_OF_MISMATCH,
                "Exactly one of 'orthographic', 'perspective' properties must be defined.",
            );
        }
    }
    let file = link::link(out, declared, root, surfaces);
    let buffers = resources::buffers(out, source, buffers, binary);
    resources::images(out, source, declared, root, images, (&file, &buffers));
    elements::check(out, &file, &buffers);
    Ok(())
}

fn root_object(out: &mut Reporter, declared: &Declared<'_>, root: Cursor<'_>) {
    // A copy of the root's schema without its lists would say each name as unexpected; only what is wrong inside is wanted.
    schema::check_inside(
        out,
        declared,
        &schema::ROOT,
        root,
        &mut |out, object, place| {
            local::check(out, declared, object, place);
        },
    );
    if let Some(lights) = extension(declared, root, "KHR_lights_punctual") {
        for light in list(lights, "lights") {
            if local::text(light, "type") == Some("spot") {
                schema::check_property(
                    out,
                    declared,
                    &schema::SPOT,
                    light,
                    &mut |out, object, place| {
                        local::check(out, declared, object, place);
                    },
                );
            }
        }
    }
}

/// Checks a list of the root against the schema; notes the textures of materials.
fn collection<'a>(
    out: &mut Reporter,
    declared: &Declared<'a>,
    root: Cursor<'a>,
    (key, object): (&str, &'static schema::Object),
    surfaces: &mut Vec<Surface<'a>>,
) {
    let Some(value) = root.entry(key) else { return };
    let Ok((length, elements)) = value.elements() else {
        let message = format!(
            "Type mismatch. Property value {} is not a 'array'.",
            value.shown()
        );
        out.at(value, &codes::TYPE_MISMATCH, message);
        return;
    };
    if length == 0 {
        out.at(value, &codes::EMPTY_ENTITY, "Entity cannot be empty.");
    }
    for element in elements {
        let mut surface = Surface::default();
        if element.is_object() {
            schema::check(out, declared, object, element, &mut |out, object, place| {
                local::check(out, declared, object, place);
                let normals = object.name == schema::NORMAL_INFO_NAME;
                if normals
                    || [schema::TEXTURE_INFO_NAME, schema::OCCLUSION_INFO_NAME]
                        .contains(&object.name)
                {
                    surface.infos.push((place, normals));
                }
            });
        } else {
            let message = format!(
                "Type mismatch. Property value {} is not a 'object'.",
                element.shown()
            );
            out.at(element, &codes::TYPE_MISMATCH, message);
        }
        if key == "materials" {
            surfaces.push(surface);
        }
    }
}

/// Reads `extensionsUsed` and `extensionsRequired`.
fn extensions<'a>(out: &mut Reporter, root: Cursor<'a>, report: &mut Report) -> Declared<'a> {
    if local::has(root, "extensionsRequired") && !local::has(root, "extensionsUsed") {
        out.under(
            root,
            "extensionsRequired",
            &codes::UNSATISFIED_DEPENDENCY,
            "Dependency failed. 'extensionsUsed' must be defined.",
        );
    }
    let nothing = Declared::default();
    for property in schema::EXTENSION_LISTS.properties {
        schema::check_property(out, &nothing, property, root, &mut |_, _, _| {});
    }
    let texts = |key| {
        let texts: Option<Vec<_>> = list(root, key).map(|name| name.text().ok()).collect();
        texts.unwrap_or_default()
    };
    let used = texts("extensionsUsed");
    let declared = Declared::new(&used);
    let required = texts("extensionsRequired");
    for (name, place) in used.iter().zip(list(root, "extensionsUsed")) {
        let vendor = name.split_once('_').is_some_and(|(vendor, rest)| {
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !vendor.is_empty()
                && vendor.chars().all(upper)
                && !rest.is_empty()
                && rest.chars().all(word)
        });
        if !vendor {
            out.at(
                place,
                &codes::INVALID_EXTENSION_NAME_FORMAT,
                "Extension name has invalid format.",
            );
        }
        if !schema::KNOWN.contains(name) {
            let message = format!(
                "Cannot validate an extension as it is not supported by the validator: {}.",
                place.shown()
            );
            out.at(place, &codes::UNSUPPORTED_EXTENSION, message);
        } else if *name == "KHR_mesh_quantization" && !required.contains(name) {
            out.at(
                place,
                &codes::NON_REQUIRED_EXTENSION,
                "Extension 'KHR_mesh_quantization' cannot be optional.",
            );
        }
    }
    for (name, place) in required.iter().zip(list(root, "extensionsRequired")) {
        if !declared.has(name) {
            let message = format!("Unused extension {} cannot be required.", place.shown());
            out.at(place, &codes::UNUSED_EXTENSION_REQUIRED, message);
        }
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    report.extensions_used = owned(&used);
    report.extensions_required = owned(&required);
    declared
}

/// Checks the asset; `false` where the rest cannot be judged.
fn asset(
    out: &mut Reporter,
    declared: &Declared<'_>,
    root: Cursor<'_>,
    report: &mut Report,
) -> bool {
    let Some(place) = root.entry("asset") else {
        schema::undefined(out, root, "asset");
        return false;
    };
    if !place.is_object() {
        let message = format!(
            "Type mismatch. Property value {} is not a 'object'.",
            place.shown()
        );
        out.at(place, &codes::TYPE_MISMATCH, message);
        return false;
    }
    schema::check(
        out,
        declared,
        &schema::ASSET,
        place,
        &mut |out, object, place| {
            local::check(out, declared, object, place);
        },
    );
    let Some(stated) = local::text(place, "version") else {
        return false;
    };
    let Some((major, minor)) = schema::version(stated) else {
        return false;
    };
    report.version = Some(stated.to_owned());
    report.generator = local::text(place, "generator").map(ToOwned::to_owned);
    if major != 2 {
        let message = format!("Unknown glTF major asset version: {major}.");
        out.under(
            place,
            "version",
            &codes::UNKNOWN_ASSET_MAJOR_VERSION,
            message,
        );
        return false;
    }
    if minor > 0 {
        let message = format!("Unknown glTF minor asset version: {minor}.");
        out.under(
            place,
            "version",
            &codes::UNKNOWN_ASSET_MINOR_VERSION,
            message,
        );
    }
    true
}
