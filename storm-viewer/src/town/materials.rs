//! The palette: every surface of the town, by name.

use std::collections::BTreeMap;

use storm_assets::{AlphaMode, Handle, Image, Material, Sampler, TextureSlot};

use super::{
    SOURCE, Stage,
    textures::{self, Grain, Pictures},
};

/// A surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Paint {
    Rock,
    Boulder,
    Sand,
    Grass,
    Cobbles,
    Path,
    Stone,
    PaleStone,
    Wall(u8),
    Roof(u8),
    Timber,
    Planks,
    DarkPlanks,
    Frame,
    PaneLit,
    PaneWarm,
    PaneDark,
    Door(u8),
    Hull(u8),
    White,
    Red,
    Iron,
    Brass,
    Glass,
    Lantern,
    Lamp,
    Cloth(u8),
    Net,
    Rope,
    Barrel,
    Bark,
    Leaves(u8),
    Needles(u8),
    Tuft,
    Sea,
    Foam,
    Beam,
    Rain,
    Gull,
    Clock,
}

/// How many colours of each the palette has.
pub(super) const WALLS: u8 = 6;
pub(super) const ROOFS: u8 = 5;
pub(super) const DOORS: u8 = 4;
pub(super) const HULLS: u8 = 5;
pub(super) const CLOTHS: u8 = 3;

struct Set {
    base: Handle<Image>,
    normal: Handle<Image>,
    roughness: Handle<Image>,
}

fn slot(image: Handle<Image>) -> Option<TextureSlot> {
    Some(TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    })
}

/// Which of the three pictures of a set a surface uses.
#[derive(Clone, Copy)]
pub(super) struct Uses {
    base: bool,
    normal: bool,
    roughness: bool,
}

const BASE: Uses = Uses {
    base: true,
    normal: false,
    roughness: false,
};
const RELIEF: Uses = Uses {
    base: true,
    normal: true,
    roughness: false,
};
const ALL: Uses = Uses {
    base: true,
    normal: true,
    roughness: true,
};
const NORMAL: Uses = Uses {
    base: false,
    normal: true,
    roughness: false,
};

fn add(stage: &mut Stage, name: &str, pictures: Pictures, uses: Uses) -> Set {
    let handle = |part: &str| Handle::of(SOURCE, &format!("image/{name}/{part}"));
    let set = Set {
        base: handle("base"),
        normal: handle("normal"),
        roughness: handle("roughness"),
    };
    let images = &mut stage.library.images;
    for (wanted, handle, image) in [
        (uses.base, set.base, pictures.base),
        (uses.normal, set.normal, pictures.normal),
        (uses.roughness, set.roughness, pictures.roughness),
    ] {
        if wanted {
            images.insert(handle, image);
        }
    }
    set
}

/// What [`pictures`] gives: name, pictures, and which of them are used.
pub(super) type Made = Vec<(&'static str, Pictures, Uses)>;

/// Makes every picture. Takes longer than the rest of the town: meant for a thread of its own.
pub(super) fn pictures() -> Made {
    let g = &Grain::new(91);
    vec![
        ("plaster", textures::plaster(g), RELIEF),
        ("planks", textures::planks(g), ALL),
        ("tiles", textures::tiles(g), RELIEF),
        ("blocks", textures::blocks(g), RELIEF),
        ("cobbles", textures::cobbles(g), ALL),
        ("rock", textures::rock(g), RELIEF),
        ("grass", textures::grass(g), RELIEF),
        ("sand", textures::sand(g), RELIEF),
        ("bark", textures::bark(g), RELIEF),
        ("cloth", textures::cloth(g), RELIEF),
        ("leaves", textures::leaves(g), BASE),
        ("needles", textures::needles(g), BASE),
        ("tuft", textures::tuft(g), BASE),
        ("water", textures::water(), NORMAL),
        ("foam", textures::foam(g), BASE),
        ("glow", textures::glow(g), BASE),
        ("beam", textures::beam(), BASE),
    ]
}

/// Makes every surface.
pub(super) fn make(stage: &mut Stage, made: Made) {
    let sets: BTreeMap<&str, Set> = made
        .into_iter()
        .map(|(name, pictures, uses)| (name, add(stage, name, pictures, uses)))
        .collect();
    let [
        plaster,
        planks,
        tiles,
        blocks,
        cobbles,
        rock,
        grass,
        sand,
        bark,
        cloth,
        leaves,
        needles,
        tuft,
        water,
        foam,
        glow,
        beam,
    ] = [
        "plaster", "planks", "tiles", "blocks", "cobbles", "rock", "grass", "sand", "bark",
        "cloth", "leaves", "needles", "tuft", "water", "foam", "glow", "beam",
    ]
    .map(|name| &sets[name]);
    let mut palette = Palette { stage };
    palette.rough("rock", Paint::Rock, rock, [0.78, 0.76, 0.74], 0.85);
    palette.painted("boulder", Paint::Boulder, rock, [0.66, 0.66, 0.66], 0.62);
    palette.rough("stone", Paint::Stone, blocks, [0.74, 0.72, 0.70], 0.85);
    palette.rough(
        "pale stone",
        Paint::PaleStone,
        blocks,
        [1.0, 0.98, 0.93],
        0.85,
    );
    palette.cut("sand", Paint::Sand, sand, [0.86, 0.82, 0.76], 0.78, 0.35);
    palette.cut("grass", Paint::Grass, grass, [0.92, 0.92, 0.86], 0.93, 0.30);
    palette.cut("path", Paint::Path, sand, [0.62, 0.52, 0.42], 0.9, 0.32);
    palette.rough("cobbles", Paint::Cobbles, cobbles, [0.78, 0.77, 0.78], 1.0);
    let walls = [
        [0.84, 0.80, 0.72],
        [0.80, 0.66, 0.46],
        [0.62, 0.33, 0.24],
        [0.56, 0.64, 0.66],
        [0.86, 0.84, 0.80],
        [0.70, 0.56, 0.50],
    ];
    for (i, color) in (0..WALLS).zip(walls) {
        palette.painted(&format!("wall {i}"), Paint::Wall(i), plaster, color, 0.88);
    }
    let roofs = [
        [0.52, 0.22, 0.14],
        [0.42, 0.19, 0.14],
        [0.21, 0.23, 0.27],
        [0.46, 0.30, 0.20],
        [0.29, 0.29, 0.30],
    ];
    for (i, color) in (0..ROOFS).zip(roofs) {
        palette.rough(&format!("roof {i}"), Paint::Roof(i), tiles, color, 0.62);
    }
    palette.rough("timber", Paint::Timber, planks, [0.34, 0.27, 0.22], 0.9);
    palette.rough("planks", Paint::Planks, planks, [0.86, 0.83, 0.80], 0.9);
    palette.rough(
        "dark planks",
        Paint::DarkPlanks,
        planks,
        [0.42, 0.38, 0.36],
        0.85,
    );
    let doors = [
        [0.11, 0.21, 0.24],
        [0.34, 0.10, 0.08],
        [0.16, 0.24, 0.14],
        [0.40, 0.27, 0.15],
    ];
    for (i, color) in (0..DOORS).zip(doors) {
        palette.rough(&format!("door {i}"), Paint::Door(i), planks, color, 0.6);
    }
    let hulls = [
        [0.12, 0.26, 0.36],
        [0.46, 0.11, 0.09],
        [0.74, 0.72, 0.68],
        [0.13, 0.26, 0.20],
        [0.60, 0.40, 0.16],
    ];
    for (i, color) in (0..HULLS).zip(hulls) {
        palette.rough(
            &format!("hull {i}"),
            Paint::Hull(i),
            planks,
            color.map(|c| c * 1.25),
            0.55,
        );
    }
    let cloths = [[0.72, 0.66, 0.54], [0.50, 0.22, 0.14], [0.30, 0.34, 0.38]];
    for (i, color) in (0..CLOTHS).zip(cloths) {
        palette.rough(&format!("cloth {i}"), Paint::Cloth(i), cloth, color, 0.9);
    }
    palette.rough("net", Paint::Net, cloth, [0.10, 0.22, 0.22], 0.95);
    palette.rough("rope", Paint::Rope, cloth, [0.46, 0.38, 0.26], 0.95);
    palette.rough("barrel", Paint::Barrel, planks, [0.62, 0.46, 0.32], 0.8);
    palette.rough("bark", Paint::Bark, bark, [0.80, 0.74, 0.70], 0.92);
    palette.painted("whitewash", Paint::White, plaster, [0.93, 0.92, 0.89], 0.6);
    palette.painted("red paint", Paint::Red, plaster, [0.60, 0.09, 0.06], 0.5);
    palette.plain("frame", Paint::Frame, [0.74, 0.72, 0.67], 0.0, 0.55);
    palette.plain("iron", Paint::Iron, [0.10, 0.10, 0.11], 0.4, 0.55);
    palette.plain("brass", Paint::Brass, [0.66, 0.48, 0.22], 1.0, 0.32);
    palette.plain(
        "dark pane",
        Paint::PaneDark,
        [0.025, 0.032, 0.04],
        0.0,
        0.07,
    );
    palette.plain("glass", Paint::Glass, [0.05, 0.06, 0.07], 0.0, 0.05);
    palette.plain("gull", Paint::Gull, [0.80, 0.81, 0.83], 0.0, 0.8);
    palette.plain("clock", Paint::Clock, [0.85, 0.82, 0.72], 0.0, 0.5);
    palette.glowing("lit pane", Paint::PaneLit, Some(glow), [2.7, 1.55, 0.62]);
    palette.glowing("warm pane", Paint::PaneWarm, Some(glow), [1.6, 0.78, 0.26]);
    palette.glowing("lantern", Paint::Lantern, None, [4.2, 2.3, 0.85]);
    palette.glowing("lamp", Paint::Lamp, None, [9.0, 7.4, 4.6]);
    let greens = [[0.86, 0.92, 0.78], [0.98, 0.88, 0.60], [0.66, 0.80, 0.66]];
    for (i, color) in (0..3).zip(greens) {
        palette.cut(
            &format!("leaves {i}"),
            Paint::Leaves(i),
            leaves,
            color,
            0.75,
            0.4,
        );
    }
    for (i, color) in (0..2).zip([[0.90, 0.95, 0.90], [0.70, 0.84, 0.80]]) {
        palette.cut(
            &format!("needles {i}"),
            Paint::Needles(i),
            needles,
            color,
            0.8,
            0.4,
        );
    }
    palette.cut("tuft", Paint::Tuft, tuft, [0.92, 0.94, 0.80], 0.85, 0.4);
    let mut sea = Material::matte("sea", [0.016, 0.034, 0.038], 0.14);
    sea.normal_texture = slot(water.normal);
    sea.normal_scale = 0.42;
    palette.put(Paint::Sea, sea);
    let mut foamy = Material::matte("foam", [0.80, 0.82, 0.83], 0.8);
    foamy.base_color_texture = slot(foam.base);
    foamy.alpha_mode = AlphaMode::Blend;
    palette.put(Paint::Foam, foamy);
    let mut shaft = Material::matte("beam", [0.0; 3], 1.0);
    shaft.base_color = [0.0, 0.0, 0.0, 0.20];
    shaft.base_color_texture = slot(beam.base);
    shaft.emissive = [1.5, 1.25, 0.85];
    shaft.alpha_mode = AlphaMode::Blend;
    shaft.double_sided = true;
    palette.put(Paint::Beam, shaft);
    let mut rain = Material::matte("rain", [0.75, 0.80, 0.86], 0.6);
    rain.base_color[3] = 0.42;
    rain.base_color_texture = slot(beam.base);
    rain.alpha_mode = AlphaMode::Blend;
    rain.double_sided = true;
    palette.put(Paint::Rain, rain);
}

struct Palette<'a> {
    stage: &'a mut Stage,
}

impl Palette<'_> {
    fn put(&mut self, paint: Paint, material: Material) {
        let handle = Handle::of(SOURCE, &format!("material/{}", material.name));
        self.stage.library.materials.insert(handle, material);
        self.stage.paints.insert(paint, handle);
    }

    fn plain(&mut self, name: &str, paint: Paint, rgb: [f32; 3], metallic: f32, roughness: f32) {
        let material = Material {
            metallic,
            ..Material::matte(name, rgb, roughness)
        };
        self.put(paint, material);
    }

    fn textured(&self, name: &str, set: &Set, rgb: [f32; 3], roughness: f32) -> Material {
        let images = &self.stage.library.images;
        let there = |image| images.get(image).and_then(|_| slot(image));
        Material {
            base_color_texture: there(set.base),
            normal_texture: there(set.normal),
            metallic_roughness_texture: there(set.roughness),
            ..Material::matte(name, rgb, roughness)
        }
    }

    fn rough(&mut self, name: &str, paint: Paint, set: &Set, rgb: [f32; 3], roughness: f32) {
        let material = self.textured(name, set, rgb, roughness);
        self.put(paint, material);
    }

    /// Paint fills the relief of what it covers, and the sea wears it down.
    fn painted(&mut self, name: &str, paint: Paint, set: &Set, rgb: [f32; 3], roughness: f32) {
        let mut material = self.textured(name, set, rgb, roughness);
        material.normal_scale = 0.45;
        self.put(paint, material);
    }

    fn cut(
        &mut self,
        name: &str,
        paint: Paint,
        set: &Set,
        rgb: [f32; 3],
        roughness: f32,
        cutoff: f32,
    ) {
        let mut material = self.textured(name, set, rgb, roughness);
        material.alpha_mode = AlphaMode::Mask(cutoff);
        self.put(paint, material);
    }

    fn glowing(&mut self, name: &str, paint: Paint, set: Option<&Set>, rgb: [f32; 3]) {
        let mut material = Material::matte(name, [0.05, 0.05, 0.05], 0.2);
        material.emissive = rgb;
        material.emissive_texture = set.and_then(|set| slot(set.base));
        self.put(paint, material);
    }
}
