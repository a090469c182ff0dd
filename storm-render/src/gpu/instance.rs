//! The Vulkan instance and what the validation layer says through it.

use std::{
    ffi::{CStr, c_char, c_void},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use ash::{ext, khr, vk};

use crate::error::{RenderError, Result};

const VALIDATION_LAYER: &CStr = c"VK_LAYER_KHRONOS_validation";
/// Texts kept beyond this many would only repeat themselves.
const MESSAGE_TEXTS_MAX: usize = 64;

/// What the validation layer has said so far.
#[derive(Default)]
pub(crate) struct Messages {
    count: AtomicU32,
    texts: Mutex<Vec<String>>,
}

impl Messages {
    fn push(&self, text: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() < MESSAGE_TEXTS_MAX {
            texts.push(text.to_owned());
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The loader, the instance and, where validation is on, its messenger.
pub(crate) struct Instance {
    pub(crate) entry: ash::Entry,
    pub(crate) raw: ash::Instance,
    /// Present when the instance can make surfaces.
    pub(crate) surface: Option<khr::surface::Instance>,
    messenger: Option<(ext::debug_utils::Instance, vk::DebugUtilsMessengerEXT)>,
    messages: Arc<Messages>,
}

impl Instance {
    /// Loads Vulkan. `surface_extensions` are those the window system asks for; empty for headless use.
    pub(crate) fn new(validation: bool, surface_extensions: &[*const c_char]) -> Result<Self> {
        let entry = load()?;
        let mut layers = Vec::new();
        let mut extensions = surface_extensions.to_vec();
        if validation {
            if !offers_validation(&entry)? {
                return Err(RenderError::NoValidation);
            }
            layers.push(VALIDATION_LAYER.as_ptr());
            extensions.push(ext::debug_utils::NAME.as_ptr());
        }

        let application = vk::ApplicationInfo::default()
            .application_name(c"storm")
            .engine_name(c"storm-render")
            .api_version(vk::API_VERSION_1_3);
        let info = vk::InstanceCreateInfo::default()
            .application_info(&application)
            .enabled_layer_names(&layers)
            .enabled_extension_names(&extensions);
        // SAFETY: all names are NUL-terminated and borrowed beyond the call (invariant 4).
        let raw = unsafe { entry.create_instance(&info, None) }.map_err(|result| match result {
            vk::Result::ERROR_INCOMPATIBLE_DRIVER => RenderError::NoDriver,
            result => RenderError::vulkan("creating the Vulkan instance")(result),
        })?;

        let messages = Arc::new(Messages::default());
        let mut instance = Self {
            surface: (!surface_extensions.is_empty())
                .then(|| khr::surface::Instance::new(&entry, &raw)),
            entry,
            raw,
            messenger: None,
            messages,
        };
        if validation {
            instance.listen()?;
        }
        Ok(instance)
    }

    fn listen(&mut self) -> Result<()> {
        let loader = ext::debug_utils::Instance::new(&self.entry, &self.raw);
        let info = vk::DebugUtilsMessengerCreateInfoEXT::default()
            .message_severity(
                vk::DebugUtilsMessageSeverityFlagsEXT::WARNING
                    | vk::DebugUtilsMessageSeverityFlagsEXT::ERROR,
            )
            .message_type(
                vk::DebugUtilsMessageTypeFlagsEXT::VALIDATION
                    | vk::DebugUtilsMessageTypeFlagsEXT::PERFORMANCE,
            )
            .pfn_user_callback(Some(on_message))
            .user_data(Arc::as_ptr(&self.messages).cast_mut().cast());
        // SAFETY: the extension is on (invariant 5); the user data is kept alive by `self.messages` until after the
        // messenger is destroyed in `drop`.
        let messenger = unsafe { loader.create_debug_utils_messenger(&info, None) }
            .map_err(RenderError::vulkan("listening to the validation layer"))?;
        self.messenger = Some((loader, messenger));
        Ok(())
    }

    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }
}

/// Loads the system's Vulkan loader.
pub(crate) fn load() -> Result<ash::Entry> {
    // SAFETY: loading runs the initialisers of the system's Vulkan loader, which every Vulkan program trusts.
    unsafe { ash::Entry::load() }.map_err(|error| RenderError::NoLoader(error.to_string()))
}

/// Whether the validation layer is installed.
pub(crate) fn offers_validation(entry: &ash::Entry) -> Result<bool> {
    // SAFETY: the loader is loaded (invariant 1); the call has no other condition.
    let available = unsafe { entry.enumerate_instance_layer_properties() }
        .map_err(RenderError::vulkan("listing instance layers"))?;
    Ok(available
        .iter()
        .any(|layer| layer.layer_name_as_c_str() == Ok(VALIDATION_LAYER)))
}

/// The version of the loader, as Vulkan packs it.
pub(crate) fn loader_version(entry: &ash::Entry) -> Result<u32> {
    // SAFETY: the loader is loaded (invariant 1); the call has no other condition.
    let version = unsafe { entry.try_enumerate_instance_version() }
        .map_err(RenderError::vulkan("asking for the loader's version"))?;
    // Loaders that lack the question are of Vulkan 1.0.
    Ok(version.unwrap_or(vk::API_VERSION_1_0))
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some((loader, messenger)) = self.messenger.take() {
            // SAFETY: made by this loader, taken out so that it is destroyed once (invariant 1).
            unsafe { loader.destroy_debug_utils_messenger(messenger, None) };
        }
        // SAFETY: everything made from the instance holds an `Arc` of it and so is gone by now (invariant 1).
        unsafe { self.raw.destroy_instance(None) };
    }
}

/// Called by the layer on whichever thread made the offending call.
unsafe extern "system" fn on_message(
    severity: vk::DebugUtilsMessageSeverityFlagsEXT,
    _types: vk::DebugUtilsMessageTypeFlagsEXT,
    data: *const vk::DebugUtilsMessengerCallbackDataEXT<'_>,
    user_data: *mut c_void,
) -> vk::Bool32 {
    // SAFETY: the layer passes the pointer given at creation: a `Messages` that outlives the messenger.
    let messages = unsafe { user_data.cast::<Messages>().as_ref() };
    // SAFETY: the layer passes a valid structure or null for the time of the call.
    let text = unsafe { data.as_ref() }
        .map(|data| data.p_message)
        .filter(|text| !text.is_null());
    if let (Some(messages), Some(text)) = (messages, text) {
        // SAFETY: the specification makes the message a NUL-terminated string, valid for the time of the call.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        if severity.contains(vk::DebugUtilsMessageSeverityFlagsEXT::ERROR) {
            tracing::error!(target: "storm_render::validation", "{text}");
        } else {
            tracing::warn!(target: "storm_render::validation", "{text}");
        }
        messages.push(&text);
    }
    vk::FALSE
}
