//! Structures that shaders read, with the layouts of `shaders/common.glsl` (scalar block layout).
//!
//! A test reads the offsets out of the compiled SPIR-V and compares them with these.

use bytemuck::{Pod, Zeroable};

use storm_assets::clusters::{ClusterRecord, Group, Node, NodeChild};

use crate::{
    atmosphere::AtmosphereInfo,
    clusters::{
        frame::{ClusterFrame, ClusterView},
        meshes::{ClusterInstance, ClusterMeshInfo},
    },
    frame::{
        cull::{CullInfo, CullView},
        lighting::LightingInfo,
    },
    scene::motion::MotionInfo,
    shadow::ShadowView,
};

/// Stands for "there is none" in every index of these structures.
pub(crate) const NONE: u32 = u32::MAX;

/// Where an instance is: a 3×4 matrix by rows, in metres, relative to the low corner of a cell of the world.
///
/// 64 bytes, the same as `storm_ecs::scene::GlobalTransform`, so that columns of those are uploaded as they are.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct InstanceTransform {
    /// Rows of the matrix; the last column is the translation.
    pub rows: [[f32; 4]; 3],
    /// The cell, [`CELL_SIZE`](crate::CELL_SIZE) metres a side.
    pub cell: [i32; 3],
    /// Unused; keeps 64 bytes.
    pub padding: u32,
}

impl InstanceTransform {
    /// At the low corner of cell 0, unturned, unscaled.
    pub const IDENTITY: Self = Self {
        rows: [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ],
        cell: [0; 3],
        padding: 0,
    };

    /// In cell 0, from an affine matrix; its bottom row is taken to be 0 0 0 1.
    #[must_use]
    pub fn from_mat4(matrix: glam::Mat4) -> Self {
        let rows = matrix.transpose();
        Self {
            rows: [rows.x_axis.into(), rows.y_axis.into(), rows.z_axis.into()],
            ..Self::IDENTITY
        }
    }

    /// Whether it turns right-handed into left-handed.
    #[must_use]
    pub fn mirrors(&self) -> bool {
        let [x, y, z] = self.rows.map(|[a, b, c, _]| glam::Vec3::new(a, b, c));
        x.dot(y.cross(z)) < 0.0
    }
}

#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct InstanceMeta {
    pub(crate) mesh: u32,
    pub(crate) material: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MeshInfo {
    pub(crate) positions: u32,
    pub(crate) normals: u32,
    pub(crate) tangents: u32,
    pub(crate) uv0: u32,
    pub(crate) uv1: u32,
    pub(crate) colors: u32,
    pub(crate) flags: u32,
    /// Positions of the frame before: the same ones, where nothing deforms them.
    pub(crate) previous: u32,
}

/// The box around a mesh, for culling.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MeshBox {
    pub(crate) low: [f32; 3],
    pub(crate) flags: u32,
    pub(crate) high: [f32; 3],
    /// Where the errors of coarser levels are, in words of the vertex arena.
    pub(crate) errors: u32,
}

/// [`MeshBox::flags`]: how many coarser levels there are, from this bit on.
pub(crate) const BOX_LEVELS_SHIFT: u32 = 8;

/// Words that stand for a candidate: its slot, and from this bit on the level of its mesh.
pub(crate) const CANDIDATE_LEVEL_SHIFT: u32 = 28;

/// [`MeshBox::flags`]: lines or points, which are a pixel wide at any distance.
pub(crate) const BOX_THIN: u32 = 1;

/// [`MeshInfo::flags`]: there is nothing to light it by.
pub(crate) const MESH_UNLIT: u32 = 1;

/// [`MeshInfo::flags`]: how many UV sets there are where there are more than two, from this bit on.
pub(crate) const MESH_UV_SETS_SHIFT: u32 = 8;

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct TextureRef {
    pub(crate) image: u32,
    /// Slot of the sampler, then from [`HOW_UV_SHIFT`] on which of the UVs that reach fragments, then from [`HOW_TRANSFORM_SHIFT`]
    /// on the number of a [`UvTransform`], 0 for none.
    pub(crate) how: u32,
}

/// [`TextureRef::how`].
pub(crate) const HOW_UV_SHIFT: u32 = 8;
/// [`TextureRef::how`].
pub(crate) const HOW_TRANSFORM_SHIFT: u32 = 12;

/// Two rows of an affine matrix.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct UvTransform {
    pub(crate) rows: [[f32; 3]; 2],
}

impl TextureRef {
    pub(crate) const NONE: Self = Self {
        image: NONE,
        how: 0,
    };
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct MaterialInfo {
    pub(crate) base_color: [f32; 4],
    pub(crate) emissive: [f32; 3],
    pub(crate) alpha_cutoff: f32,
    pub(crate) metallic: f32,
    pub(crate) roughness: f32,
    pub(crate) normal_scale: f32,
    pub(crate) occlusion_strength: f32,
    /// Base colour, metallic-roughness, normal, occlusion, emissive.
    pub(crate) textures: [TextureRef; 5],
    pub(crate) flags: u32,
    /// Number of a [`LayerInfo`], or [`NONE`].
    pub(crate) layers: u32,
}

/// [`MaterialInfo::flags`]: the base colour is shown as it is.
pub(crate) const MATERIAL_UNLIT: u32 = 1;

/// [`MaterialInfo::flags`]: its surfaces are seen from behind, too.
pub(crate) const MATERIAL_DOUBLE_SIDED: u32 = 2;

/// [`MaterialInfo::flags`]: from this bit on the material's [`Layers`](super::layers::Layers).
pub(crate) const MATERIAL_LAYERS_SHIFT: u32 = 8;

/// What the layers of a material need beside; the shader's constants name the places in `textures`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct LayerInfo {
    pub(crate) uv_sets: [u8; UVS_MAX],
    pub(crate) flags: u32,
    pub(crate) ior: f32,
    pub(crate) specular_color: [f32; 3],
    pub(crate) specular: f32,
    pub(crate) sheen_color: [f32; 3],
    pub(crate) sheen_roughness: f32,
    pub(crate) clearcoat: f32,
    pub(crate) clearcoat_roughness: f32,
    pub(crate) clearcoat_normal_scale: f32,
    pub(crate) dielectric_f0: f32,
    pub(crate) absorption: [f32; 3],
    pub(crate) thickness: f32,
    pub(crate) transmission: f32,
    pub(crate) dispersion: f32,
    pub(crate) anisotropy: f32,
    pub(crate) iridescence: f32,
    pub(crate) anisotropy_rotation: [f32; 2],
    pub(crate) film_thickness: [f32; 2],
    pub(crate) film_ior: f32,
    pub(crate) padding: u32,
    pub(crate) textures: [TextureRef; LAYER_TEXTURES],
}

/// UVs that can reach fragments.
pub(crate) const UVS_MAX: usize = 8;
/// Textures of layers.
pub(crate) const LAYER_TEXTURES: usize = 12;
/// [`LayerInfo::flags`]: the mesh's tangents are not those of the coat's normal texture.
pub(crate) const COAT_HAS_OWN_FRAME: u32 = 1;

/// `docs/render.md` states these figures.
const _: () = assert!(size_of::<MaterialInfo>() == 96 && size_of::<LayerInfo>() == 216);

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct LightInfo {
    pub(crate) translation: [f32; 3],
    pub(crate) range: f32,
    pub(crate) cell: [i32; 3],
    pub(crate) spot_scale: f32,
    pub(crate) color: [f32; 3],
    pub(crate) spot_offset: f32,
    pub(crate) direction: [f32; 3],
    pub(crate) shadow: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct LineInfo {
    pub(crate) from: [f32; 3],
    pub(crate) color: u32,
    pub(crate) to: [f32; 3],
    pub(crate) padding: u32,
    pub(crate) cell: [i32; 3],
    pub(crate) padding2: u32,
}

impl LineInfo {
    pub(crate) fn of(line: &super::Line) -> Self {
        let byte = |c: f32| (c.clamp(0.0, 1.0) * 255.0).round() as u8;
        Self {
            from: line.from.into(),
            color: u32::from_le_bytes(line.color.map(byte)),
            to: line.to.into(),
            padding: 0,
            cell: line.cell,
            padding2: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct SkyInfo {
    pub(crate) sun_direction: [f32; 3],
    pub(crate) sun_cos: f32,
    pub(crate) sun_color: [f32; 3],
    pub(crate) haze: f32,
    pub(crate) zenith: [f32; 3],
    pub(crate) cloud_cover: f32,
    pub(crate) horizon: [f32; 3],
    pub(crate) cloud_scale: f32,
    pub(crate) ground: [f32; 3],
    pub(crate) fog_density: f32,
    pub(crate) cloud_light: [f32; 3],
    pub(crate) fog_height: f32,
    pub(crate) cloud_shade: [f32; 3],
    pub(crate) seed: u32,
    pub(crate) atmosphere: u64,
    pub(crate) kind: u32,
    pub(crate) picture: u32,
    pub(crate) picture_sampler: u32,
    pub(crate) picture_light: f32,
    pub(crate) picture_turn: [f32; 2],
}

/// [`SkyInfo::kind`].
pub(crate) const SKY_GRADIENT: u32 = 0;
pub(crate) const SKY_PICTURE: u32 = 1;
pub(crate) const SKY_AIR: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Globals {
    pub(crate) clip_from_relative: [[f32; 4]; 4],
    pub(crate) relative_from_clip: [[f32; 4]; 4],
    pub(crate) eye: [f32; 4],
    pub(crate) camera_cell: [i32; 3],
    pub(crate) exposure: f32,
    pub(crate) camera_translation: [f32; 3],
    pub(crate) light_count: u32,
    pub(crate) sky: SkyInfo,
    pub(crate) vertices: u64,
    pub(crate) transforms: u64,
    pub(crate) metas: u64,
    pub(crate) meshes: u64,
    pub(crate) materials: u64,
    pub(crate) lights: u64,
    pub(crate) harmonics: u64,
    pub(crate) sky_cube: u32,
    pub(crate) sky_levels: u32,
    pub(crate) brdf_table: u32,
    pub(crate) clamp_sampler: u32,
    pub(crate) lighting: u64,
    pub(crate) parameters: u64,
    pub(crate) layers: u64,
    pub(crate) uv_transforms: u64,
}

/// `docs/render.md` states this figure.
const _: () = assert!(size_of::<Globals>() == 424);

/// Offsets of the members of the structures that shaders read, for the test that compares the two.
#[doc(hidden)]
#[must_use]
pub fn layout_offsets() -> Vec<(&'static str, Vec<u32>)> {
    macro_rules! offsets {
        ($($type:ident { $($field:ident),* $(,)? })*) => {
            vec![$((stringify!($type), vec![$(std::mem::offset_of!($type, $field) as u32),*])),*]
        };
    }
    let mut all = offsets! {
        InstanceTransform { rows, cell, padding }
        InstanceMeta { mesh, material }
        MeshInfo { positions, normals, tangents, uv0, uv1, colors, flags, previous }
        TextureRef { image, how }
        LayerInfo {
            uv_sets, flags, ior, specular_color, specular, sheen_color, sheen_roughness, clearcoat, clearcoat_roughness,
            clearcoat_normal_scale, dielectric_f0, absorption, thickness, transmission, dispersion, anisotropy,
            iridescence, anisotropy_rotation, film_thickness, film_ior, padding, textures,
        }
        MeshBox { low, flags, high, errors }
        CullView { clip_from_relative, extent, small, sample_grid, level_scale, padding }
        CullInfo {
            views, candidates, commands, ranges, boxes, bits, sums, slots, commands_left, counts, hiz, seen, report,
            candidate_count, solid_count, range_count, candidate_stride, command_stride, range_stride, solid_ranges,
            padding,
        }
        LightInfo { translation, range, cell, spot_scale, color, spot_offset, direction, shadow }
        ClusterMeshInfo {
            sphere, origin, step, uv_origin, uv_step, flags, group_count, nodes, groups, pages, asked, root_pages, number,
        }
        ClusterInstance { slot, mesh }
        ClusterView { clip_from_relative, planes, eye, near, extent, scale, threshold, rect }
        ClusterFrame {
            views, instances, meshes, work, nodes, groups, hidden, visible, lists, shadows, incomplete, asked, hiz, pixels,
            instance_count, view_count, flags, cascades, node_room, group_room, cluster_room, shadow_room, root_room,
            asked_room, split, frame,
        }
        ClusterRecord {
            sphere, cone, refined, counts, position_base, positions, attributes, triangles, uv_bits, uv_base,
            longest_edge, level,
        }
        Group { sphere, error, page, clusters, level }
        NodeChild { cull, sphere, error, target }
        Node { count, children }
        LineInfo { from, color, to, padding, cell, padding2 }
        ShadowView { clip_from_relative, rect, texel, size, perspective, range }
        MotionInfo {
            clip_from_relative, previous_clip_from_relative, previous_cell, fresh, previous_translation, padding,
            previous_transforms,
        }
        LightingInfo {
            shadows, clusters, cluster_bounds, forward, cascades, extent, light_words, summary_words,
        }
        SkyInfo {
            sun_direction, sun_cos, sun_color, haze, zenith, cloud_cover, horizon, cloud_scale, ground, fog_density,
            cloud_light, fog_height, cloud_shade, seed, atmosphere, kind, picture, picture_sampler, picture_light,
            picture_turn,
        }
        AtmosphereInfo {
            transmittance, scattering, view, rayleigh, rayleigh_height, mie, mie_height, mie_asymmetry, ozone,
            ozone_middle, ground_albedo, ozone_width, sun_illuminance, ground_radius, sun_direction, top_radius,
            altitude, sun_radius,
        }
        Globals {
            clip_from_relative, relative_from_clip, eye, camera_cell, exposure, camera_translation, light_count, sky,
            vertices, transforms, metas, meshes, materials, lights, harmonics, sky_cube, sky_levels,
            brdf_table, clamp_sampler, lighting, parameters, layers, uv_transforms,
        }
    };
    // The shader names its five textures one by one.
    let texture = |i: usize| {
        (std::mem::offset_of!(MaterialInfo, textures) + i * size_of::<TextureRef>()) as u32
    };
    let before = [
        std::mem::offset_of!(MaterialInfo, base_color),
        std::mem::offset_of!(MaterialInfo, emissive),
        std::mem::offset_of!(MaterialInfo, alpha_cutoff),
        std::mem::offset_of!(MaterialInfo, metallic),
        std::mem::offset_of!(MaterialInfo, roughness),
        std::mem::offset_of!(MaterialInfo, normal_scale),
        std::mem::offset_of!(MaterialInfo, occlusion_strength),
    ]
    .map(|offset| offset as u32);
    let after = [
        std::mem::offset_of!(MaterialInfo, flags),
        std::mem::offset_of!(MaterialInfo, layers),
    ];
    let members = before
        .into_iter()
        .chain((0..5).map(texture))
        .chain(after.map(|offset| offset as u32));
    all.push(("MaterialInfo", members.collect()));
    all
}
