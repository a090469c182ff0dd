//! Any bytes as a .gltf or .glb to be validated: nothing panics, issues are lines, and the report is JSON. What has no error is read, unless
//! it needs what this reader refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use storm_assets::gltf::{
    Limits, Request,
    validate::{self, ValidateOptions},
};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    limits.value_bytes_base = 8 << 20;
    let options = ValidateOptions::default().with_limits(limits);
    let mut beside = |request: Request<'_>| -> std::io::Result<Vec<u8>> {
        let byte = request.uri.len() as u8;
        Ok((0..4096u32).map(|i| (i as u8).wrapping_mul(byte)).collect())
    };
    match validate::validate(bytes, &mut beside, &options) {
        Err(error) => assert!(!error.to_string().contains('\n')),
        Ok(report) => {
            assert!(report.issues.len() <= options.issues_max);
            for issue in report.issues.iter().take(100) {
                assert!(issue.message.len() < 2_000, "{issue}");
            }
            assert!(report.to_json("fuzz").starts_with('{'));
        }
    }
});
