//! Pictures made in code. All but the leaf cards tile; colours are sRGB, normals point up the picture.

use glam::{Vec2, Vec3};
use storm_assets::{Image, PixelFormat};

use super::noise::{lattice, mix, noise_tiled, smoothstep};

/// What a surface is at one pixel.
#[derive(Clone, Copy)]
pub(super) struct Texel {
    /// sRGB.
    pub(super) color: Vec3,
    pub(super) alpha: f32,
    /// In pixels.
    pub(super) height: f32,
    pub(super) roughness: f32,
}

impl Texel {
    fn new(color: Vec3, height: f32, roughness: f32) -> Self {
        Self {
            color,
            alpha: 1.0,
            height,
            roughness,
        }
    }
}

/// Base colour, normals and roughness of one surface.
pub(super) struct Pictures {
    pub(super) base: Image,
    pub(super) normal: Image,
    pub(super) roughness: Image,
}

/// Noise that repeats, made once and read by all recipes.
pub(super) struct Grain {
    values: Vec<f32>,
}

impl Grain {
    const SIDE: usize = 512;

    pub(super) fn new(seed: u32) -> Self {
        let values = (0..Self::SIDE * Self::SIDE)
            .map(|i| {
                let p =
                    Vec2::new((i % Self::SIDE) as f32, (i / Self::SIDE) as f32) / Self::SIDE as f32;
                let (mut sum, mut weight) = (0.0, 0.5);
                for octave in 0..6 {
                    let period = 6 << octave;
                    sum += weight * noise_tiled(p * period as f32, period, seed + octave as u32);
                    weight *= 0.56;
                }
                sum / 1.13
            })
            .collect();
        Self { values }
    }

    /// 0 to 1 at UV coordinates, `repeat` times across the picture.
    fn at(&self, uv: Vec2, repeat: usize, shift: usize) -> f32 {
        self.stretched(uv, (repeat, repeat), shift)
    }

    /// The same with a repeat for each axis.
    fn stretched(&self, uv: Vec2, repeat: (usize, usize), shift: usize) -> f32 {
        let side = Self::SIDE;
        let x = (uv.x * (side * repeat.0) as f32) as usize + 131 * shift;
        let y = (uv.y * (side * repeat.1) as f32) as usize + 197 * shift;
        self.values[(y % side) * side + x % side]
    }
}

fn byte(x: f32) -> u8 {
    (x.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn image(side: usize, pixels: Vec<u8>) -> Image {
    Image::new(side as u32, side as u32, PixelFormat::Rgba8, pixels)
        .unwrap_or_else(|_| Image::solid([255, 0, 255, 255]))
}

/// A picture from what it shows at each pixel.
pub(super) fn pictures(side: usize, texel: impl Fn(Vec2) -> Texel) -> Pictures {
    let uv = |i: usize| Vec2::new((i % side) as f32 + 0.5, (i / side) as f32 + 0.5) / side as f32;
    let texels: Vec<Texel> = (0..side * side).map(|i| texel(uv(i))).collect();
    let mut base = Vec::with_capacity(side * side * 4);
    let mut normal = Vec::with_capacity(side * side * 4);
    let mut roughness = Vec::with_capacity(side * side * 4);
    for (i, t) in texels.iter().enumerate() {
        let (x, y) = (i % side, i / side);
        let height = |x: usize, y: usize| texels[(y % side) * side + x % side].height;
        let right = 0.5 * (height(x + 1, y) - height(x + side - 1, y));
        let down = 0.5 * (height(x, y + 1) - height(x, y + side - 1));
        let n = Vec3::new(-right, down, 1.0).normalize() * 0.5 + 0.5;
        base.extend([
            byte(t.color.x),
            byte(t.color.y),
            byte(t.color.z),
            byte(t.alpha),
        ]);
        normal.extend([byte(n.x), byte(n.y), byte(n.z), 255]);
        roughness.extend([255, byte(t.roughness), 0, 255]);
    }
    Pictures {
        base: image(side, base),
        normal: image(side, normal),
        roughness: image(side, roughness),
    }
}

fn rgb(hex: u32) -> Vec3 {
    Vec3::new(
        (hex >> 16) as f32,
        (hex >> 8 & 255) as f32,
        (hex & 255) as f32,
    ) / 255.0
}

/// Lime plaster: blotches, hairline cracks.
pub(super) fn plaster(g: &Grain) -> Pictures {
    pictures(256, |uv| {
        let blotch = g.at(uv, 1, 0);
        let fine = g.at(uv, 3, 1);
        let crack = smoothstep(0.025, 0.0, (g.at(uv, 1, 3) - 0.5).abs())
            * smoothstep(0.5, 0.62, g.at(uv, 1, 5));
        let color =
            Vec3::splat(0.80 + 0.22 * (blotch - 0.5) + 0.10 * (fine - 0.5)) * (1.0 - 0.25 * crack);
        Texel::new(
            color.min(Vec3::ONE),
            5.0 * fine + 3.0 * blotch - 1.5 * crack,
            0.86,
        )
    })
}

/// Planks, four across, along V.
pub(super) fn planks(g: &Grain) -> Pictures {
    pictures(256, |uv| {
        let column = (uv.x * 5.0) as i32;
        let shift = lattice(column, 0, 7);
        let end = (uv.y + shift).fract();
        let edge = (uv.x * 5.0).fract();
        let gap = smoothstep(0.035, 0.075, edge.min(1.0 - edge))
            * smoothstep(0.004, 0.012, end.min(1.0 - end));
        let grain = g.stretched(uv, (6, 1), 11 + column as usize * 3);
        let tone = 0.78 + 0.26 * lattice(column, 1, 7) + 0.42 * (grain - 0.5);
        let worn = g.at(uv, 1, 9);
        let color = rgb(0x8c7458).lerp(rgb(0x8b867c), smoothstep(0.35, 0.65, worn)) * tone;
        Texel::new(
            color * mix(0.28, 1.0, gap),
            2.6 * gap + 2.2 * grain,
            mix(0.95, 0.72, gap),
        )
    })
}

/// Roof tiles, eight rows, rounded below.
pub(super) fn tiles(g: &Grain) -> Pictures {
    pictures(256, |uv| {
        let row = (uv.y * 8.0) as i32;
        let x = uv.x * 8.0 + if row % 2 == 0 { 0.0 } else { 0.5 };
        let column = (x as i32).rem_euclid(8);
        let (s, t) = (x.fract(), (uv.y * 8.0).fract());
        // The lower edge is an arc; below it the next row shows, deeper.
        let arc = 0.80 + 0.20 * (1.0 - (2.0 * s - 1.0).powi(2)).max(0.0).sqrt();
        let inside = smoothstep(arc + 0.01, arc - 0.06, t);
        let joint = smoothstep(0.0, 0.06, s.min(1.0 - s));
        let tone = 0.76 + 0.34 * lattice(column, row, 21) + 0.30 * (g.at(uv, 2, 2) - 0.5);
        let moss = smoothstep(0.60, 0.74, g.at(uv, 1, 13)) * 0.6;
        let color = Vec3::splat(0.80).lerp(Vec3::new(0.50, 0.60, 0.36), moss) * tone;
        let dark = mix(0.36, 1.0, inside)
            * mix(0.5, 1.0, joint)
            * (0.62 + 0.38 * smoothstep(0.0, 0.35, t));
        Texel::new(
            color * dark,
            inside * (2.0 + 5.0 * t) + 2.0 * joint + 1.2 * g.at(uv, 4, 3),
            0.7,
        )
    })
}

/// Squared stones in courses of uneven length.
pub(super) fn blocks(g: &Grain) -> Pictures {
    pictures(512, |uv| {
        let row = (uv.y * 8.0) as i32;
        let t = (uv.y * 8.0).fract();
        let count = 4 + (lattice(row, 3, 31) * 2.0) as i32;
        let x = (uv.x + 0.37 * lattice(row, 1, 31)).fract() * count as f32;
        let (column, s) = (x as i32, x.fract());
        let wobble = 0.05 * (g.at(uv, 2, 4) - 0.5);
        let edge = ((s.min(1.0 - s)) * 8.0 / count as f32).min(t.min(1.0 - t)) + wobble;
        let inside = smoothstep(0.03, 0.13, edge);
        let tone = 0.66 + 0.44 * lattice(column, row, 33);
        let grain = g.at(uv, 2, 6);
        let warm = lattice(column, row, 35);
        let stone = rgb(0x908e8a).lerp(rgb(0x9a8e7c), warm) * (tone + 0.5 * (grain - 0.5));
        let color = stone.lerp(rgb(0x5a564e) * (0.7 + 0.5 * grain), 1.0 - inside);
        Texel::new(color, 7.0 * inside + 5.0 * grain + 2.0 * warm, 0.85)
    })
}

/// Rounded stones set without order.
pub(super) fn cobbles(g: &Grain) -> Pictures {
    const CELLS: i32 = 11;
    pictures(512, |uv| {
        let p = uv * CELLS as f32;
        let base = (p.x.floor() as i32, p.y.floor() as i32);
        let (mut first, mut second, mut id) = (9.0_f32, 9.0_f32, 0.0);
        for dy in -1..=1 {
            for dx in -1..=1 {
                let (cx, cy) = (base.0 + dx, base.1 + dy);
                let (wx, wy) = (cx.rem_euclid(CELLS), cy.rem_euclid(CELLS));
                let at = Vec2::new(
                    cx as f32 + 0.5 + 0.62 * (lattice(wx, wy, 41) - 0.5),
                    cy as f32 + 0.5 + 0.62 * (lattice(wx, wy, 43) - 0.5),
                );
                let d = at.distance_squared(p);
                if d < first {
                    (second, first, id) = (first, d, lattice(wx, wy, 45));
                } else if d < second {
                    second = d;
                }
            }
        }
        let edge = second.sqrt() - first.sqrt();
        let dome = smoothstep(0.02, 0.42, edge);
        let grain = g.at(uv, 2, 8);
        let stone = rgb(0x868078).lerp(rgb(0x948674), id) * (0.68 + 0.4 * id + 0.4 * (grain - 0.5));
        let color = stone.lerp(rgb(0x423d34), 1.0 - smoothstep(0.0, 0.14, edge));
        Texel::new(color, 9.0 * dome + 2.0 * grain, mix(0.85, 0.50, dome))
    })
}

/// Layered, cracked rock.
pub(super) fn rock(g: &Grain) -> Pictures {
    pictures(512, |uv| {
        let warp = Vec2::new(g.at(uv, 1, 1), g.at(uv, 1, 2)) * 0.12;
        let q = (uv + warp).fract();
        let bed = g.stretched(q, (1, 3), 5);
        let fine = g.at(uv, 3, 7);
        let crack = smoothstep(0.0, 0.035, (g.at(q, 1, 10) - 0.5).abs())
            .min(smoothstep(0.0, 0.03, (g.at(q, 2, 14) - 0.48).abs()) * 0.5 + 0.5);
        let lichen = smoothstep(0.60, 0.70, g.at(uv, 2, 17)) * 0.5;
        let stone = rgb(0x626264).lerp(rgb(0x989490), bed) * (0.84 + 0.6 * (fine - 0.5));
        let color = stone.lerp(rgb(0x8f9078), lichen) * mix(0.45, 1.0, crack);
        Texel::new(color, 16.0 * bed + 7.0 * fine + 5.0 * crack, 0.82)
    })
}

/// Short grass from above; alpha breaks its edge up.
pub(super) fn grass(g: &Grain) -> Pictures {
    pictures(512, |uv| {
        let clump = g.at(uv, 1, 3);
        let blade = g.stretched(uv, (5, 3), 6);
        let flower = smoothstep(0.76, 0.80, g.at(uv, 4, 19)) * 0.3;
        let tone = 0.6 + 0.55 * clump + 0.75 * (blade - 0.5);
        let color = rgb(0x55602c).lerp(rgb(0x827c46), smoothstep(0.42, 0.7, g.at(uv, 1, 9))) * tone;
        let color = color.lerp(rgb(0xa89c70), flower);
        let mut t = Texel::new(color, 9.0 * clump + 6.0 * blade, 0.92);
        t.alpha = (0.30 + 0.9 * clump + 0.9 * (blade - 0.5)).clamp(0.25, 1.0);
        t
    })
}

/// Sand with pebbles; alpha breaks its edge up.
pub(super) fn sand(g: &Grain) -> Pictures {
    pictures(256, |uv| {
        let ripple = g.stretched(uv, (1, 3), 2);
        let fine = g.at(uv, 4, 4);
        let pebble = smoothstep(0.62, 0.70, g.at(uv, 3, 12));
        let color = rgb(0xa89678) * (0.8 + 0.3 * ripple + 0.3 * (fine - 0.5));
        let color = color.lerp(rgb(0x777066) * (0.7 + 0.6 * fine), pebble);
        let mut t = Texel::new(color, 4.0 * ripple + 1.5 * fine + 2.0 * pebble, 0.8);
        t.alpha = (0.35 + 0.9 * ripple + 0.4 * (fine - 0.5)).clamp(0.25, 1.0);
        t
    })
}

/// Furrowed bark along V.
pub(super) fn bark(g: &Grain) -> Pictures {
    pictures(256, |uv| {
        let furrow = g.stretched(uv, (5, 1), 3);
        let fine = g.stretched(uv, (8, 3), 8);
        let ridge = 1.0 - (2.0 * furrow - 1.0).abs();
        let color = rgb(0x3c3026).lerp(rgb(0x847462), 1.0 - ridge) * (0.7 + 0.6 * fine);
        Texel::new(color, -12.0 * ridge + 4.0 * fine, 0.92)
    })
}

/// Weave for nets, sails and cloth.
pub(super) fn cloth(g: &Grain) -> Pictures {
    pictures(128, |uv| {
        let weave = ((uv.x * 200.0).sin() * (uv.y * 200.0).sin()).abs();
        let fold = g.stretched(uv, (2, 1), 4);
        Texel::new(
            Vec3::splat(0.66 + 0.3 * fold + 0.08 * weave),
            10.0 * fold,
            0.9,
        )
    })
}

/// A twig of broad leaves. Does not tile.
pub(super) fn leaves(_g: &Grain) -> Pictures {
    card(256, 46, |k| {
        let angle = lattice(k, 0, 51) * std::f32::consts::TAU;
        let reach = 0.36 * lattice(k, 1, 51).sqrt();
        let center = Vec2::new(0.5 + reach * angle.cos(), 0.5 + reach * angle.sin());
        let turn = angle + 1.6 * (lattice(k, 2, 51) - 0.5);
        Blade {
            center,
            turn,
            half: Vec2::new(0.085, 0.042),
            color: rgb(0x4c5c26).lerp(rgb(0x868a3a), lattice(k, 3, 51)),
        }
    })
}

/// A bough of needles that hangs to both sides. Does not tile.
pub(super) fn needles(_g: &Grain) -> Pictures {
    card(256, 230, |k| {
        let along = lattice(k, 0, 61);
        let side = if k % 2 == 0 { 1.0 } else { -1.0 };
        // The bough points up the picture, and narrows.
        let reach = (0.06 + 0.34 * (1.0 - along)) * lattice(k, 1, 61);
        let center = Vec2::new(0.5 + side * reach, 0.94 - 0.86 * along + 0.35 * reach);
        Blade {
            center,
            turn: std::f32::consts::FRAC_PI_2 - side * (0.75 + 0.5 * lattice(k, 2, 61)),
            half: Vec2::new(0.085, 0.010),
            color: rgb(0x263a26).lerp(rgb(0x556840), lattice(k, 3, 61)),
        }
    })
}

/// Blades of grass that rise from the lower edge. Does not tile.
pub(super) fn tuft(_g: &Grain) -> Pictures {
    card(128, 40, |k| {
        let x = 0.5 + 0.55 * (lattice(k, 0, 71) - 0.5);
        let lean = (x - 0.5) * 1.3 + 0.5 * (lattice(k, 1, 71) - 0.5);
        let length = 0.22 + 0.24 * lattice(k, 2, 71);
        Blade {
            center: Vec2::new(x + lean * length, 1.0 - length),
            turn: std::f32::consts::FRAC_PI_2 - lean,
            half: Vec2::new(length, 0.014),
            color: rgb(0x566030).lerp(rgb(0x9a9058), lattice(k, 3, 71)),
        }
    })
}

struct Blade {
    center: Vec2,
    turn: f32,
    half: Vec2,
    color: Vec3,
}

/// Blades over nothing; the colour reaches beyond their edges, so that no dark rim shows.
fn card(side: usize, count: i32, blade: impl Fn(i32) -> Blade) -> Pictures {
    let mut texels = vec![Texel::new(Vec3::ZERO, 0.0, 0.8); side * side];
    let mut mean = Vec3::ZERO;
    for t in &mut texels {
        t.alpha = 0.0;
    }
    for k in 0..count {
        let b = blade(k);
        mean += b.color / count as f32;
        let (sin, cos) = b.turn.sin_cos();
        let reach = b.half.x.max(b.half.y) + 0.01;
        let from = |c: f32| ((c - reach).max(0.0) * side as f32) as usize;
        let to = |c: f32| (((c + reach).max(0.0) * side as f32) as usize).min(side);
        for y in from(b.center.y)..to(b.center.y) {
            for x in from(b.center.x)..to(b.center.x) {
                let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5) / side as f32 - b.center;
                let q = Vec2::new(cos * p.x - sin * p.y, sin * p.x + cos * p.y) / b.half;
                // A lens: pointed at both ends.
                let inside = 1.0 - q.x * q.x - q.y.abs();
                if inside > 0.0 {
                    let t = &mut texels[y * side + x];
                    t.color = b.color
                        * (0.72 + 0.4 * smoothstep(0.0, 0.4, q.y.abs()))
                        * (0.85 + 0.2 * q.x);
                    t.alpha = 1.0;
                    t.height = 3.0 * inside;
                }
            }
        }
    }
    for t in &mut texels {
        if t.alpha == 0.0 {
            t.color = mean;
        }
    }
    pictures(side, |uv| {
        texels[(uv.y * side as f32) as usize * side + (uv.x * side as f32) as usize]
    })
}

/// Normals of small waves: waves that fit the tile, of many lengths and ways.
pub(super) fn water() -> Pictures {
    let waves: Vec<(Vec2, f32, f32)> = (0..34)
        .map(|k| {
            let length = 1.0 + 15.0 * lattice(k, 0, 81);
            let angle = 2.3 * (lattice(k, 1, 81) - 0.5) - 0.6;
            let cycles = (Vec2::new(angle.cos(), angle.sin()) * length).round();
            let amplitude = 2.6 / (1.0 + cycles.length());
            (
                cycles * std::f32::consts::TAU,
                amplitude,
                lattice(k, 2, 81) * 6.3,
            )
        })
        .filter(|(cycles, ..)| *cycles != Vec2::ZERO)
        .collect();
    pictures(256, |uv| {
        let height = waves
            .iter()
            .map(|(k, amplitude, phase)| {
                let at = k.dot(uv) + phase;
                // Crests sharper than troughs.
                amplitude * (at.sin() - 0.3 * (2.0 * at).cos())
            })
            .sum();
        Texel::new(Vec3::ONE, height, 0.1)
    })
}

/// Foam: a torn net of bubbles in alpha.
pub(super) fn foam(g: &Grain) -> Pictures {
    pictures(512, |uv| {
        let warp = Vec2::new(g.at(uv, 1, 21), g.at(uv, 1, 22)) * 0.16;
        let q = (uv + warp).fract();
        let net = 1.0 - smoothstep(0.0, 0.14, (g.at(q, 1, 23) - 0.5).abs());
        let thin = 1.0 - smoothstep(0.0, 0.09, (g.at(q, 2, 25) - 0.5).abs());
        let bubble = g.at(uv, 4, 27);
        let mut t = Texel::new(
            Vec3::splat(0.86 + 0.12 * bubble),
            4.0 * net + 3.0 * bubble,
            0.7,
        );
        t.alpha = (0.22 + 0.85 * net + 0.6 * thin + 0.6 * (bubble - 0.4)).clamp(0.0, 1.0);
        t
    })
}

/// A window with light behind it: warm, uneven, a curtain at each side. Base colour and emission in one.
pub(super) fn glow(g: &Grain) -> Pictures {
    pictures(128, |uv| {
        let curtain =
            smoothstep(0.32, 0.24, uv.x.min(1.0 - uv.x)) * (0.75 + 0.25 * (uv.x * 90.0).sin());
        let lamp = (-(uv - Vec2::new(0.56, 0.42)).length_squared() * 5.0).exp();
        let light = 0.42 + 0.62 * lamp - 0.26 * curtain + 0.25 * (g.at(uv, 1, 2) - 0.5);
        Texel::new(rgb(0xffc070).lerp(rgb(0xffe0a8), lamp) * light, 0.0, 0.2)
    })
}

/// A beam of light along V: bright in the middle, fading out.
pub(super) fn beam() -> Pictures {
    pictures(64, |uv| {
        let across = 1.0 - (2.0 * uv.x - 1.0).abs();
        let mut t = Texel::new(Vec3::ONE, 0.0, 1.0);
        t.alpha = smoothstep(0.0, 1.0, across).powi(2);
        t
    })
}
