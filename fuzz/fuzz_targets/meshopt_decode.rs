//! Any bytes as a compressed buffer view: the first say mode, filter, stride and count, the rest is the stream. Nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use storm_assets::gltf::{self, Limits, LoadOptions};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[kind, stride, low, high], stream)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    if stream.is_empty() {
        return;
    }
    let (mode, stride) = match kind & 3 {
        0 => ("TRIANGLES", if stride & 1 == 0 { 2 } else { 4 }),
        1 => ("INDICES", if stride & 1 == 0 { 2 } else { 4 }),
        _ => ("ATTRIBUTES", (usize::from(stride) % 64 + 1) * 4),
    };
    let filters = ["NONE", "OCTAHEDRAL", "QUATERNION", "EXPONENTIAL", "COLOR"];
    let filter = filters[usize::from(kind >> 2) % filters.len()];
    let count = usize::from(u16::from_le_bytes([low, high])) % 3000 / 3 * 3;
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"extensionsUsed":["EXT_meshopt_compression"],
        "buffers":[{{"byteLength":{0}}}],
        "bufferViews":[{{"buffer":0,"byteLength":{1},"extensions":{{"EXT_meshopt_compression":
        {{"buffer":0,"byteLength":{0},"byteStride":{stride},"count":{count},"mode":"{mode}","filter":"{filter}"}}}}}}]}}"#,
        stream.len(),
        (count * stride).max(1),
    );
    let padded = |bytes: &[u8], with: u8| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), with);
        bytes
    };
    let (json, stream) = (padded(json.as_bytes(), b' '), padded(stream, 0));
    let mut file = b"glTF\x02\0\0\0".to_vec();
    file.extend(
        (28 + json.len() + stream.len())
            .to_le_bytes()
            .first_chunk::<4>()
            .expect("eight"),
    );
    for (kind, chunk) in [(b"JSON", &json), (b"BIN\0", &stream)] {
        file.extend((chunk.len() as u32).to_le_bytes());
        file.extend(kind);
        file.extend(chunk);
    }
    let mut limits = Limits::default();
    limits.value_bytes_base = 8 << 20;
    let options = LoadOptions::default().with_limits(limits);
    if let Err(error) = gltf::parse(
        &file,
        &mut |_| unreachable!("it refers to no file"),
        &options,
    ) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});
