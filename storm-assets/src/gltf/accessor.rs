//! Accessors: typed, strided, possibly sparse views of buffers (glTF 2.0 §3.6.2), checked when the file is read so that decoding cannot
//! leave its bytes.

use super::{context::Context, cursor::Cursor, error::Problem, resource::View};

/// The type of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// A signed byte.
    I8,
    /// A byte.
    U8,
    /// A signed short.
    I16,
    /// A short.
    U16,
    /// An unsigned int.
    U32,
    /// A float.
    F32,
}

impl Component {
    /// Bytes of one number.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    fn read(place: Cursor<'_>) -> Result<Self, Problem> {
        Ok(match place.unsigned()? {
            5120 => Self::I8,
            5121 => Self::U8,
            5122 => Self::I16,
            5123 => Self::U16,
            5125 => Self::U32,
            5126 => Self::F32,
            _ => return Err(place.wrong("5120, 5121, 5122, 5123, 5125 or 5126")),
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::I8 => "byte",
            Self::U8 => "unsigned byte",
            Self::I16 => "short",
            Self::U16 => "unsigned short",
            Self::U32 => "unsigned int",
            Self::F32 => "float",
        }
    }
}

/// What one element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Scalar,
    /// Two numbers.
    Vec2,
    /// Three numbers.
    Vec3,
    /// Four numbers.
    Vec4,
    /// Two columns of two.
    Mat2,
    /// Three columns of three.
    Mat3,
    /// Four columns of four.
    Mat4,
}

impl Shape {
    fn read(place: Cursor<'_>) -> Result<Self, Problem> {
        Ok(match place.text()? {
            "SCALAR" => Self::Scalar,
            "VEC2" => Self::Vec2,
            "VEC3" => Self::Vec3,
            "VEC4" => Self::Vec4,
            "MAT2" => Self::Mat2,
            "MAT3" => Self::Mat3,
            "MAT4" => Self::Mat4,
            _ => return Err(place.wrong("SCALAR, VEC2, VEC3, VEC4, MAT2, MAT3 or MAT4")),
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "SCALAR",
            Self::Vec2 => "VEC2",
            Self::Vec3 => "VEC3",
            Self::Vec4 => "VEC4",
            Self::Mat2 => "MAT2",
            Self::Mat3 => "MAT3",
            Self::Mat4 => "MAT4",
        }
    }

    /// Columns and rows; vectors and scalars have one column.
    const fn columns_rows(self) -> (usize, usize) {
        match self {
            Self::Scalar => (1, 1),
            Self::Vec2 => (1, 2),
            Self::Vec3 => (1, 3),
            Self::Vec4 => (1, 4),
            Self::Mat2 => (2, 2),
            Self::Mat3 => (3, 3),
            Self::Mat4 => (4, 4),
        }
    }

    /// Numbers of one element.
    #[must_use]
    pub const fn components(self) -> usize {
        let (columns, rows) = self.columns_rows();
        columns * rows
    }

    /// Where component `lane` starts in an element: the columns of matrices start on 4-byte boundaries.
    pub(super) const fn lane_offset(self, component: Component, lane: usize) -> usize {
        let (columns, rows) = self.columns_rows();
        let column_bytes = rows * component.bytes();
        let column_stride = if columns > 1 {
            column_bytes.next_multiple_of(4)
        } else {
            column_bytes
        };
        (lane / rows) * column_stride + (lane % rows) * component.bytes()
    }

    /// Bytes from the start of one element to the end of its last component.
    pub(super) const fn extent(self, component: Component) -> usize {
        self.lane_offset(component, self.components() - 1) + component.bytes()
    }

    /// Bytes from one packed element to the next: with the padding after the last column, which keeps columns aligned.
    pub(super) const fn bytes(self, component: Component) -> usize {
        let (columns, rows) = self.columns_rows();
        if columns > 1 {
            columns * (rows * component.bytes()).next_multiple_of(4)
        } else {
            rows * component.bytes()
        }
    }
}

/// A range of a view that holds `count` elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) view: usize,
    pub(super) offset: usize,
    pub(super) stride: usize,
}

/// Elements that are put over the base ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sparse<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) count: usize,
    pub(super) indices: Span,
    pub(super) index_component: Component,
    pub(super) values: Span,
}

/// An accessor whose ranges lie within their views.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accessor<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) component: Component,
    pub(super) shape: Shape,
    pub(super) normalized: bool,
    pub(super) count: usize,
    /// Absent: all zero.
    pub(super) base: Option<Span>,
    pub(super) sparse: Option<Sparse<'a>>,
    /// Whether the view states a stride.
    pub(super) strided: bool,
}

/// All accessors of a file.
pub(super) fn accessors<'a>(
    context: &mut Context,
    root: Cursor<'a>,
    views: &[View<'a>],
) -> Result<Vec<Accessor<'a>>, Problem> {
    context.list(root, "accessors", |context, place, _| {
        read(context, place, views)
    })
}

fn read<'a>(
    context: &mut Context,
    place: Cursor<'a>,
    views: &[View<'a>],
) -> Result<Accessor<'a>, Problem> {
    let component = Component::read(place.required("componentType")?)?;
    let shape = Shape::read(place.required("type")?)?;
    let count_place = place.required("count")?;
    let count = count_place.size()?;
    if count == 0 {
        return Err(count_place.wrong("at least 1"));
    }
    let mut normalized = place.optional_bool("normalized")?.unwrap_or(false);
    if normalized && matches!(component, Component::F32 | Component::U32) {
        context.warn(place, || {
            format!(
                "{} components cannot be normalized; the flag is ignored",
                component.name()
            )
        });
        normalized = false;
    }
    for bound in ["min", "max"] {
        if let Some(bound) = place.get(bound)? {
            let (len, numbers) = bound.elements()?;
            if len != shape.components() {
                return Err(bound.wrong(format!("{} numbers, one a component", shape.components())));
            }
            for number in numbers {
                number.float()?;
            }
        }
    }
    let view = place.optional_index("bufferView", views.len(), "buffer views")?;
    let offset = place.optional_size("byteOffset")?;
    let bytes = shape.bytes(component);
    let base = match view {
        Some(view) => {
            let stride = views[view].stride.unwrap_or(bytes);
            let span = Span {
                view,
                offset: offset.unwrap_or(0),
                stride,
            };
            if stride < bytes {
                return Err(place.wrong_found(
                    format!("elements that fit the stride of {stride} bytes of buffer view {view}"),
                    format!("{bytes} bytes"),
                ));
            }
            check_span(
                context,
                place,
                views,
                span,
                count,
                shape.extent(component),
                component,
            )?;
            Some(span)
        }
        None => {
            if offset.is_some() {
                context.warn(place, || {
                    "byteOffset without bufferView is ignored".to_owned()
                });
            }
            None
        }
    };
    let sparse = place
        .get("sparse")?
        .map(|sparse| read_sparse(context, sparse, views, count, shape, component))
        .transpose()?;
    Ok(Accessor {
        place,
        component,
        shape,
        normalized,
        count,
        base,
        sparse,
        strided: view.is_some_and(|view| views[view].stride.is_some()),
    })
}

fn read_sparse<'a>(
    context: &mut Context,
    place: Cursor<'a>,
    views: &[View<'a>],
    base_count: usize,
    shape: Shape,
    component: Component,
) -> Result<Sparse<'a>, Problem> {
    let count_place = place.required("count")?;
    let count = count_place.size()?;
    if count == 0 || count > base_count {
        return Err(count_place.wrong(format!("1 to {base_count}, the count of the accessor")));
    }
    let mut span = |key: &str, bytes: usize, extent: usize, component: Component| {
        let place = place.required(key)?;
        let view = place
            .required("bufferView")?
            .index(views.len(), "buffer views")?;
        if views[view].stride.is_some() {
            return Err(place.wrong_found(
                "a buffer view without a stride",
                format!("buffer view {view}, which has one"),
            ));
        }
        let span = Span {
            view,
            offset: place.optional_size("byteOffset")?.unwrap_or(0),
            stride: bytes,
        };
        check_span(context, place, views, span, count, extent, component)?;
        Ok(span)
    };
    let index_place = place.required("indices")?.required("componentType")?;
    let index_component = Component::read(index_place)?;
    if !matches!(
        index_component,
        Component::U8 | Component::U16 | Component::U32
    ) {
        return Err(index_place.wrong("5121, 5123 or 5125"));
    }
    Ok(Sparse {
        place,
        count,
        indices: span(
            "indices",
            index_component.bytes(),
            index_component.bytes(),
            index_component,
        )?,
        index_component,
        values: span(
            "values",
            shape.bytes(component),
            shape.extent(component),
            component,
        )?,
    })
}

/// Checks that `count` elements of `bytes` bytes lie within the view.
fn check_span(
    context: &mut Context,
    place: Cursor<'_>,
    views: &[View<'_>],
    span: Span,
    count: usize,
    bytes: usize,
    component: Component,
) -> Result<(), Problem> {
    let view = &views[span.view];
    // The last element need not be followed by the rest of its stride.
    let end = (count - 1)
        .checked_mul(span.stride)
        .and_then(|start| start.checked_add(bytes))
        .and_then(|len| len.checked_add(span.offset));
    if end.is_none_or(|end| end > view.length) {
        return Err(place.wrong_found(
            format!(
                "a range within the {} bytes of buffer view {}",
                view.length, span.view
            ),
            format!(
                "{count} elements of {bytes} bytes, {} apart, from byte {}",
                span.stride, span.offset
            ),
        ));
    }
    let alignment = component.bytes();
    if !span.offset.is_multiple_of(alignment)
        || !(view.offset + span.offset).is_multiple_of(alignment)
    {
        context.warn(place, || {
            format!("does not start at a multiple of its component size, {alignment} bytes; it is read all the same")
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_small_matrices_are_padded_to_four_bytes() {
        let cases = [
            (Shape::Mat2, Component::U8, 8, [0, 1, 4, 5].as_slice()),
            (
                Shape::Mat3,
                Component::I8,
                12,
                &[0, 1, 2, 4, 5, 6, 8, 9, 10],
            ),
            (
                Shape::Mat3,
                Component::U16,
                24,
                &[0, 2, 4, 8, 10, 12, 16, 18, 20],
            ),
            (Shape::Mat2, Component::F32, 16, &[0, 4, 8, 12]),
            (Shape::Vec3, Component::U8, 3, &[0, 1, 2]),
            (Shape::Scalar, Component::U16, 2, &[0]),
        ];
        for (shape, component, bytes, offsets) in cases {
            assert_eq!(shape.bytes(component), bytes);
            let found: Vec<_> = (0..shape.components())
                .map(|lane| shape.lane_offset(component, lane))
                .collect();
            assert_eq!(found, offsets, "{shape:?} of {component:?}");
        }
    }
}
