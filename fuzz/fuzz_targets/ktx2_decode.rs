//! Any bytes as a KTX 2.0 texture: nothing panics, and what is decoded has the size that the header states.
#![no_main]

use libfuzzer_sys::fuzz_target;
use storm_assets::ktx2::Texture;

fuzz_target!(|bytes: &[u8]| {
    let Ok(texture) = Texture::parse(bytes) else {
        return;
    };
    for level in 0..texture.levels() {
        if texture.memory(level) > 4 << 20 {
            continue;
        }
        match texture.decode(level) {
            Ok(image) => {
                assert_eq!(image.width(), (texture.width() >> level).max(1));
                assert_eq!(image.height(), (texture.height() >> level).max(1));
            }
            Err(error) => assert!(!error.to_string().contains('\n')),
        }
    }
});
