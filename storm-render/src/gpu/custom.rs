//! Shaders of users, which nobody can check for them.

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
