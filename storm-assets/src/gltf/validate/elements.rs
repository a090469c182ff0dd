//! Rules of what accessors hold: bounds, unit vectors, indices, times, joints and weights.

use super::{
    codes, elements_fast,
    link::{Accessor, File, Skinned, View},
    local::QUATERNION_TOLERANCE,
    report::Reporter,
};
use crate::gltf::{
    accessor::{Component, Shape},
    cursor::Cursor,
};

/// How far from 1 the length of a vector may be: a little more than signed bytes are off.
const VECTOR_TOLERANCE: f64 = 0.00674;
/// How far from 1 the sum of weights may be, for each weight of a vertex.
const WEIGHT_TOLERANCE: f64 = 2e-7;

/// What the elements of an accessor are to be.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// Finite, and within the stated bounds.
    Accessor,
    UnitVectors,
    UnitVectorsAndSign,
    /// From 0 to 1.
    Clamped,
    Indices {
        vertices: usize,
        triangles: bool,
    },
    Times,
    Quaternions {
        cubic: bool,
    },
    InverseBindMatrices,
}

/// A check of an accessor, and the place that asks for it.
pub(super) struct Job<'a> {
    accessor: usize,
    check: Check,
    place: Cursor<'a>,
}

impl<'a> Job<'a> {
    pub(super) const fn new(accessor: usize, check: Check, place: Cursor<'a>) -> Self {
        Self {
            accessor,
            check,
            place,
        }
    }
}

/// The bytes of buffers, where there are any.
pub(super) type Buffers<'b> = [Option<std::borrow::Cow<'b, [u8]>>];

/// The elements of an accessor, one component after the other.
pub(super) struct Elements<'b> {
    bytes: Option<&'b [u8]>,
    stride: usize,
    pub(super) shape: Shape,
    pub(super) component: Component,
    count: usize,
    /// Indices and values of sparse elements.
    sparse: Option<(&'b [u8], Component, &'b [u8])>,
}

fn read(bytes: &[u8], component: Component) -> f64 {
    match (component, bytes) {
        (Component::I8, [a, ..]) => f64::from(a.cast_signed()),
        (Component::U8, [a, ..]) => f64::from(*a),
        (Component::I16, [a, b, ..]) => f64::from(i16::from_le_bytes([*a, *b])),
        (Component::U16, [a, b, ..]) => f64::from(u16::from_le_bytes([*a, *b])),
        (Component::U32, [a, b, c, d, ..]) => f64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        (Component::F32, [a, b, c, d, ..]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
        // The caller has checked the length.
        _ => 0.0,
    }
}

/// `length` bytes of a view from `offset`, if they are there.
fn span<'b>(
    view: &View<'_>,
    buffers: &'b Buffers<'_>,
    offset: Option<usize>,
    alignment: usize,
    length: usize,
) -> Option<&'b [u8]> {
    let bytes = buffers.get(view.buffer?)?.as_ref()?;
    let offset = offset?;
    let start = view.offset?.checked_add(offset)?;
    let end = start.checked_add(length)?;
    let fits = offset.checked_add(length)? <= view.length?;
    let aligned = offset.is_multiple_of(alignment) && start.is_multiple_of(alignment);
    (fits && aligned).then(|| bytes.get(start..end)).flatten()
}

impl<'b> Elements<'b> {
    /// `None` where something is wrong with the accessor that is said elsewhere, or it holds nothing.
    fn of(accessor: &Accessor<'_>, views: &[View<'_>], buffers: &'b Buffers<'_>) -> Option<Self> {
        let (component, shape, count) = (accessor.component?, accessor.shape?, accessor.count?);
        let extent = shape.extent(component);
        let mut stride = shape.bytes(component);
        let bytes = match accessor.view {
            Some(view) => {
                let view = &views[view];
                stride = view.stride.unwrap_or(stride);
                if stride < extent {
                    return None;
                }
                let length = stride.checked_mul(count - 1)?.checked_add(extent)?;
                Some(span(
                    view,
                    buffers,
                    accessor.offset,
                    component.bytes(),
                    length,
                )?)
            }
            None => None,
        };
        let sparse = match &accessor.sparse {
            Some(sparse) => {
                if sparse.count > count {
                    return None;
                }
                let index = sparse.index_component?;
                let indices = span(
                    views.get(sparse.indices.0?)?,
                    buffers,
                    sparse.indices.1,
                    index.bytes(),
                    index.bytes().checked_mul(sparse.count)?,
                )?;
                let packed = component.bytes() * shape.components();
                let values = span(
                    views.get(sparse.values.0?)?,
                    buffers,
                    sparse.values.1,
                    component.bytes(),
                    packed.checked_mul(sparse.count)?,
                )?;
                Some((indices, index, values))
            }
            None => None,
        };
        if bytes.is_none() && sparse.is_none() {
            return None;
        }
        Some(Self {
            bytes,
            stride,
            shape,
            component,
            count,
            sparse,
        })
    }

    /// All bytes, where elements follow each other without gaps and none is sparse.
    pub(super) fn dense(&self) -> Option<&'b [u8]> {
        let element = self.component.bytes() * self.shape.components();
        let whole = self.sparse.is_none()
            && self.stride == element
            && self.shape.extent(self.component) == element;
        self.bytes
            .filter(|bytes| whole && bytes.len() == element * self.count)
    }

    /// Calls `look` with the number of the component in all, that in its element, and its value.
    fn each(&self, mut look: impl FnMut(usize, usize, f64)) {
        let lanes = self.shape.components();
        let size = self.component.bytes();
        let mut sparse_at = 0;
        for element in 0..self.count {
            let over = self.sparse.and_then(|(indices, component, values)| {
                let index = read(indices.get(sparse_at * component.bytes()..)?, component);
                // Indices rise; what does not is said elsewhere.
                (index as usize == element).then(|| {
                    let from = sparse_at * size * lanes;
                    sparse_at += 1;
                    &values[from..from + size * lanes]
                })
            });
            for lane in 0..lanes {
                let value = match (over, self.bytes) {
                    (Some(values), _) => read(&values[lane * size..], self.component),
                    (None, Some(bytes)) => {
                        let offset = self.shape.lane_offset(self.component, lane);
                        read(&bytes[element * self.stride + offset..], self.component)
                    }
                    (None, None) => 0.0,
                };
                look(element * lanes + lane, lane, value);
            }
        }
    }
}

/// A component as the number that it stands for.
fn normalized(accessor: &Accessor<'_>, value: f64) -> f64 {
    match (accessor.normalized, accessor.component) {
        (true, Some(Component::I8)) => (value / 127.0).max(-1.0),
        (true, Some(Component::U8)) => value / 255.0,
        (true, Some(Component::I16)) => (value / 32767.0).max(-1.0),
        (true, Some(Component::U16)) => value / 65535.0,
        _ => value,
    }
}

/// Does all checks of elements.
pub(super) fn check(out: &mut Reporter, file: &File<'_>, buffers: &Buffers<'_>) {
    for accessor in &file.accessors {
        sparse_indices(out, file, accessor, buffers);
    }
    for job in &file.jobs {
        let accessor = &file.accessors[job.accessor];
        let Some(elements) = Elements::of(accessor, &file.views, buffers) else {
            continue;
        };
        // Few bytes may be looked at very often.
        if !out.work(elements.count.saturating_mul(elements.shape.components())) {
            return;
        }
        if !elements_fast::is_right(job.check, accessor, &elements) {
            run(out, job, accessor, &elements);
        }
    }
    for primitive in &file.skinned {
        influences(out, file, primitive, buffers);
    }
}

fn sparse_indices(
    out: &mut Reporter,
    file: &File<'_>,
    accessor: &Accessor<'_>,
    buffers: &Buffers<'_>,
) {
    let (Some(sparse), Some(count)) = (&accessor.sparse, accessor.count) else {
        return;
    };
    let Some(component) = sparse.index_component else {
        return;
    };
    let Some(view) = sparse.indices.0.and_then(|view| file.views.get(view)) else {
        return;
    };
    let length = component.bytes().saturating_mul(sparse.count);
    let Some(bytes) = span(view, buffers, sparse.indices.1, component.bytes(), length) else {
        return;
    };
    if !out.work(sparse.count) {
        return;
    }
    let mut last = None;
    for (at, bytes) in bytes.chunks_exact(component.bytes()).enumerate() {
        let index = read(bytes, component);
        if let Some(last) = last.filter(|last| index <= *last) {
            let message = format!(
                "Accessor sparse indices element at index {at} is less than or equal to previous: {index} <= {last}."
            );
            out.at(
                sparse.place,
                &codes::ACCESSOR_SPARSE_INDICES_NON_INCREASING,
                message,
            );
        }
        if index >= count as f64 {
            let message = format!(
                "Accessor sparse indices element at index {at} is greater than or equal to the number of accessor elements: {index} >= {count}."
            );
            out.at(sparse.place, &codes::ACCESSOR_SPARSE_INDEX_OOB, message);
        }
        last = Some(index);
    }
}

fn run(out: &mut Reporter, job: &Job<'_>, accessor: &Accessor<'_>, elements: &Elements<'_>) {
    let place = job.place;
    match job.check {
        Check::Accessor => bounds(out, accessor, elements),
        Check::UnitVectors | Check::UnitVectorsAndSign => {
            let mut sum = 0.0;
            elements.each(|at, lane, value| {
                let value = normalized(accessor, value);
                if lane == 3 {
                    if value != 1.0 && value != -1.0 {
                        let message = format!(
                            "Vector3 with sign at accessor indices {}..{at} has invalid w component: {value}. Must be 1.0 or -1.0.",
                            at - 3
                        );
                        out.at(place, &codes::ACCESSOR_INVALID_SIGN, message);
                    }
                    return;
                }
                sum += value * value;
                if lane == 2 {
                    let length = f64::sqrt(sum);
                    if (length - 1.0).abs() > VECTOR_TOLERANCE {
                        let message = format!(
                            "Vector3 at accessor indices {}..{at} is not of unit length: {length}.",
                            at - 2
                        );
                        out.at(place, &codes::ACCESSOR_VECTOR3_NON_UNIT, message);
                    }
                    sum = 0.0;
                }
            });
        }
        Check::Clamped => elements.each(|at, _, value| {
            // Not a number is said elsewhere.
            if !value.is_nan() && !(0.0..=1.0).contains(&value) {
                let message =
                    format!("Accessor element at index {at} is not clamped to 0..1 range: {value}.");
                out.at(place, &codes::ACCESSOR_NON_CLAMPED, message);
            }
        }),
        Check::Indices { vertices, triangles } => indices(out, place, elements, vertices, triangles),
        Check::Times => {
            let mut last = 0.0;
            elements.each(|at, _, value| {
                if value < 0.0 {
                    let message =
                        format!("Animation input accessor element at index {at} is negative: {value}.");
                    out.at(place, &codes::ACCESSOR_ANIMATION_INPUT_NEGATIVE, message);
                    return;
                }
                if at != 0 && value <= last {
                    let message = format!(
                        "Animation input accessor element at index {at} is less than or equal to previous: {value} <= {last}."
                    );
                    out.at(place, &codes::ACCESSOR_ANIMATION_INPUT_NON_INCREASING, message);
                }
                last = value;
            });
        }
        Check::Quaternions { cubic } => {
            let mut sum = 0.0;
            elements.each(|at, lane, value| {
                // Of splines only the value itself, between its tangents.
                if cubic && at / 4 % 3 != 1 {
                    return;
                }
                let value = normalized(accessor, value);
                sum += value * value;
                if lane == 3 {
                    let length = f64::sqrt(sum);
                    if (length - 1.0).abs() > QUATERNION_TOLERANCE {
                        let message = format!(
                            "Animation sampler output accessor element at indices {}..{at} is not of unit length: {length}.",
                            at - 3
                        );
                        out.at(
                            place,
                            &codes::ACCESSOR_ANIMATION_SAMPLER_OUTPUT_NON_NORMALIZED_QUATERNION,
                            message,
                        );
                    }
                    sum = 0.0;
                }
            });
        }
        Check::InverseBindMatrices => elements.each(|at, lane, value| {
            let wrong = match lane {
                3 | 7 | 11 => value != 0.0,
                15 => value != 1.0,
                _ => false,
            };
            if wrong {
                let message = format!(
                    "Matrix element at index {at} (component index {lane}) contains invalid value: {value}."
                );
                out.at(place, &codes::ACCESSOR_INVALID_IBM, message);
            }
        }),
    }
}

/// Finite numbers, and the bounds that are stated.
fn bounds(out: &mut Reporter, accessor: &Accessor<'_>, elements: &Elements<'_>) {
    let lanes = elements.shape.components();
    let float = elements.component == Component::F32;
    let single = |value: f64| {
        if float {
            f64::from(value as f32)
        } else {
            value
        }
    };
    let stated = |key: &str| {
        let list = super::local::numbers(accessor.place, key, lanes)?;
        Some(list.into_iter().map(single).collect::<Vec<_>>())
    };
    let (min, max) = (stated("min"), stated("max"));
    let mut found = vec![[0.0, 0.0]; lanes];
    let mut outside = vec![[0usize; 2]; lanes];
    elements.each(|at, lane, value| {
        if !value.is_finite() {
            let message = format!("Accessor element at index {at} is {value}.");
            out.at(accessor.place, &codes::ACCESSOR_INVALID_FLOAT, message);
        }
        let [low, high] = &mut found[lane];
        if at == lane || *low > value {
            *low = value;
        }
        if at == lane || *high < value {
            *high = value;
        }
        outside[lane][0] += usize::from(min.as_ref().is_some_and(|min| value < min[lane]));
        outside[lane][1] += usize::from(max.as_ref().is_some_and(|max| value > max[lane]));
    });
    for (end, (key, stated)) in [("min", min), ("max", max)].into_iter().enumerate() {
        let Some(stated) = stated else { continue };
        for lane in 0..lanes {
            let (stated, actual) = (stated[lane], found[lane][end]);
            if stated == actual {
                continue;
            }
            let (mismatch, out_of, word, side) = if end == 0 {
                (
                    &codes::ACCESSOR_MIN_MISMATCH,
                    &codes::ACCESSOR_ELEMENT_OUT_OF_MIN_BOUND,
                    "minimum",
                    "less",
                )
            } else {
                (
                    &codes::ACCESSOR_MAX_MISMATCH,
                    &codes::ACCESSOR_ELEMENT_OUT_OF_MAX_BOUND,
                    "maximum",
                    "greater",
                )
            };
            let member = format!("{key}/{lane}");
            let message = format!(
                "Declared {word} value for this component ({stated}) does not match actual {word} ({actual})."
            );
            out.under(accessor.place, &member, mismatch, message);
            let count = outside[lane][end];
            if count > 0 {
                let message = format!(
                    "Accessor contains {count} element(s) {side} than declared {word} value {stated}."
                );
                out.under(accessor.place, &member, out_of, message);
            }
        }
    }
}

fn indices(
    out: &mut Reporter,
    place: Cursor<'_>,
    elements: &Elements<'_>,
    vertices: usize,
    triangles: bool,
) {
    let restart = match elements.component {
        Component::U8 => 255.0,
        Component::U16 => 65535.0,
        _ => f64::from(u32::MAX),
    };
    let mut corner = [0.0; 3];
    let mut degenerate = 0;
    elements.each(|at, _, value| {
        if value >= vertices as f64 {
            let message = format!(
                "Indices accessor element at index {at} has value {value} that is greater than the maximum vertex index available ({}).",
                vertices as i64 - 1
            );
            out.at(place, &codes::ACCESSOR_INDEX_OOB, message);
        }
        if value == restart {
            let message = format!(
                "Indices accessor contains primitive restart value ({value}) at index {at}."
            );
            out.at(place, &codes::ACCESSOR_INDEX_PRIMITIVE_RESTART, message);
        }
        corner[at % 3] = value;
        let [a, b, c] = corner;
        degenerate += usize::from(at % 3 == 2 && (a == b || b == c || c == a));
    });
    if triangles && degenerate > 0 {
        let message = format!(
            "Indices accessor contains {degenerate} degenerate triangles (out of {}).",
            elements.count / 3
        );
        out.at(place, &codes::ACCESSOR_INDEX_TRIANGLE_DEGENERATE, message);
    }
}

/// Joints and weights of a primitive, all sets of a vertex together.
fn influences(out: &mut Reporter, file: &File<'_>, primitive: &Skinned<'_>, buffers: &Buffers<'_>) {
    let Some(joints_max) = file.joints[primitive.mesh] else {
        return;
    };
    let lists = |name: &str| -> Option<Vec<(Cursor<'_>, Vec<f64>)>> {
        (0..primitive.sets)
            .map(|set| {
                let value = primitive.attributes.entry(&format!("{name}_{set}"))?;
                let index = usize::try_from(value.integer()?).ok()?;
                let accessor = file.accessors.get(index)?;
                let elements = Elements::of(accessor, &file.views, buffers)?;
                if elements.count != primitive.vertices || elements.shape != Shape::Vec4 {
                    return None;
                }
                let mut values = Vec::new();
                values.try_reserve_exact(elements.count * 4).ok()?;
                elements.each(|_, _, value| {
                    values.push(if name == "WEIGHTS" {
                        normalized(accessor, value)
                    } else {
                        value
                    })
                });
                Some((value, values))
            })
            .collect()
    };
    // Lists are made: eight bytes a component, for a byte at least.
    if !out.work(
        primitive
            .vertices
            .saturating_mul(primitive.sets)
            .saturating_mul(64),
    ) {
        return;
    }
    let (Some(joints), Some(weights)) = (lists("JOINTS"), lists("WEIGHTS")) else {
        return;
    };
    for vertex in 0..primitive.vertices {
        let mut seen = Vec::with_capacity(4 * primitive.sets);
        let mut sum = 0.0f32;
        let mut tolerance = 0.0;
        for lane in 0..4 {
            let at = vertex * 4 + lane;
            for ((joint_place, joints), (weight_place, weights)) in joints.iter().zip(&weights) {
                let (joint, weight) = (joints[at], weights[at]);
                let named = |what: &str| {
                    format!("Joints accessor element at index {at} (component index {lane}) {what}")
                };
                if joint >= joints_max as f64 {
                    let message = named(&format!(
                        "has value {joint} that is greater than the maximum joint index ({}).",
                        joints_max - 1
                    ));
                    out.at(*joint_place, &codes::ACCESSOR_JOINTS_INDEX_OOB, message);
                } else if weight != 0.0 {
                    let unique = !seen.contains(&joint);
                    if unique {
                        seen.push(joint);
                    } else {
                        let message = named(&format!(
                            "has value {joint} that is already in use for the vertex."
                        ));
                        out.at(
                            *joint_place,
                            &codes::ACCESSOR_JOINTS_INDEX_DUPLICATE,
                            message,
                        );
                    }
                    if weight < 0.0 {
                        let message = format!(
                            "Weights accessor element at index {at} (component index {lane}) has negative value {weight}."
                        );
                        out.at(*weight_place, &codes::ACCESSOR_WEIGHTS_NEGATIVE, message);
                    } else if unique {
                        sum = (f64::from(sum) + weight) as f32;
                        tolerance += WEIGHT_TOLERANCE;
                    }
                } else if joint != 0.0 {
                    let message = named(&format!(
                        "is used with zero weight but has non-zero value ({joint})."
                    ));
                    out.at(
                        *joint_place,
                        &codes::ACCESSOR_JOINTS_USED_ZERO_WEIGHT,
                        message,
                    );
                }
            }
        }
        // Not a number is no sum either; it is said of the accessor.
        if (f64::from(sum) - 1.0).abs() > tolerance {
            for (place, _) in &weights {
                let message = format!(
                    "Weights accessor elements (at indices {}..{}) have non-normalized sum: {sum}.",
                    vertex * 4,
                    vertex * 4 + 3
                );
                out.at(*place, &codes::ACCESSOR_WEIGHTS_NON_NORMALIZED, message);
            }
        }
    }
}
