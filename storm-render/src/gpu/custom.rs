//! Shaders of users, which nobody can check for them: not in what they compute, and not in which addresses they follow.

use std::fmt;
use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use crate::spirv::{self, SurfaceError};

/// A pass of one's own: one triangle over the whole picture, after tone mapping and before lines.
///
/// Its fragment shader reads the picture at set 1, binding 0 (`texture2D`, linear colours), and writes the new one to
/// location 0. Push constants start with the 64-bit address of the frame's constants (`Globals` in
/// `shaders/common.glsl`), followed by the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenPass {
    spirv: Vec<u8>,
    /// Sixteen numbers that the shader reads.
    pub parameters: [f32; 16],
}

impl ScreenPass {
    /// A pass with this fragment shader, in SPIR-V for Vulkan 1.3 with the entry point `main`.
    ///
    /// # Safety
    /// The bytes have to be valid SPIR-V whose interface is the one above, that uses no capability beyond those that
    /// this crate requires of devices, and that reads no address but those that the constants hold, within their tables.
    #[must_use]
    pub unsafe fn new(spirv: &[u8], parameters: [f32; 16]) -> Self {
        Self {
            spirv: spirv.to_vec(),
            parameters,
        }
    }

    pub(crate) fn spirv(&self) -> &[u8] {
        &self.spirv
    }
}

/// The most parameters of a surface.
pub const SURFACE_PARAMETERS_MAX: usize = 16;
/// The most textures of a surface, beside those of its material.
pub const SURFACE_TEXTURES_MAX: usize = 4;

struct SurfaceCode {
    /// No two shaders have the same.
    id: u64,
    spirv: Vec<u8>,
    names: Vec<String>,
}

/// What the surfaces of a material are: a function in GLSL that finds what glTF's material would be at a place and changes
/// what it likes of it. Light, shadows, fog, culling and blending stay the renderer's. Clones are the same shader.
///
/// The function is written against `surface.glsl` ([`surface_headers`](crate::surface_headers)), which says what it gets and
/// gives:
///
/// ```glsl
/// #version 460
/// #extension GL_GOOGLE_include_directive : require
/// #include "surface.glsl"
///
/// void surface(SurfaceInput at, inout SurfaceOutput s) {
///     s.emissive = vec3(0.0, at.parameters[0], 0.0);
/// }
/// ```
///
/// and compiled for Vulkan 1.3: `glslangValidator -V --target-env vulkan1.3 -g0 -Ishaders -o mine.frag.spv mine.frag`.
#[derive(Clone)]
pub struct SurfaceShader(Arc<SurfaceCode>);

impl fmt::Debug for SurfaceShader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The code itself would fill screens.
        f.debug_struct("SurfaceShader")
            .field("parameters", &self.0.names)
            .field("bytes", &self.0.spirv.len())
            .finish_non_exhaustive()
    }
}

/// Knows of a shader without holding it.
pub(crate) struct SurfaceWatch(Weak<SurfaceCode>);

impl SurfaceWatch {
    /// Whether a scene or anyone else still has it.
    pub(crate) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl PartialEq for SurfaceShader {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl SurfaceShader {
    /// A shader from SPIR-V, with the names of its parameters in the order in which it reads them.
    ///
    /// What can be seen without running it is checked, so that no driver gets what is no SPIR-V, asks for what devices need
    /// not have, or has another interface than the header's.
    ///
    /// # Safety
    /// The bytes have to be valid SPIR-V, and read no address but those that the header's functions and structures hold,
    /// within their tables. What a compiler makes of a function that uses the header and nothing but its own arithmetic is.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub unsafe fn new(spirv: &[u8], parameters: &[&str]) -> Result<Self, SurfaceError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        spirv::check(spirv)?;
        let names: Vec<String> = parameters.iter().map(|&name| name.to_owned()).collect();
        let twice = names
            .iter()
            .enumerate()
            .any(|(i, name)| names[..i].contains(name));
        if names.len() > SURFACE_PARAMETERS_MAX || twice {
            return Err(SurfaceError::Parameters {
                found: names,
                limit: SURFACE_PARAMETERS_MAX,
            });
        }
        Ok(Self(Arc::new(SurfaceCode {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            spirv: spirv.to_vec(),
            names,
        })))
    }

    /// Says later whether the shader is still held by someone, and does not hold it.
    pub(crate) fn watch(&self) -> SurfaceWatch {
        SurfaceWatch(Arc::downgrade(&self.0))
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn spirv(&self) -> &[u8] {
        &self.0.spirv
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.0.names.iter().position(|known| known == name)
    }
}
