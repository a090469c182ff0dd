//! Running the program in a folder of its own, and the model that the tests draw.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use image::RgbaImage;

/// A folder that is empty at first and goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// `name` is that of the test.
    pub(crate) fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn picture(&self, name: &str) -> RgbaImage {
        image::open(self.path(name)).unwrap().into_rgba8()
    }

    /// The program, to be run in this folder, with the Vulkan driver of the tests and no display. What it draws, it draws
    /// under the validation layer where that is installed.
    pub(crate) fn viewer(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storm-viewer"));
        command.args(arguments).current_dir(&self.0);
        if matches!(arguments, ["render" | "demo" | "view" | "bench", ..]) && has_validation() {
            command.arg("--validation");
        }
        for variable in [
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "WAYLAND_SOCKET",
            "RUST_LOG",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(variable);
        }
        // Nothing outside of the folder is written.
        command.env("STORM_PIPELINE_CACHE", "");
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.viewer(arguments).output().unwrap(), arguments)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether the validation layer is installed, as the program's own doctor says.
pub(crate) fn has_validation() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let doctor = Command::new(env!("CARGO_BIN_EXE_storm-viewer"))
            .args(["doctor", "--json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
        report["validation_layer"] == true
    })
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    what: String,
}

impl Ran {
    pub(crate) fn new(output: Output, arguments: &[&str]) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            what: arguments.join(" "),
        }
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> &Self {
        assert_eq!(self.code, 0, "{}: {}", self.what, self.stderr);
        self
    }

    /// Failed with this code and, on standard error, one line that holds all of `parts` in this order.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, parts: &[&str]) {
        let Self { what, stderr, .. } = self;
        assert_eq!(self.code, code, "{what}: {stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.ends_with('\n'),
            "{what}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{what}: {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("{ "),
            "{what}: {stderr}"
        );
        let mut rest = stderr.as_str();
        for part in parts {
            let at = rest
                .find(part)
                .unwrap_or_else(|| panic!("{what}: no '{part}' in {stderr}"));
            rest = &rest[at + part.len()..];
        }
        assert_eq!(self.stdout, "", "{what}");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok().stdout)
            .unwrap_or_else(|error| panic!("{}: {error}", self.what))
    }
}

/// Two glowing squares of 1 m, side by side across the origin and facing +Z: red at -X, green at +X. The camera `Front`
/// sees them so; `Back`, on its node `Behind`, from the other side.
pub(crate) fn squares(folder: &Folder) -> PathBuf {
    let mut bytes = Vec::new();
    for corner in [
        [-0.5_f32, -0.5, 0.0],
        [0.5, -0.5, 0.0],
        [0.5, 0.5, 0.0],
        [-0.5, 0.5, 0.0],
    ] {
        bytes.extend(corner.iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes.extend(
        [0_u16, 1, 2, 0, 2, 3]
            .iter()
            .flat_map(|index| index.to_le_bytes()),
    );
    folder.write("squares.bin", bytes);
    let material = |name: &str, emissive: [u8; 3]| {
        format!(
            r#"{{ "name": "{name}", "doubleSided": true, "emissiveFactor": {emissive:?},
                "pbrMetallicRoughness": {{ "baseColorFactor": [0, 0, 0, 1], "metallicFactor": 0 }} }}"#
        )
    };
    let mesh = |material: u8| {
        format!(
            r#"{{ "primitives": [{{ "attributes": {{ "POSITION": 0 }}, "indices": 1, "material": {material} }}] }}"#
        )
    };
    let camera = |name: &str| {
        format!(
            r#"{{ "name": "{name}", "type": "perspective", "perspective": {{ "yfov": 0.8, "znear": 0.1 }} }}"#
        )
    };
    let json = format!(
        r#"{{
            "asset": {{ "version": "2.0", "generator": "a test" }},
            "scene": 0,
            "scenes": [{{ "name": "both", "nodes": [0, 1, 2, 3] }}, {{ "name": "red", "nodes": [0] }}],
            "nodes": [
                {{ "mesh": 0, "translation": [-0.5, 0, 0] }},
                {{ "mesh": 1, "translation": [0.5, 0, 0] }},
                {{ "camera": 0, "translation": [0, 0, 3] }},
                {{ "name": "Behind", "camera": 1, "translation": [0, 0, -3], "rotation": [0, 1, 0, 0] }}
            ],
            "cameras": [{front}, {back}],
            "meshes": [{red_mesh}, {green_mesh}],
            "materials": [{red}, {green}],
            "buffers": [{{ "uri": "squares.bin", "byteLength": 60 }}],
            "bufferViews": [
                {{ "buffer": 0, "byteLength": 48 }}, {{ "buffer": 0, "byteOffset": 48, "byteLength": 12 }}
            ],
            "accessors": [
                {{ "bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3",
                   "min": [-0.5, -0.5, 0], "max": [0.5, 0.5, 0] }},
                {{ "bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR" }}
            ]
        }}"#,
        front = camera("Front"),
        back = camera("Back"),
        red_mesh = mesh(0),
        green_mesh = mesh(1),
        red = material("red", [1, 0, 0]),
        green = material("green", [0, 1, 0]),
    );
    folder.write("squares.gltf", json)
}
