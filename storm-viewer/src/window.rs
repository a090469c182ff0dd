//! The window of `view` and `demo`: winit's events become actions, and a frame is drawn only where something changed.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use storm_render::{Gpu, GpuDesc, ImageTarget, RenderError, WindowTarget};
use winit::{
    application::ApplicationHandler,
    dpi::{PhysicalPosition, PhysicalSize},
    error::EventLoopError,
    event::{ElementState, KeyEvent, MouseButton, MouseScrollDelta, WindowEvent},
    event_loop::{ActiveEventLoop, ControlFlow, EventLoop},
    keyboard::{Key as WinitKey, NamedKey},
    window::{Window, WindowId},
};

use crate::{
    action::{self, Action, Button, Input, Key},
    camera::CameraChoice,
    cli::{LookArgs, Size},
    content::Content,
    error::ViewerError,
    loading::{Arrival, Loading},
    output,
    pipelines::PipelineCache,
    png, render,
    session::{Effect, Session},
    stage::Stage,
};

/// How a window is opened and what happens in it without a person.
pub(crate) struct Options {
    pub(crate) size: Size,
    pub(crate) camera: Option<CameraChoice>,
    pub(crate) samples: Option<u32>,
    pub(crate) look: LookArgs,
    /// Closes after so many frames.
    pub(crate) frames: Option<NonZeroU32>,
    /// Where pictures are saved; `None` takes the next free name.
    pub(crate) output: Option<PathBuf>,
    /// Done after the first frame.
    pub(crate) actions: Vec<Action>,
    pub(crate) gpu: GpuDesc,
    pub(crate) pipelines: PipelineCache,
}

/// What to call the display, if there is one. Makes the event loop, of which a process can have only one.
///
/// # Errors
/// Why there is none.
pub(crate) fn display() -> Result<String, String> {
    let name = named_display()?;
    event_loop().map(|_| name)
}

/// What the environment says about the display.
fn named_display() -> Result<String, String> {
    let names: Vec<_> = ["WAYLAND_DISPLAY", "DISPLAY"]
        .into_iter()
        .filter_map(|variable| {
            let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
            Some(format!("{variable}={}", value.display()))
        })
        .collect();
    if names.is_empty() && std::env::var_os("WAYLAND_SOCKET").is_none() {
        return Err("neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned());
    }
    Ok(names.join(" "))
}

fn event_loop() -> Result<EventLoop<()>, String> {
    EventLoop::new().map_err(|error| match error {
        // It says where in winit it came about before it says what.
        EventLoopError::Os(error) => {
            let text = error.to_string();
            text.split_once(": ")
                .map_or(text.clone(), |(_, reason)| reason.to_owned())
        }
        error => error.to_string(),
    })
}

/// Fails where a window could not be opened, before any work is done.
///
/// # Errors
/// When there is no display.
pub(crate) fn connect() -> Result<EventLoop<()>, ViewerError> {
    named_display()
        .and_then(|_| event_loop())
        .map_err(ViewerError::NoDisplay)
}

/// Shows content until the window is closed.
///
/// # Errors
/// When the window or the device fails.
pub(crate) fn show(
    event_loop: EventLoop<()>,
    content: Content,
    loading: Option<Loading>,
    options: Options,
) -> Result<(), ViewerError> {
    event_loop.set_control_flow(ControlFlow::Wait);
    let mut app = App {
        content: Some(content),
        loading,
        options,
        running: None,
        outcome: Ok(()),
    };
    event_loop
        .run_app(&mut app)
        .map_err(|error| ViewerError::Window(error.to_string()))?;
    app.outcome
}

/// What there is once the window is open.
struct Running {
    stage: Stage,
    target: WindowTarget,
    session: Session,
    size: PhysicalSize<u32>,
    held: Option<Button>,
    pointer: Option<PhysicalPosition<f64>>,
    occluded: bool,
    /// When time was last looked at.
    looked: Instant,
    /// Whether anything moved then.
    moved: bool,
    /// How long what moves has moved.
    seconds: f64,
    frames: u32,
    /// The frame in which the device was last lost.
    lost: Option<u32>,
    samples: u32,
    /// What the panel hears of the window.
    panel: egui_winit::State,
    window: Arc<Window>,
}

impl Running {
    /// Runs the panel where it is to be seen; gives what the person did with it.
    fn run_panel(&mut self) -> Result<Vec<Action>, ViewerError> {
        if !self.stage.look().panel {
            return Ok(Vec::new());
        }
        let input = self.panel.take_egui_input(&self.window);
        let ran = self.stage.run_panel(input)?;
        self.panel
            .handle_platform_output(&self.window, ran.platform);
        if ran.moves {
            self.window.request_redraw();
        }
        Ok(ran.actions)
    }

    /// Tells the panel of an event. Gives whether it is the panel's alone.
    fn for_panel(&mut self, event: &WindowEvent) -> bool {
        if matches!(event, WindowEvent::RedrawRequested) {
            return false;
        }
        let heard = self.panel.on_window_event(&self.window, event);
        if !self.stage.look().panel {
            return false;
        }
        if heard.repaint {
            self.window.request_redraw();
        }
        let released = matches!(
            event,
            WindowEvent::MouseInput {
                state: ElementState::Released,
                ..
            }
        );
        // A drag that began outside goes on over the panel, and ends there.
        heard.consumed && !released && self.held.is_none()
    }
}

/// A device that is lost again within so many frames has not come back.
const FRAMES_BETWEEN_LOSSES: u32 = 10;

struct App {
    /// Moves to the stage when the window opens.
    content: Option<Content>,
    /// The file that the content is of, unless it is of none.
    loading: Option<Loading>,
    options: Options,
    running: Option<Running>,
    outcome: Result<(), ViewerError>,
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop) -> Result<(), ViewerError> {
        let Some(content) = self.content.take() else {
            return Ok(());
        };
        let Options { size, .. } = self.options;
        let attributes = Window::default_attributes()
            .with_title(self.title(&content.title))
            .with_inner_size(PhysicalSize::new(size.width, size.height));
        let window = event_loop
            .create_window(attributes)
            .map_err(|error| ViewerError::Window(error.to_string()))?;
        let window = Arc::new(window);
        let desc = self.options.pipelines.fill(self.options.gpu.clone());
        let (gpu, mut target) = Gpu::windowed(&desc, window.clone())?;
        let size = window.inner_size();
        let drawn = Size {
            width: size.width,
            height: size.height,
        };
        let info = gpu.info();
        // Four samples cost a CPU twice the time.
        let samples = self
            .options
            .samples
            .unwrap_or(if info.software { 1 } else { 4 });
        render::check_memory(&info, drawn, samples)?;
        target.resize(size.width, size.height);
        target.set_present_mode(self.options.look.present_mode());
        let camera = self.options.camera.as_ref().filter(|_| self.is_shown());
        let first = content.camera(camera, aspect(size))?;
        let session = Session::new(first, content.bounds());
        let stage = Stage::new(&gpu, content, samples, self.options.look)?;
        let panel = panel_of(&stage, &window);
        window.request_redraw();
        self.running = Some(Running {
            stage,
            target,
            session,
            size,
            held: None,
            pointer: None,
            occluded: false,
            looked: Instant::now(),
            moved: false,
            seconds: 0.0,
            frames: 0,
            lost: None,
            samples,
            panel,
            window,
        });
        Ok(())
    }

    /// Whether the content is that of the file, or of none.
    fn is_shown(&self) -> bool {
        self.loading.as_ref().is_none_or(Loading::shown)
    }

    fn title(&self, content: &str) -> String {
        match self.loading.as_ref().and_then(Loading::progress) {
            Some(progress) => format!("{content} ({progress}) – Storm"),
            None => format!("{content} – Storm"),
        }
    }

    /// Shows what has been read since.
    fn arrive(&mut self) -> Result<(), ViewerError> {
        // What comes before the window is there waits in the loader.
        while let (Some(loading), Some(running)) = (&mut self.loading, &mut self.running) {
            match loading.poll(Some(&mut running.stage.content))? {
                Some(Arrival::Content(content, again)) => self.show_content(*content, again)?,
                Some(Arrival::Pictures) => running.window.request_redraw(),
                None => break,
            }
        }
        if let Some(running) = &self.running {
            running
                .window
                .set_title(&self.title(&running.stage.content.title));
        }
        Ok(())
    }

    /// Shows other content, from its own first view unless it takes the place of one like it.
    fn show_content(&mut self, content: Content, again: bool) -> Result<(), ViewerError> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        let first = content.camera(self.options.camera.as_ref(), aspect(running.size));
        match first {
            // A camera that the new file does not have is no reason to lose the place where one stands.
            Err(error) if !again => return Err(error),
            Ok(first) if !again => running.session = Session::new(first, content.bounds()),
            _ => {}
        }
        if !again {
            (running.seconds, running.moved) = (0.0, false);
        }
        let old = running.stage.replace(content, running.samples)?;
        running.panel = panel_of(&running.stage, &running.window);
        if let Some(loading) = &self.loading {
            loading.drop_elsewhere(old.into_library());
        }
        running.window.request_redraw();
        Ok(())
    }

    /// Opens the window again on a new device, after its own was lost. Everything goes on where it was.
    ///
    /// # Errors
    /// `lost` again, where the device was lost a few frames ago; and what making a device fails with.
    fn recover(&mut self, lost: ViewerError) -> Result<(), ViewerError> {
        let Some(running) = self.running.take() else {
            return Err(lost);
        };
        if running
            .lost
            .is_some_and(|frame| running.frames < frame + FRAMES_BETWEEN_LOSSES)
        {
            return Err(lost);
        }
        tracing::warn!("{}: going on with a new device", lost.line());
        // The surface has to go before there can be another of the same window.
        drop(running.target);
        let desc = self.options.pipelines.fill(self.options.gpu.clone());
        let (gpu, mut target) = Gpu::windowed(&desc, running.window.clone())?;
        target.resize(running.size.width, running.size.height);
        target.set_present_mode(self.options.look.present_mode());
        let stage = running.stage.move_to(&gpu, running.samples)?;
        let panel = panel_of(&stage, &running.window);
        running.window.request_redraw();
        self.running = Some(Running {
            stage,
            target,
            lost: Some(running.frames),
            panel,
            ..running
        });
        Ok(())
    }

    fn handle(
        &mut self,
        event_loop: &ActiveEventLoop,
        event: WindowEvent,
    ) -> Result<(), ViewerError> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        if running.for_panel(&event) {
            return Ok(());
        }
        match event {
            // Another program may destroy it without asking.
            WindowEvent::CloseRequested | WindowEvent::Destroyed => event_loop.exit(),
            WindowEvent::Resized(size) => {
                running.size = size;
                running.target.resize(size.width, size.height);
                running.window.request_redraw();
            }
            WindowEvent::Occluded(occluded) => {
                running.occluded = occluded;
                running.window.request_redraw();
            }
            WindowEvent::RedrawRequested => self.redraw(event_loop)?,
            WindowEvent::KeyboardInput { event, .. } => {
                if let Some(action) = key(&event).and_then(|key| action::bound(Input::Key(key))) {
                    self.act(event_loop, action)?;
                }
            }
            WindowEvent::MouseInput { state, button, .. } => {
                let button = match button {
                    MouseButton::Left => Some(Button::Left),
                    MouseButton::Right => Some(Button::Right),
                    MouseButton::Middle => Some(Button::Middle),
                    _ => None,
                };
                match state {
                    ElementState::Pressed => running.held = button,
                    ElementState::Released if running.held == button => running.held = None,
                    ElementState::Released => {}
                }
            }
            WindowEvent::CursorMoved { position, .. } => {
                let before = running.pointer.replace(position);
                if let (Some(before), Some(button)) = (before, running.held)
                    && let Some(action) = action::bound(Input::Drag(button))
                {
                    let height = f64::from(running.size.height.max(1));
                    let moved = |to: f64, from: f64| ((to - from) / height) as f32;
                    let action =
                        action.scaled(moved(position.x, before.x), moved(position.y, before.y));
                    self.act(event_loop, action)?;
                }
            }
            WindowEvent::CursorLeft { .. } => running.pointer = None,
            WindowEvent::MouseWheel { delta, .. } => {
                let lines = match delta {
                    MouseScrollDelta::LineDelta(_, lines) => lines,
                    // Touchpads: about as many pixels as a line of text is high.
                    MouseScrollDelta::PixelDelta(pixels) => pixels.y as f32 / 20.0,
                };
                if let Some(action) = action::bound(Input::Wheel) {
                    self.act(event_loop, action.scaled(0.0, lines))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn act(&mut self, event_loop: &ActiveEventLoop, action: Action) -> Result<(), ViewerError> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        tracing::debug!(?action, "action");
        match running.session.act(action, aspect(running.size)) {
            Effect::Redraw => running.window.request_redraw(),
            Effect::Look => {
                running.stage.act(action)?;
                running.window.request_redraw();
            }
            Effect::Help => output::stderr(&action::help()),
            Effect::Quit => event_loop.exit(),
            Effect::LoseDevice => {
                running.stage.gpu.lose();
                running.window.request_redraw();
            }
            // A full disk is no reason to close the window.
            Effect::Save => match self.save() {
                Ok(path) => output::wrote(&path, ""),
                Err(error @ ViewerError::Output { .. }) => {
                    output::stderr(&format!("error: {}", error.line()))
                }
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }

    /// Writes what the window shows.
    fn save(&mut self) -> Result<PathBuf, ViewerError> {
        let Some(running) = &mut self.running else {
            return Ok(PathBuf::new());
        };
        let path = match &self.options.output {
            Some(path) => path.clone(),
            None => free_name(&running.stage.content.title),
        };
        // It may have been called up since the last frame.
        for action in running.run_panel()? {
            running.stage.act(action)?;
        }
        let PhysicalSize { width, height } = running.size;
        let mut target = ImageTarget::new(&running.stage.gpu, width.max(1), height.max(1))?;
        running
            .stage
            .draw(running.seconds, &running.session.view(), &mut target)?;
        png::write(&path, &target.read()?)?;
        Ok(path)
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) -> Result<(), ViewerError> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        if running.size.width == 0 || running.size.height == 0 {
            return Ok(());
        }
        let animated = running.stage.content.moves();
        let now = Instant::now();
        if animated && running.moved {
            running.seconds += (now - running.looked).as_secs_f64();
        }
        (running.looked, running.moved) = (now, animated);
        let done_in_panel = running.run_panel()?;
        running.window.pre_present_notify();
        let view = running.session.view();
        let stats = running
            .stage
            .draw(running.seconds, &view, &mut running.target)?;
        let drawn = stats.drawn;
        // What is still to come may be what was to be counted.
        let settled = self.loading.as_ref().is_none_or(Loading::settled);
        running.frames += u32::from(drawn && settled);
        for action in done_in_panel {
            self.act(event_loop, action)?;
        }
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        if !drawn {
            // There was no image to draw to; what moves tries again.
            if animated && !running.occluded {
                running.window.request_redraw();
            }
            return Ok(());
        }
        let limit = self.options.frames.map(NonZeroU32::get);
        let done = limit.is_some_and(|limit| running.frames >= limit);
        // Nobody sees what moves in a window that is covered.
        if !done && (limit.is_some() && settled || animated && !running.occluded) {
            running.window.request_redraw();
        }
        if !settled {
            return Ok(());
        }
        // One that fails with a lost device is done again once there is another.
        while let Some(&action) = self.options.actions.first() {
            self.act(event_loop, action)?;
            self.options.actions.remove(0);
        }
        if done {
            event_loop.exit();
        }
        Ok(())
    }
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        // What came while the window was made has nobody woken since.
        if let Err(error) = self.open(event_loop).and_then(|()| self.arrive()) {
            self.outcome = Err(error);
            event_loop.exit();
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, (): ()) {
        if let Err(error) = self.arrive() {
            self.outcome = Err(error);
            event_loop.exit();
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _id: WindowId, event: WindowEvent) {
        let handled = match self.handle(event_loop, event) {
            Err(lost @ ViewerError::Gpu(RenderError::DeviceLost(_))) => self.recover(lost),
            handled => handled,
        };
        if let Err(error) = handled {
            self.outcome = Err(error);
            event_loop.exit();
        }
    }

    fn exiting(&mut self, _event_loop: &ActiveEventLoop) {
        // The surface goes before the connection to the display does.
        if let Some(running) = self.running.take()
            && self.outcome.is_ok()
        {
            self.options.pipelines.keep(&running.stage.gpu);
            self.outcome = running.stage.check_validation();
        }
    }
}

fn panel_of(stage: &Stage, window: &Window) -> egui_winit::State {
    egui_winit::State::new(
        stage.panel_context().clone(),
        egui::ViewportId::ROOT,
        window,
        Some(window.scale_factor() as f32),
        window.theme(),
        None,
    )
}

fn aspect(size: PhysicalSize<u32>) -> f32 {
    size.width.max(1) as f32 / size.height.max(1) as f32
}

/// The key of a press, if it is one that can be bound.
fn key(event: &KeyEvent) -> Option<Key> {
    if event.state != ElementState::Pressed {
        return None;
    }
    match &event.logical_key {
        WinitKey::Named(NamedKey::Escape) => Some(Key::Escape),
        WinitKey::Named(NamedKey::ArrowLeft) => Some(Key::Left),
        WinitKey::Named(NamedKey::ArrowRight) => Some(Key::Right),
        WinitKey::Named(NamedKey::ArrowUp) => Some(Key::Up),
        WinitKey::Named(NamedKey::ArrowDown) => Some(Key::Down),
        WinitKey::Named(NamedKey::Space) => Some(Key::Char(' ')),
        WinitKey::Character(text) => {
            let c = text.chars().next()?.to_ascii_lowercase();
            // Where + is the shifted =, nobody should have to press shift.
            Some(Key::Char(if c == '=' { '+' } else { c }))
        }
        _ => None,
    }
}

/// `cart-1.png` for `models/cart.glb`, or the next number that is free.
fn free_name(title: &str) -> PathBuf {
    let stem = Path::new(title)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    (1_u32..)
        .map(|number| PathBuf::from(format!("{stem}-{number}.png")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| PathBuf::from(format!("{stem}.png")))
}
