//! Any bytes as the picture of a model: PNG, JPEG, WebP and KTX 2.0 by what they begin with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use storm_assets::gltf::{self, Limits, LoadOptions};

fuzz_target!(|bytes: &[u8]| {
    let json = format!(
        r#"{{"asset": {{"version": "2.0"}}, "buffers": [{{"byteLength": {length}}}],
        "bufferViews": [{{"buffer": 0, "byteLength": {length}}}], "images": [{{"bufferView": 0, "mimeType": "image/png"}}],
        "textures": [{{"source": 0}}], "materials": [{{"emissiveTexture": {{"index": 0}}}}]}}"#,
        length = bytes.len()
    );
    let mut json = json.into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut binary = bytes.to_vec();
    binary.resize(binary.len().next_multiple_of(4), 0);
    let mut file = b"glTF\x02\0\0\0".to_vec();
    file.extend((28 + json.len() as u32 + binary.len() as u32).to_le_bytes());
    for (kind, chunk) in [(b"JSON", &json), (b"BIN\0", &binary)] {
        file.extend((chunk.len() as u32).to_le_bytes());
        file.extend(kind);
        file.extend_from_slice(chunk);
    }
    let mut limits = Limits::default();
    limits.image_bytes_max = 4 << 20;
    let options = LoadOptions::default().with_limits(limits);
    let no_file = &mut |_: gltf::Request<'_>| Err(std::io::Error::other("no file"));
    if let Ok(file) = gltf::parse(&file, no_file, &options) {
        for (_, image) in file.library.images.iter() {
            let size = image.width() as usize * image.height() as usize * 4;
            assert!(image.pixels().len() == size && size <= 4 << 20);
        }
    }
});
