#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod atmosphere;
mod capture;
mod clusters;
mod context;
mod environment;
mod error;
#[cfg(feature = "ecs")]
mod extract;
#[cfg(feature = "ecs")]
mod extract_poses;
mod frame;
mod gpu;
mod graph;
mod pick;
mod quality;
#[cfg(feature = "hot-reload")]
mod reload;
mod renderer;
mod report;
mod scene;
mod shaders;
mod shadow;
mod sky;
mod spirv;
mod surface;
mod survey;
mod target;
#[cfg(feature = "text")]
mod text;
mod ui;
mod view;

#[cfg(feature = "ecs")]
pub use crate::extract::{ExtractStats, Extractor};
#[cfg(feature = "hot-reload")]
pub use crate::reload::{ReloadError, ShaderFolder, SurfaceSource};
#[doc(hidden)]
pub use crate::scene::layout::layout_offsets;
#[cfg(feature = "text")]
pub use crate::text::{
    FontId, TEXT_BYTES_MAX, TEXT_PIXELS_MAX, Text, TextAlign, TextBlock, TextError, TextLayout,
    TextStyle,
};
pub use crate::{
    atmosphere::Atmosphere,
    capture::{HdrPicture, HdrTarget},
    clusters::stream::ClusterStreaming,
    context::{Gpu, GpuDesc, GpuInfo, MemoryReport},
    error::{RenderError, Result},
    gpu::{
        custom::{SURFACE_PARAMETERS_MAX, SURFACE_TEXTURES_MAX, ScreenPass, SurfaceShader},
        device::Heap,
        pools::{Lifetime, PoolReport},
        present::PresentMode,
        swapchain::Window,
    },
    pick::Picker,
    quality::{ClusterRaster, Culling, Quality, ShadowQuality},
    renderer::{FRAMES_IN_FLIGHT_MAX, FrameStats, Renderer, RendererDesc},
    report::{ClusterCounts, CullCounts, FrameReport, PassTime, PassWork},
    scene::{
        ColorSpace, Instance, InstanceTransform, LIGHTS_MAX, Light, Line, Pose, RenderSlot, Scene,
        Spot, TextureKey, textures_of,
    },
    sky::{Sky, SkySource},
    spirv::SurfaceError,
    surface::{Surface, surface_headers},
    survey::{DeviceKind, DeviceSurvey, Survey},
    target::{ImageTarget, Target, WindowTarget},
    ui::{
        UI_INDICES_MAX, UI_MESHES_MAX, UI_VERTICES_MAX, UiError, UiFormat, UiImage, UiMesh, UiRect,
        UiTextureId, UiVertex,
    },
    view::{AutoExposure, CELL_SIZE, DebugView, Projection, ToneMap, View},
};
