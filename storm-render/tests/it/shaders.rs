//! The SPIR-V in `spv/` belongs to the GLSL in `shaders/`, and both agree with the layouts of `src/scene/layout.rs`.
//!
//! After changing a shader: `STORM_UPDATE_SHADERS=1 cargo test -p storm-render --test it shaders`, which needs
//! `glslangValidator` (Debian's `glslang-tools`), then build again. For a new shader, first make an empty file in `spv/`.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The shaders that are compiled, by file name; the others are included by them.
fn names() -> BTreeSet<String> {
    let names = fs::read_dir(folder("shaders"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.ends_with(".glsl")).collect()
}

/// Shaders of examples and tests, which users would write, from `shaders/`.
const OF_USERS: [&str; 3] = [
    "../examples/vignette.frag",
    "../examples/stripes.frag",
    "../tests/shaders/plain.frag",
];

/// A source with its includes put in place.
fn expanded(name: &str) -> String {
    let text = fs::read_to_string(folder("shaders").join(name)).unwrap();
    let line = |line: &str| match line
        .strip_prefix("#include \"")
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(file) => expanded(file),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// The version of the installed glslang, if there is one.
fn glslang() -> Option<String> {
    let output = Command::new("glslangValidator")
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(
        text.lines()
            .next()?
            .trim_start_matches("Glslang Version: ")
            .to_owned(),
    )
}

fn compile(name: &str) -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let out = env::temp_dir().join(format!("storm-{}-{count}.spv", std::process::id()));
    let output = Command::new("glslangValidator")
        .args(["-V", "--target-env", "vulkan1.3", "-g0", "-o"])
        .arg(&out)
        // For shaders of users, which lie elsewhere.
        .arg(format!("-I{}", folder("shaders").display()))
        .arg(folder("shaders").join(name))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    let spirv = fs::read(&out).unwrap();
    fs::remove_file(&out).unwrap();
    spirv
}

/// One line a shader: its name, the hash of its source, the hash of its SPIR-V. The first line names the compiler.
fn manifest(compiler: &str) -> String {
    let lines = names().into_iter().map(|name| {
        let spirv = fs::read(folder("spv").join(format!("{name}.spv"))).unwrap();
        format!(
            "{name} {} {}\n",
            hash(expanded(&name).as_bytes()),
            hash(&spirv)
        )
    });
    std::iter::once(format!("glslang {compiler}\n"))
        .chain(lines)
        .collect()
}

#[test]
fn spirv_belongs_to_its_source() {
    let file = folder("spv").join("MANIFEST");
    if env::var_os("STORM_UPDATE_SHADERS").is_some() {
        let compiler = glslang().expect("glslangValidator is installed");
        for name in OF_USERS {
            fs::write(folder("shaders").join(format!("{name}.spv")), compile(name)).unwrap();
        }
        for name in names() {
            fs::write(folder("spv").join(format!("{name}.spv")), compile(&name)).unwrap();
        }
        fs::write(&file, manifest(&compiler)).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    let compiler = expected
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("glslang ")
        .to_owned();
    let found = manifest(&compiler);
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(
            expected, found,
            "a shader changed without its SPIR-V: see the top of this file"
        );
    }
    assert_eq!(expected, found);
}

#[test]
fn recompiling_gives_the_same_bytes() {
    let manifest = fs::read_to_string(folder("spv").join("MANIFEST")).unwrap();
    let made_by = manifest
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("glslang ")
        .to_owned();
    match glslang() {
        Some(version) if version == made_by => {}
        found => return println!("skipped: glslang {made_by} is not installed (found {found:?})"),
    }
    for name in OF_USERS {
        let checked_in = fs::read(folder("shaders").join(format!("{name}.spv"))).unwrap();
        assert!(
            compile(name) == checked_in,
            "{name} compiles to other bytes"
        );
    }
    for name in names() {
        let checked_in = fs::read(folder("spv").join(format!("{name}.spv"))).unwrap();
        assert!(
            compile(&name) == checked_in,
            "{name} compiles to other bytes"
        );
    }
}

/// Offsets of the members of each structure in a module: `OpMemberDecorate` with `Offset`, by structure.
fn structures(spirv: &[u8]) -> Vec<Vec<u32>> {
    const OP_MEMBER_DECORATE: u32 = 72;
    const DECORATION_OFFSET: u32 = 35;
    let words: Vec<u32> = spirv
        .chunks_exact(4)
        .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
        .collect();
    let mut structures = std::collections::BTreeMap::<u32, Vec<(u32, u32)>>::new();
    let mut at = 5;
    while at < words.len() {
        let (length, op) = (words[at] >> 16, words[at] & 0xffff);
        if let (OP_MEMBER_DECORATE, [target, member, DECORATION_OFFSET, offset]) =
            (op, &words[at + 1..at + length as usize])
        {
            structures
                .entry(*target)
                .or_default()
                .push((*member, *offset));
        }
        at += length as usize;
    }
    structures
        .into_values()
        .map(|mut members| {
            members.sort_unstable();
            members.into_iter().map(|(_, offset)| offset).collect()
        })
        .collect()
}

#[test]
fn layouts_are_those_of_the_shaders() {
    // Every shader that knows a structure lays it out the same way, under scalar block layout.
    let found: Vec<_> = names()
        .iter()
        .flat_map(|name| structures(&fs::read(folder("spv").join(format!("{name}.spv"))).unwrap()))
        .collect();
    for (name, offsets) in storm_render::layout_offsets() {
        assert!(
            found.contains(&offsets),
            "no structure of the shaders has the layout of {name}: {offsets:?}"
        );
    }
}
