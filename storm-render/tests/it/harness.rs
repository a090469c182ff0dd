//! A device with validation on, and meshes to draw.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use storm_assets::{Handle, Image, Material, Mesh};
use storm_render::{
    FrameStats, Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform, RenderSlot, Renderer,
    RendererDesc, Scene, View,
};

/// Width and height of test pictures.
pub(crate) const SIZE: (u32, u32) = (320, 180);

/// A device of its own, with the validation layer on. Dropping it fails the test if the layer said anything.
pub(crate) struct TestGpu {
    gpu: Option<Gpu>,
    _turn: MutexGuard<'static, ()>,
}

/// A CPU driver starts a thread for each core and device: tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: OnceLock<Mutex<()>> = OnceLock::new();
    TURN.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

impl TestGpu {
    pub(crate) fn new() -> Self {
        Self::with(true)
    }

    /// For very many draws, over which the validation layer takes minutes.
    pub(crate) fn without_validation() -> Self {
        Self::with(false)
    }

    fn with(validation: bool) -> Self {
        let turn = turn();
        let desc = GpuDesc {
            validation,
            ..GpuDesc::default()
        };
        let gpu =
            Gpu::headless(&desc).unwrap_or_else(|error| panic!("{error}: run `./storm doctor`"));
        Self {
            gpu: Some(gpu),
            _turn: turn,
        }
    }
}

impl TestGpu {
    /// Drops a device that was lost, and runs `f` with a new one.
    pub(crate) fn lost_and_rebuilt(mut self, f: impl FnOnce(&Gpu)) {
        let lost = self.gpu.take().expect("taken once");
        assert_eq!(lost.validation_messages().0, 0);
        drop(lost);
        let desc = GpuDesc {
            validation: true,
            ..GpuDesc::default()
        };
        let gpu = Gpu::headless(&desc).unwrap();
        f(&gpu);
        self.gpu = Some(gpu);
    }
}

impl std::ops::Deref for TestGpu {
    type Target = Gpu;

    fn deref(&self) -> &Gpu {
        self.gpu.as_ref().expect("taken on drop only")
    }
}

impl Drop for TestGpu {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let gpu = self.gpu.take().expect("taken on drop only");
        gpu.wait_idle().unwrap();
        let (count, texts) = gpu.validation_messages();
        assert_eq!(count, 0, "the validation layer says: {texts:#?}");
    }
}

/// A scene with its renderer and a picture to draw to.
pub(crate) struct Stage<'a> {
    pub(crate) scene: Scene,
    pub(crate) renderer: Renderer,
    pub(crate) target: ImageTarget,
    /// Of what was added.
    pub(crate) materials: Vec<Handle<Material>>,
    gpu: &'a Gpu,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(gpu: &'a TestGpu) -> Self {
        Self::on(gpu)
    }

    pub(crate) fn on(gpu: &'a Gpu) -> Self {
        Self {
            scene: Scene::new(gpu).unwrap(),
            renderer: Renderer::new(gpu, &RendererDesc::default()).unwrap(),
            target: ImageTarget::new(gpu, SIZE.0, SIZE.1).unwrap(),
            materials: Vec::new(),
            gpu,
        }
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        self.gpu
    }

    /// Adds a mesh with a material under a name.
    pub(crate) fn add(
        &mut self,
        name: &str,
        mesh: &Mesh,
        material: &Material,
        transform: InstanceTransform,
    ) -> RenderSlot {
        let (mesh_handle, material_handle) =
            (Handle::of(name, "mesh"), Handle::of(name, "material"));
        self.materials.push(material_handle);
        self.scene.insert_mesh(mesh_handle, mesh).unwrap();
        self.scene
            .insert_material(material_handle, material)
            .unwrap();
        self.scene
            .add(&Instance {
                mesh: mesh_handle,
                material: material_handle,
                transform,
            })
            .unwrap()
    }

    pub(crate) fn draw(&mut self, view: &View) -> FrameStats {
        self.renderer
            .render(&mut self.scene, view, &mut self.target)
            .unwrap()
    }

    pub(crate) fn picture(&mut self, view: &View) -> Image {
        self.draw(view);
        self.target.read().unwrap()
    }
}

/// The colour of a pixel.
pub(crate) fn pixel(picture: &Image, x: u32, y: u32) -> [u8; 4] {
    let at = (y * picture.width() + x) as usize * 4;
    picture.pixels()[at..at + 4].try_into().unwrap()
}
