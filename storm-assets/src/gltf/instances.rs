//! Many copies of a node's mesh (EXT_mesh_gpu_instancing).

use super::{
    accessor::{Accessor, Shape},
    context::Context,
    cursor::Cursor,
    decode::{Allowed, Data},
    error::Problem,
    transform::NodeTransform,
};
use crate::unit::is_unit;

/// Reads the places of the instances of a node, relative to it; empty where it has none.
pub(super) fn read(
    context: &mut Context,
    data: &Data<'_>,
    node: Cursor<'_>,
) -> Result<Vec<NodeTransform>, Problem> {
    let Some(extension) = context.extension(node, "EXT_mesh_gpu_instancing")? else {
        return Ok(Vec::new());
    };
    let attributes = extension.required("attributes")?;
    let mut count: Option<usize> = None;
    for (name, place) in attributes.members()? {
        let accessor = accessor(data, place)?;
        if *count.get_or_insert(accessor.count) != accessor.count {
            return Err(attributes.wrong_found(
                "attributes of the same count",
                format!("{} in {name:?}", accessor.count),
            ));
        }
    }
    let Some(count) = count else {
        return Err(attributes.wrong("at least one attribute"));
    };
    let mut instances = context
        .budget
        .list::<NodeTransform>(count, || attributes.pointer())?;
    instances.resize(count, NodeTransform::IDENTITY);
    if let Some(place) = attributes.get("TRANSLATION")? {
        let values =
            data.floats::<3>(context, accessor(data, place)?, Shape::Vec3, Allowed::Float)?;
        for (instance, value) in instances.iter_mut().zip(values) {
            instance.translation = value.into();
        }
    }
    if let Some(place) = attributes.get("ROTATION")? {
        let values = data.floats::<4>(
            context,
            accessor(data, place)?,
            Shape::Vec4,
            Allowed::FloatOrNorm,
        )?;
        let mut mended = 0usize;
        for (instance, value) in instances.iter_mut().zip(values) {
            let rotation = glam::Quat::from_array(value);
            if is_unit(rotation) {
                instance.rotation = rotation;
                continue;
            }
            let length = rotation.length();
            mended += usize::from((length - 1.0).abs() > 1e-2);
            instance.rotation = if length.is_finite() && length > 1e-6 {
                rotation.normalize()
            } else {
                glam::Quat::IDENTITY
            };
        }
        if mended > 0 {
            context.warn(place, || {
                format!("{mended} rotations are not unit quaternions; they are normalized")
            });
        }
    }
    if let Some(place) = attributes.get("SCALE")? {
        let values =
            data.floats::<3>(context, accessor(data, place)?, Shape::Vec3, Allowed::Float)?;
        for (instance, value) in instances.iter_mut().zip(values) {
            instance.scale = value.into();
        }
    }
    Ok(instances)
}

fn accessor<'d, 'a>(data: &'d Data<'a>, index: Cursor<'_>) -> Result<&'d Accessor<'a>, Problem> {
    Ok(&data.accessors[index.index(data.accessors.len(), "accessors")?])
}
