//! Shaders of a checkout, compiled again when their sources change, while the program runs.
//!
//! Feature `hot-reload`. It needs `glslangValidator` and the folder `shaders/` of this crate's sources. A source that does
//! not compile changes nothing: the pipelines that worked go on, and the compiler's words come back.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{context::Gpu, shaders};

/// Why shaders were not compiled again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// A source could not be read.
    #[error("the shader source {} could not be read: {source}", .file.display())]
    Source {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The compiler could not be run.
    #[error("glslangValidator could not be run: {0}")]
    Compiler(io::Error),
    /// A surface does not compile.
    #[error("{} does not compile:\n{log}", .file.display())]
    Surface {
        /// Its source.
        file: PathBuf,
        /// What the compiler says.
        log: String,
    },
    /// A shader does not compile.
    #[error("{shader} does not compile:\n{log}")]
    Shader {
        /// Its file name.
        shader: &'static str,
        /// What the compiler says.
        log: String,
    },
}

/// Watches a folder of shaders.
///
/// ```no_run
/// use storm_render::{Gpu, GpuDesc, ShaderFolder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut folder = ShaderFolder::new("storm-render/shaders")?;
/// // Once in a while, between frames:
/// match folder.poll(&gpu) {
///     Ok(0) => {}
///     Ok(count) => println!("{count} shaders are new"),
///     Err(error) => println!("{error}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct ShaderFolder {
    folder: PathBuf,
    /// Sources with their includes, as they were last compiled or found not to.
    seen: BTreeMap<&'static str, String>,
}

impl ShaderFolder {
    /// Watches a folder whose sources are those that this crate was built with.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, ReloadError> {
        let folder = folder.into();
        let seen = shaders::ALL
            .iter()
            .map(|shader| Ok((shader.name, expanded(&folder, shader.name)?)))
            .collect::<Result<_, ReloadError>>()?;
        Ok(Self { folder, seen })
    }

    /// Compiles what has changed since the last call, and has renderers use it from their next frame on. Gives how many
    /// shaders are new. All or none: where one does not compile, none of them is taken.
    ///
    /// # Errors
    /// When a source cannot be read or does not compile. It is tried again when it changes again.
    pub fn poll(&mut self, gpu: &Gpu) -> Result<usize, ReloadError> {
        let mut compiled = Vec::new();
        let mut changed = Vec::new();
        for shader in shaders::ALL {
            let source = expanded(&self.folder, shader.name)?;
            if self.seen[shader.name] != source {
                changed.push((shader.name, source));
            }
        }
        let mut failed = None;
        for (name, source) in changed {
            match compile(&self.folder, name) {
                Ok(spirv) => compiled.push((name, spirv)),
                Err(error) => failed = failed.or(Some(error)),
            }
            self.seen.insert(name, source);
        }
        if let Some(error) = failed {
            tracing::error!(%error, "shaders were not taken");
            // What was not taken now is compiled again with the next change.
            for (name, _) in compiled {
                self.seen.insert(name, String::new());
            }
            return Err(error);
        }
        let count = compiled.len();
        if count > 0 {
            gpu.replace_shaders(compiled);
            tracing::info!(count, "shaders compiled again");
        }
        Ok(count)
    }
}

/// Watches the source of one surface.
///
/// ```no_run
/// use storm_render::{SurfaceShader, SurfaceSource};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = SurfaceSource::new("shaders/moss.frag", "storm-render/shaders");
/// // Once in a while, between frames; the first time it gives what there is:
/// match source.poll() {
///     Ok(None) => {}
///     Ok(Some(spirv)) => {
///         // SAFETY: from a source of our own, which follows no address but the header's.
///         let shader = unsafe { SurfaceShader::new(&spirv, &["height"]) }?;
///         // … and `Scene::set_surface` for each material that has it.
///         # let _ = shader;
///     }
///     // The surface that there is goes on.
///     Err(error) => println!("{error}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct SurfaceSource {
    file: PathBuf,
    headers: PathBuf,
    /// With its includes, as it was last compiled or found not to.
    seen: Option<String>,
}

impl SurfaceSource {
    /// Watches a source, and the headers that it includes from a folder: `shaders/` of this crate's sources, or where
    /// [`surface_headers`](crate::surface_headers) were written to.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, headers: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            headers: headers.into(),
            seen: None,
        }
    }

    /// Compiles the source where it, or what it includes, is another than at the last call.
    ///
    /// # Errors
    /// When a source cannot be read, or does not compile. It is tried again when it changes again.
    pub fn poll(&mut self) -> Result<Option<Vec<u8>>, ReloadError> {
        let Self { file, headers, .. } = self;
        let source = fs::read_to_string(&*file).map_err(|source| ReloadError::Source {
            file: file.clone(),
            source,
        })?;
        let mut all = source.clone();
        for line in source.lines() {
            let included = line.strip_prefix("#include \"");
            if let Some(name) = included.and_then(|rest| rest.strip_suffix('"')) {
                all += &expanded(headers, name)?;
            }
        }
        if self.seen.as_ref() == Some(&all) {
            return Ok(None);
        }
        self.seen = Some(all);
        // Numbers keep two sources of one name apart.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let out = format!("storm-surface-{}-{count}.spv", std::process::id());
        let out = std::env::temp_dir().join(out);
        glslang(&self.file, Some(&self.headers), &out)?
            .map(Some)
            .map_err(|log| ReloadError::Surface {
                file: self.file.clone(),
                log,
            })
    }
}

/// A source with its includes put in place.
fn expanded(folder: &Path, name: &str) -> Result<String, ReloadError> {
    let file = folder.join(name);
    let text = fs::read_to_string(&file).map_err(|source| ReloadError::Source { file, source })?;
    let mut all = String::with_capacity(text.len());
    for line in text.lines() {
        match line
            .strip_prefix("#include \"")
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(included) if included != name => all += &expanded(folder, included)?,
            _ => {
                all += line;
                all.push('\n');
            }
        }
    }
    Ok(all)
}

fn compile(folder: &Path, shader: &'static str) -> Result<Vec<u8>, ReloadError> {
    let out =
        std::env::temp_dir().join(format!("storm-reload-{}-{shader}.spv", std::process::id()));
    glslang(&folder.join(shader), None, &out)?.map_err(|log| ReloadError::Shader { shader, log })
}

/// Compiles a file by way of another. Gives what the compiler says where it refuses.
fn glslang(
    file: &Path,
    headers: Option<&Path>,
    out: &Path,
) -> Result<Result<Vec<u8>, String>, ReloadError> {
    let mut command = Command::new("glslangValidator");
    command.args(["-V", "--target-env", "vulkan1.3", "-g0", "-o"]);
    command.arg(out);
    if let Some(headers) = headers {
        let mut option = OsString::from("-I");
        option.push(headers);
        command.arg(option);
    }
    let output = command.arg(file).output().map_err(ReloadError::Compiler)?;
    if !output.status.success() {
        let log = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return Ok(Err(log));
    }
    let spirv = fs::read(out).map_err(|source| ReloadError::Source {
        file: out.to_owned(),
        source,
    })?;
    // A file that stays behind harms nobody.
    let _ = fs::remove_file(out);
    Ok(Ok(spirv))
}
