//! Built meshes kept in a folder, found again by what they were built from.

use std::{ops::ControlFlow, path::PathBuf};

use super::{
    BuildError, BuildOptions, ClusterError, ClusterMesh, FILE_VERSION, Progress,
    build_with_progress, file,
};
use crate::Mesh;

/// Grows with every change of the builder that changes what it makes.
const BUILDER_VERSION: u32 = 3;

/// A folder of built meshes. The name of an entry is the hash of all that it depends on: the mesh, the options, the versions of builder and format.
/// Any number of processes may share the folder: entries appear whole.
///
/// ```
/// use storm_assets::{Mesh, clusters::{BuildOptions, ClusterCache}};
///
/// let folder = std::env::temp_dir().join(format!("storm-clusters-{}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// let mesh = Mesh {
///     positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
///     indices: vec![0, 1, 2],
///     ..Mesh::default()
/// };
/// let cache = ClusterCache::new(&folder);
/// let first = cache.get_or_build(&mesh, &BuildOptions::default(), &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let second = cache.get_or_build(&mesh, &BuildOptions::default(), &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert!(first.built && !second.built);
/// std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClusterCache {
    folder: PathBuf,
}

/// A mesh from a [`ClusterCache`].
#[derive(Debug)]
pub struct Cached {
    /// Its pages are read from the folder, or lie in memory where it could not be kept.
    pub mesh: ClusterMesh,
    /// Whether it was built now.
    pub built: bool,
    /// Why it could not be kept.
    pub not_kept: Option<ClusterError>,
}

impl ClusterCache {
    /// Entries in `folder`, which has to be there.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where the entry of a mesh is, or would be. Cost: one BLAKE3 of the mesh.
    #[must_use]
    pub fn path(&self, mesh: &Mesh, options: &BuildOptions) -> PathBuf {
        self.folder
            .join(format!("{}.storm-clusters", key(mesh, options)))
    }

    /// The entry of a mesh, built when there is none or it is damaged. Cost where there is one: hashing the mesh, and reading the whole entry once to see that it is sound.
    ///
    /// # Errors
    /// When the mesh cannot be built. An entry that cannot be read or written is none.
    pub fn get_or_build(
        &self,
        mesh: &Mesh,
        options: &BuildOptions,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Cached, BuildError> {
        let path = self.path(mesh, options);
        let open = || file::open(&path).and_then(|found| found.verify().map(|()| found));
        if let Ok(mesh) = open() {
            return Ok(Cached {
                mesh,
                built: false,
                not_kept: None,
            });
        }
        let built = build_with_progress(mesh, options, progress)?;
        let kept = file::save(&built, &path).and_then(|()| file::open(&path));
        let (mesh, not_kept) = match kept {
            Ok(mesh) => (mesh, None),
            Err(error) => (built, Some(error)),
        };
        Ok(Cached {
            mesh,
            built: true,
            not_kept,
        })
    }
}

/// The hash of all that a built mesh depends on. Threads are left out: they change nothing.
fn key(mesh: &Mesh, options: &BuildOptions) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"storm-clusters");
    hasher.update(&FILE_VERSION.to_le_bytes());
    hasher.update(&BUILDER_VERSION.to_le_bytes());
    let precision = options.precision.unwrap_or(0.0);
    for number in [
        precision,
        options.normal_weight,
        options.uv_weight,
        options.color_weight,
    ] {
        hasher.update(&number.to_le_bytes());
    }
    // Each list with its length before it, so that no two meshes read alike.
    let mut list = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    list(&[mesh.topology as u8]);
    list(bytemuck::cast_slice(&mesh.positions));
    list(bytemuck::cast_slice(&mesh.normals));
    list(bytemuck::cast_slice(&mesh.tangents));
    list(bytemuck::cast_slice(&mesh.colors));
    list(bytemuck::cast_slice(&mesh.indices));
    // What is refused is not in the cache; these still must not find the entry of a mesh that differs in them only.
    list(&(mesh.joints.len() as u64).to_le_bytes());
    list(&(mesh.morph_targets.len() as u64).to_le_bytes());
    for uvs in &mesh.uvs {
        list(bytemuck::cast_slice(uvs));
    }
    hasher.finalize()
}
