//! The Vulkan layer: all `unsafe` code of this crate, wrapped so that the rest needs none.
//!
//! # Invariants
//! The proofs in this folder cite these by number.
//!
//! 1. **Lifetime of the device.** Every handle lives in a value that also holds an `Arc` of the [`Instance`] or
//!    [`Device`] that made it, so function tables and parents outlive their children.
//! 2. **Destruction after use.** A handle that the GPU may still use is not destroyed but put into the device's
//!    [`trash`](Device::discard) with the timeline value of the last submission that can use it: the next one while
//!    commands are being recorded, or else the one before. It is destroyed when the timeline has passed that value, or
//!    after `vkDeviceWaitIdle` when the device itself goes. What is yet to be recorded owns what it names.
//! 3. **Queues and pools are externally synchronised.** A queue is used under its mutex only. A command pool belongs
//!    to one [`Recorder`], which is used through `&mut`, and is reset only once the timeline has passed its last
//!    submission.
//! 4. **Create-infos live through the call.** Every pointer in a structure is a Rust borrow that ash's builders tie to
//!    the structure, and the structure outlives the call that reads it.
//! 5. **Extensions and features are on.** A function of an extension is called only through its loader, which is made
//!    only when the extension was enabled; the features in [`adapter`] are required of every device.
//! 6. **Mapped memory is ours.** A mapped range is written through `&mut Buffer` only, and only while no submitted
//!    work reads it: staging and frame buffers are reused after the timeline has passed their last submission.
//! 7. **Shared memory.** A block of memory is kept alive by what is placed in it, within the block and at offsets that
//!    its requirements allow. Which of two things in one place may be used when is for the frame graph to see to.
//!
//! What the types cannot prove (image layouts, hazards between passes, addresses inside shaders) is checked in every
//! test render by the validation layer, with synchronisation validation on.
#![expect(unsafe_code, reason = "calls into Vulkan; see the invariants above")]

pub(crate) mod adapter;
pub(crate) mod bindless;
pub(crate) mod buffer;
pub(crate) mod commands;
pub(crate) mod custom;
pub(crate) mod device;
pub(crate) mod image;
pub(crate) mod inputs;
pub(crate) mod instance;
pub(crate) mod memory;
pub(crate) mod pipeline;
pub(crate) mod pipeline_cache;
pub(crate) mod pools;
pub(crate) mod present;
pub(crate) mod query;
#[cfg(test)]
pub(crate) mod read_back;
pub(crate) mod submit;
pub(crate) mod swapchain;
