//! A file that is read while the window is open: a placeholder first, then the model, then its pictures; and again whenever it changes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use storm_assets::{
    gltf::Gltf,
    loader::{LoadEvent, LoadProgress, Loader, LoaderOptions, Ticket},
};

use crate::{
    content::Content,
    error::{ViewerError, one_line},
    output,
};

/// A file that is here within this time is shown without a placeholder, and one that fails within it opens no window.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often a file is looked at, to be read again when it was changed.
const WATCH: Duration = Duration::from_millis(250);

/// Makes content of a file, as the command line has it.
pub(crate) type Prepare = Box<dyn FnMut(Gltf) -> Result<Content, ViewerError>>;

/// A file under way.
pub(crate) struct Loading {
    loader: Loader,
    ticket: Ticket,
    prepare: Prepare,
    /// What was read anew, until its pictures are here: until then the old content is shown.
    next: Option<Box<Content>>,
    /// Whether there was content before.
    shown: bool,
    /// Whether all of the first content is here.
    settled: bool,
}

/// What is to be done in the window.
pub(crate) enum Arrival {
    /// Content to be shown from now on; whether in place of one like it.
    Content(Box<Content>, bool),
    /// Some of its pictures are there now.
    Pictures,
}

impl Loading {
    /// Begins to read, and waits a moment for files that are quick. `wake` is called on another thread when something has arrived.
    ///
    /// # Errors
    /// When the file fails in that time, or the system gives no thread.
    pub(crate) fn begin(
        path: &Path,
        prepare: Prepare,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Self, Option<Content>), ViewerError> {
        let options = LoaderOptions::default().with_watch(WATCH).with_wake(wake);
        let loader =
            Loader::new(options).map_err(|error| ViewerError::Window(error.to_string()))?;
        let ticket = loader.load(path, 0);
        let mut loading = Self {
            loader,
            ticket,
            prepare,
            next: None,
            shown: false,
            settled: false,
        };
        let mut content = None;
        let deadline = Instant::now() + PATIENCE;
        while !loading.settled {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(event) = loading.loader.next(left) else {
                break;
            };
            if let Some(Arrival::Content(first, _)) = loading.take(event, content.as_mut())? {
                content = Some(*first);
            }
        }
        Ok((loading, content))
    }

    /// Whether anything of the file was there to be shown.
    pub(crate) fn shown(&self) -> bool {
        self.shown
    }

    /// Whether all of the first content is here.
    pub(crate) fn settled(&self) -> bool {
        self.settled
    }

    /// Takes what has arrived. `content` is what is shown, if anything of the file is.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was asked for. Where there is content already, that is said and the content stays.
    pub(crate) fn poll(
        &mut self,
        content: Option<&mut Content>,
    ) -> Result<Option<Arrival>, ViewerError> {
        let mut content = content;
        let mut arrival = None;
        while let Some(event) = self.loader.try_next() {
            match self.take(event, content.as_deref_mut())? {
                // Whoever shows it comes again for the rest.
                Some(Arrival::Content(content, again)) => {
                    return Ok(Some(Arrival::Content(content, again)));
                }
                Some(Arrival::Pictures) => arrival = Some(Arrival::Pictures),
                None => {}
            }
        }
        Ok(arrival)
    }

    fn take(
        &mut self,
        event: LoadEvent,
        content: Option<&mut Content>,
    ) -> Result<Option<Arrival>, ViewerError> {
        let content = match &mut self.next {
            Some(next) => Some(&mut **next),
            None => content,
        };
        match event {
            LoadEvent::Loaded { file, .. } => match (self.prepare)(*file) {
                Ok(content) if self.shown => self.next = Some(Box::new(content)),
                Ok(content) => {
                    self.shown = true;
                    return Ok(Some(Arrival::Content(Box::new(content), false)));
                }
                Err(error) => self.failed(error)?,
            },
            LoadEvent::Picture { handle, image, .. } => {
                if let Some(content) = content {
                    content.add_picture(handle, image);
                    return Ok(self.next.is_none().then_some(Arrival::Pictures));
                }
            }
            // The rest of the model is worth seeing.
            LoadEvent::PictureFailed { error, .. } => tracing::warn!("{error}"),
            LoadEvent::Finished { .. } => {
                self.settled = true;
                if let Some(content) = self.next.take() {
                    output::stderr(&format!("{}: read again", one_line(&content.title)));
                    return Ok(Some(Arrival::Content(content, true)));
                }
            }
            LoadEvent::Failed { error, .. } => self.failed(error.into())?,
            _ => {}
        }
        Ok(None)
    }

    /// The first content fails; what was to take the place of another does not.
    fn failed(&mut self, error: ViewerError) -> Result<(), ViewerError> {
        self.next = None;
        if !self.shown {
            return Err(error);
        }
        output::stderr(&format!("error: {}", error.line()));
        Ok(())
    }

    /// What there is to say of it in the title, while it is under way.
    pub(crate) fn progress(&self) -> Option<String> {
        match self.loader.progress(self.ticket)? {
            LoadProgress::Reading { done, total } if total > 0 => {
                Some(format!("loading, {done} of {total}"))
            }
            LoadProgress::Pictures { left } => Some(format!("{left} pictures to come")),
            LoadProgress::Done => None,
            _ => Some("loading".to_owned()),
        }
    }

    /// Drops what is no longer shown where it does not hold up the window.
    pub(crate) fn drop_elsewhere(&self, value: impl Send + 'static) {
        self.loader.drop_elsewhere(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of so many nodes with a camera, and what it is prepared to.
    fn file(name: &str, nodes: usize, picture: bool) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("storm-loading-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let node = r#"{"camera": 0}"#;
        let camera = r#"{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}}"#;
        // One pixel.
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        let textured = format!(
            r#", "images": [{{"uri": "data:image/png;base64,{png}"}}], "textures": [{{"source": 0}}], "materials": [{{"emissiveTexture": {{"index": 0}}}}]"#
        );
        let json = format!(
            r#"{{"asset": {{"version": "2.0"}}, "nodes": [{}], "cameras": [{camera}]{}}}"#,
            vec![node; nodes].join(","),
            if picture { &textured } else { "" },
        );
        let (part, path) = (folder.join(format!("{name}.part")), folder.join(name));
        std::fs::write(&part, json).unwrap();
        std::fs::rename(&part, &path).unwrap();
        path
    }

    fn begin(path: &Path) -> Result<(Loading, Option<Content>), ViewerError> {
        let name = path.to_owned();
        let prepare = move |file| Content::from_file(&name, file, None, None);
        Loading::begin(path, Box::new(prepare), || {})
    }

    /// The next content that takes the place of what is shown.
    fn next(loading: &mut Loading, content: &mut Content) -> Content {
        loop {
            match loading.poll(Some(content)).unwrap() {
                Some(Arrival::Content(content, again)) => {
                    assert!(again);
                    return *content;
                }
                Some(Arrival::Pictures) => panic!("pictures of what is shown are all here"),
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn a_file_that_is_saved_again_takes_the_place_of_what_is_shown_with_its_pictures() {
        let path = file("again.gltf", 1, false);
        let (mut loading, content) = begin(&path).unwrap();
        let mut content = content.expect("it is small");
        assert!(loading.settled() && loading.shown() && loading.progress().is_none());
        assert_eq!(
            (content.cameras.len(), content.library().images.len()),
            (1, 0)
        );
        file("again.gltf", 3, true);
        let again = next(&mut loading, &mut content);
        assert_eq!((again.cameras.len(), again.library().images.len()), (3, 1));
        // One that is broken changes nothing, and the one after it comes.
        std::fs::write(&path, "{").unwrap();
        let failed = loading.loader.next(Duration::from_secs(60)).unwrap();
        assert!(matches!(failed, LoadEvent::Failed { .. }), "{failed:?}");
        assert!(loading.take(failed, Some(&mut content)).unwrap().is_none());
        file("again.gltf", 2, false);
        let again = next(&mut loading, &mut content);
        assert_eq!(again.cameras.len(), 2);
    }

    #[test]
    fn a_file_that_fails_at_once_opens_no_window() {
        let Err(error) = begin(Path::new("not-there.glb")) else {
            panic!("it is not there");
        };
        assert!(
            error.line().starts_with("not-there.glb: cannot be read: "),
            "{}",
            error.line()
        );
    }
}
