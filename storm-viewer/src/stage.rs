//! Content on a GPU, ready to be drawn.

use storm_render::{
    FrameStats, Gpu, RenderError, Renderer, RendererDesc, Scene, Target, View, textures_of,
};

use crate::{content::Content, error::ViewerError};

/// Content with its renderer.
pub(crate) struct Stage {
    pub(crate) content: Content,
    pub(crate) gpu: Gpu,
    scene: Scene,
    renderer: Renderer,
}

impl Stage {
    /// Puts content on a device.
    ///
    /// # Errors
    /// When there is no room for it, or it is more than the renderer can draw.
    pub(crate) fn new(gpu: &Gpu, content: Content, samples: u32) -> Result<Self, ViewerError> {
        let scene = Scene::new(gpu)?;
        let renderer = Renderer::new(
            gpu,
            &RendererDesc {
                multisampling: samples > 1,
            },
        )?;
        let mut this = Self {
            content,
            gpu: gpu.clone(),
            scene,
            renderer,
        };
        this.upload().map_err(|source| this.in_content(source))?;
        Ok(this)
    }

    fn upload(&mut self) -> Result<(), RenderError> {
        let Content {
            library,
            instances,
            sky,
            ..
        } = &self.content;
        for (handle, material) in library.materials.iter() {
            for key in textures_of(material) {
                if !self.scene.has_texture(key)
                    && let Some(picture) = library.images.get(key.0)
                {
                    self.scene.insert_texture(key, picture)?;
                }
            }
            self.scene.insert_material(handle, material)?;
        }
        for instance in instances {
            if !self.scene.has_mesh(instance.mesh)
                && let Some(mesh) = library.meshes.get(instance.mesh)
            {
                self.scene.insert_mesh(instance.mesh, mesh)?;
            }
            self.scene.add(instance)?;
        }
        self.scene.set_sky(*sky);
        Ok(())
    }

    /// Draws a frame.
    ///
    /// # Errors
    /// When the device is lost or has no memory left.
    pub(crate) fn draw(
        &mut self,
        view: &View,
        target: &mut impl Target,
    ) -> Result<FrameStats, ViewerError> {
        self.renderer
            .render(&mut self.scene, view, target)
            .map_err(|source| self.in_content(source))
    }

    /// Names what was being drawn where that is at fault.
    fn in_content(&self, source: RenderError) -> ViewerError {
        match source {
            RenderError::OutOfSpace { .. }
            | RenderError::Memory { .. }
            | RenderError::Mesh(_)
            | RenderError::UnknownFormat => ViewerError::Scene {
                title: self.content.title.clone(),
                source,
            },
            source => ViewerError::Gpu(source),
        }
    }

    /// Fails where the validation layer has said anything.
    ///
    /// # Errors
    /// With the number of messages and the first of them.
    pub(crate) fn check_validation(&self) -> Result<(), ViewerError> {
        let (count, texts) = self.gpu.validation_messages();
        match texts.into_iter().next() {
            Some(first) if count > 0 => Err(ViewerError::Validation { count, first }),
            _ => Ok(()),
        }
    }
}
