//! For tests: what is in a buffer of the device.

use ash::vk;

use super::{
    buffer::{Buffer, Memory},
    commands::Recorder,
    submit::Submission,
};
use crate::context::Gpu;

/// Waits for the device, and gives the bytes of a buffer.
pub(crate) fn read_back(gpu: &Gpu, buffer: &Buffer) -> Vec<u8> {
    gpu.wait_idle().unwrap();
    let copy = Buffer::new(gpu.device(), "a copy", buffer.size, Memory::Readback).unwrap();
    let mut recorder = Recorder::new(gpu.device()).unwrap();
    gpu.with_bindless(|bindless| recorder.begin(bindless).unwrap());
    let region = vk::BufferCopy {
        size: buffer.size,
        ..Default::default()
    };
    recorder.copy_buffer(buffer.raw, copy.raw, &[region]);
    recorder.submit(Submission::default()).unwrap();
    gpu.wait_idle().unwrap();
    copy.mapped().to_vec()
}
