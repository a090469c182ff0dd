//! What can go wrong between this crate and a Vulkan driver.

use ash::vk;

/// Why something could not be drawn. Every message is one sentence that names what is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The Vulkan loader (`libvulkan.so.1`) is not installed.
    #[error("no Vulkan loader on this machine: {0}")]
    NoLoader(String),
    /// The loader is there, but no driver.
    #[error("no Vulkan driver on this machine")]
    NoDriver,
    /// The validation layer was asked for and is not installed.
    #[error("the validation layer VK_LAYER_KHRONOS_validation is not installed")]
    NoValidation,
    /// Drivers are there, but none can do what is needed. One reason a device.
    #[error("no usable Vulkan device: {}", .0.join("; "))]
    NoDevice(Vec<String>),
    /// No device has the name that was asked for.
    #[error("no Vulkan device is called \"{wanted}\"; there are: {}", .found.join(", "))]
    NoSuchDevice {
        /// What was asked for.
        wanted: String,
        /// All devices that there are.
        found: Vec<String>,
    },
    /// The device was lost (driver reset, unplugged, timed out): everything made from it is gone.
    #[error("the Vulkan device was lost while {0}")]
    DeviceLost(&'static str),
    /// The driver refused a call.
    #[error("Vulkan failed while {doing}: {result}")]
    Vulkan {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        result: vk::Result,
    },
    /// There is no room left in memory or in a fixed-size table.
    #[error("out of space for {what}: {needed} needed, {limit} is the limit")]
    OutOfSpace {
        /// What there is no room for.
        what: &'static str,
        /// How much would be needed.
        needed: u64,
        /// How much there may be.
        limit: u64,
    },
    /// GPU memory could not be allocated.
    #[error("GPU memory for {what} could not be allocated: {source}")]
    Memory {
        /// What it was for.
        what: &'static str,
        /// The allocator's reason.
        source: gpu_allocator::AllocationError,
    },
    /// A mesh breaks the promises of its type.
    #[error("the mesh is not well-formed: {0}")]
    Mesh(#[from] storm_assets::MeshError),
    /// A mesh of clusters breaks the rules of its format, or a page of it cannot be read.
    #[error("the mesh of clusters is not well-formed: {0}")]
    Clusters(#[from] storm_assets::clusters::ClusterError),
    /// The system has no thread left, to read pages on.
    #[error("no thread to read pages of clusters on: {0}")]
    NoThread(std::io::Error),
    /// The device cannot draw clusters.
    #[error(
        "clusters need 64-bit atomics in buffers, stores from fragments, clip distances and subgroup ballots, which {0} does not have"
    )]
    NoClusters(String),
    /// A mesh of clusters is to be drawn with a material that only other meshes can have.
    #[error("a mesh of clusters cannot be {what}: material {material:?}")]
    ClusterMaterial {
        /// What the material is.
        what: &'static str,
        /// Its handle.
        material: storm_assets::AssetId,
    },
    /// A picture, target or window side is out of range.
    #[error("a size of {width}×{height} is not within 1 to {limit} pixels")]
    Size {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
        /// Longest side that the device can do.
        limit: u32,
    },
    /// The picture has a format that this renderer does not know.
    #[error("pictures of this format cannot be drawn")]
    UnknownFormat,
    /// The instance slot was given back or never handed out.
    #[error("instance {0} does not exist")]
    NoSuchInstance(u32),
    /// A surface of the user's is refused. What was there stays.
    #[error("the surface is not well-formed: {0}")]
    SurfaceShader(#[from] crate::spirv::SurfaceError),
    /// A user interface breaks the rules for them. What was there stays.
    #[error("the user interface is not well-formed: {0}")]
    Ui(#[from] crate::ui::UiError),
    /// A slot comes twice among instances that move at once.
    #[error("instance {0} comes twice among those that move")]
    SameInstanceTwice(u32),
    /// There is not a transform for each slot.
    #[error("{transforms} transforms for {slots} instances")]
    UnequalLengths {
        /// Slots given.
        slots: usize,
        /// Transforms given.
        transforms: usize,
    },
    /// The window system cannot be drawn to.
    #[error("this window cannot be drawn to: {0}")]
    Surface(String),
}

impl RenderError {
    /// Wraps the result of a call made while `doing` something.
    pub(crate) fn vulkan(doing: &'static str) -> impl Fn(vk::Result) -> Self {
        move |result| match result {
            vk::Result::ERROR_DEVICE_LOST => Self::DeviceLost(doing),
            result => Self::Vulkan { doing, result },
        }
    }
}

/// The result of everything that talks to the driver.
pub type Result<T, E = RenderError> = std::result::Result<T, E>;
