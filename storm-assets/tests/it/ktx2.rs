//! KTX 2.0 textures against what other decoders make of them, and broken ones against their messages.

use std::fs;

use storm_assets::{
    Image,
    ktx2::{Kind, Ktx2Error, Texture},
};

use super::corpus;

const SAMPLES: &str = "gltf-transform/packages/extensions/test/in";
const LAMP: &str = "gltf-sample-assets/Models/AnisotropyBarnLamp/glTF-KTX2-Basisu";

fn sample(test: &str, name: &str) -> Option<Vec<u8>> {
    Some(fs::read(corpus::assets(test)?.join(SAMPLES).join(name)).unwrap())
}

/// FNV-1a of the pixels of a picture.
fn hash(image: &Image) -> u64 {
    image
        .pixels()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// FNV-1a of each level, as the reference transcoder of Basis Universal gave it.
#[test]
fn every_level_decodes_bit_for_bit_as_elsewhere() {
    let test = "every_level_decodes_bit_for_bit_as_elsewhere";
    for (name, kind, hashes) in [
        (
            "2d_etc1s.ktx2",
            Kind::Etc1s,
            [
                0x61c6_1e9f_4ae7_fb1d,
                0xb342_f1a9_18c8_338b,
                0x13e4_7e7e_e9c2_4db5,
                0x0c6e_811a_2c45_052f,
                0x5740_1fad_4423_0621,
                0x40f5_b0cf_16ae_b874,
            ],
        ),
        (
            "2d_uastc.ktx2",
            Kind::Uastc,
            [
                0x3c29_3d55_3d13_d85c,
                0xc776_e177_c7b7_fe61,
                0x2ffd_03b0_914d_bdf3,
                0x2bdf_7f3f_9de3_0c26,
                0x9158_e1c2_6b53_ae3d,
                0xfa2d_e9b9_d0d0_7a19,
            ],
        ),
    ] {
        let Some(bytes) = sample(test, name) else {
            return;
        };
        let texture = Texture::parse(&bytes).unwrap();
        assert_eq!((texture.kind(), texture.levels()), (kind, 6), "{name}");
        assert!(texture.is_srgb(), "{name}");
        let found: Vec<_> = (0..6)
            .map(|level| hash(&texture.decode(level).unwrap()))
            .collect();
        assert_eq!(found, hashes, "{name}: {found:#x?}");
        assert_eq!(
            texture.decode(6).unwrap_err().to_string(),
            "there is no level 6, only 6"
        );
    }
}

#[test]
fn plain_pixels_are_taken_as_they_are() {
    let test = "plain_pixels_are_taken_as_they_are";
    for (name, kind) in [("2d_rgb8.ktx2", Kind::Rgb8), ("2d_rgba8.ktx2", Kind::Rgba8)] {
        let Some(bytes) = sample(test, name) else {
            return;
        };
        let texture = Texture::parse(&bytes).unwrap();
        assert_eq!(texture.kind(), kind);
        let image = texture.decode(0).unwrap();
        assert_eq!((image.width(), image.height()), (40, 40), "{name}");
        assert_eq!(image.pixels()[..4], [0x4d, 0xaf, 0x4a, 0xff], "{name}");
    }
}

/// FNV-1a of the pixels, block by block, as another decoder gave them for these files.
#[test]
fn supercompressed_uastc_decodes_bit_for_bit_as_elsewhere() {
    let Some(root) = corpus::assets("supercompressed_uastc_decodes_bit_for_bit_as_elsewhere")
    else {
        return;
    };
    for (name, hash) in [
        ("basecolor", 0x85f8_4c58_74ba_52f6),
        ("occlusionroughnessmetal", 0xf37f_1f70_88c7_0afd),
        ("anisotropy", 0x6299_3f95_404b_bb99),
        ("normalbump", 0x5774_e48d_1412_e8b7),
    ] {
        let path = root
            .join(LAMP)
            .join(format!("AnisotropyBarnLamp_{name}.ktx2"));
        let bytes = fs::read(path).unwrap();
        let texture = Texture::parse(&bytes).unwrap();
        let image = texture.decode(0).unwrap();
        assert_eq!((image.width(), image.height()), (2048, 2048));
        let mut found = 0xcbf2_9ce4_8422_2325_u64;
        for block in 0..512 * 512 {
            for pixel in 0..16 {
                let (x, y) = (block % 512 * 4 + pixel % 4, block / 512 * 4 + pixel / 4);
                for byte in &image.pixels()[(y * 2048 + x) * 4..][..4] {
                    found = (found ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        assert_eq!(found, hash, "{name}: {found:#x}");
    }
}

#[test]
fn what_is_not_read_is_said() {
    let test = "what_is_not_read_is_said";
    let Some(bytes) = sample(test, "2d_uastc.ktx2") else {
        return;
    };
    let with = |at: usize, word: u32| {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        Texture::parse(&bytes)
            .and_then(|texture| texture.decode(0))
            .unwrap_err()
    };
    let cases = [
        (0, 0, "expected a KTX 2.0 texture, found another beginning"),
        (
            12,
            97,
            "pixels other than Basis Universal, RGB8 and RGBA8, which are not supported",
        ),
        (20, 0, "expected sides of 1 to 16384, found 0×40"),
        (24, 16385, "expected sides of 1 to 16384, found 40×16385"),
        (28, 2, "volumes, arrays and cubes, which are not supported"),
        (36, 6, "volumes, arrays and cubes, which are not supported"),
        (
            40,
            7,
            "the data have more levels than its sides have halves",
        ),
        (
            44,
            1,
            "pixels in this supercompression, which are not supported",
        ),
        (
            44,
            3,
            "pixels in this supercompression, which are not supported",
        ),
        (
            80,
            2000,
            "expected a level within the 2560 bytes of the file, found 1600 bytes from 2000",
        ),
        (
            88,
            1584,
            "the data have a level of another length than its size asks for",
        ),
    ];
    for (at, word, message) in cases {
        assert_eq!(with(at, word).to_string(), message);
    }
    for name in [
        "2d_bc1.ktx2",
        "2d_bc7.ktx2",
        "2d_astc4x4.ktx2",
        "2d_rgba16_linear.ktx2",
    ] {
        let error = Texture::parse(&sample(test, name).unwrap())
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(error, Ktx2Error::Unsupported(_)),
            "{name}: {error}"
        );
    }
}

#[test]
fn broken_bytes_give_errors_or_pictures_of_the_stated_size() {
    let test = "broken_bytes_give_errors_or_pictures_of_the_stated_size";
    for name in ["2d_etc1s.ktx2", "2d_uastc.ktx2", "2d_rgb8.ktx2"] {
        let Some(whole) = sample(test, name) else {
            return;
        };
        for end in 0..whole.len() {
            if let Ok(texture) = Texture::parse(&whole[..end]) {
                let _ = texture.decode(0);
            }
        }
        let mut bytes = whole.clone();
        // Every bit of what is small, and of the first kilobyte of the rest.
        for at in 0..whole.len().min(1000) {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                if let Ok(texture) = Texture::parse(&bytes)
                    && texture.memory(0) < 1 << 20
                    && let Ok(image) = texture.decode(0)
                {
                    assert_eq!(
                        (image.width(), image.height()),
                        (texture.width(), texture.height())
                    );
                }
                bytes[at] ^= 1 << bit;
            }
        }
    }
}
