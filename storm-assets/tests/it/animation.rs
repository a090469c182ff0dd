//! What plays when, and what comes of several clips at once.

use std::sync::Arc;

use glam::Quat;
use storm_assets::{
    Clip, Interpolation, PointerObject, PointerTrack, Track, TrackValues,
    animation::{
        Blend, Layer, Mask, MaterialField, Player, PointerTarget, Pose, Property, Reference,
        Repeat, Rig,
    },
    gltf::{self, LoadOptions},
};

use super::{corpus, memory::peak};

fn track(node: u32, times: &[f32], values: TrackValues) -> Track {
    Track {
        node,
        interpolation: Interpolation::Linear,
        times: times.to_vec(),
        values,
    }
}

/// Moves a node along X from 0 to `to` within four seconds.
fn slide(node: u32, to: f32) -> Track {
    let values = TrackValues::Translation(vec![[0.0; 3], [to, 0.0, 0.0]]);
    track(node, &[0.0, 4.0], values)
}

/// Holds a rotation about Z.
fn hold(node: u32, degrees: f32) -> Track {
    let turn = Quat::from_rotation_z(degrees.to_radians()).to_array();
    track(node, &[0.0], TrackValues::Rotation(vec![turn]))
}

fn clip(tracks: Vec<Track>) -> Arc<Clip> {
    Arc::new(Clip {
        tracks,
        ..Clip::default()
    })
}

/// At rest translations are 100, scales 2, rotations none, weights 0.5.
fn rig(clips: Vec<Arc<Clip>>) -> Rig {
    Rig::new(clips, &mut |property| {
        Some(match property {
            Property::Translation(_) => vec![100.0, 0.0, 0.0],
            Property::Rotation(_) => vec![0.0, 0.0, 0.0, 1.0],
            Property::Scale(_) => vec![2.0; 3],
            Property::Weights(_) => vec![0.5; 2],
            Property::Pointer(PointerTarget::Material(_, MaterialField::Roughness)) => vec![0.25],
            Property::Pointer(PointerTarget::NodeVisible(_)) => vec![1.0],
            _ => return None,
        })
    })
}

fn posed(rig: &Rig, player: &mut Player) -> Pose {
    let mut pose = Pose::new(rig);
    player.evaluate(rig, &mut pose);
    pose
}

fn x(rig: &Rig, player: &mut Player, node: u32) -> f32 {
    posed(rig, player)
        .get(rig, Property::Translation(node))
        .unwrap()[0]
}

fn degrees(rig: &Rig, player: &mut Player, node: u32) -> f32 {
    let pose = posed(rig, player);
    let q = pose.get(rig, Property::Rotation(node)).unwrap();
    2.0 * q[2].atan2(q[3]).to_degrees()
}

#[test]
fn time_runs_as_speed_and_repeat_say() {
    let rig = rig(vec![clip(vec![slide(0, 4.0)])]);
    for (repeat, speed, seconds, expected, finished) in [
        (Repeat::Loop, 1.0, 1.0, 1.0, false),
        (Repeat::Loop, 1.0, 5.0, 1.0, false),
        (Repeat::Loop, 2.0, 5.0, 2.0, false),
        (Repeat::Loop, -1.0, 1.0, 3.0, false),
        (Repeat::Loop, -0.5, 9.0, 3.5, false),
        (Repeat::Loop, 1.0, 4.0e6 + 1.0, 1.0, false),
        (Repeat::Once, 1.0, 3.0, 3.0, false),
        (Repeat::Once, 1.0, 9.0, 4.0, true),
        (Repeat::Once, -1.0, 9.0, 0.0, true),
        (Repeat::PingPong, 1.0, 3.0, 3.0, false),
        (Repeat::PingPong, 1.0, 5.0, 3.0, false),
        (Repeat::PingPong, 1.0, 7.5, 0.5, false),
        (Repeat::PingPong, 1.0, 9.0, 1.0, false),
        (Repeat::PingPong, -1.0, 1.0, 1.0, false),
        (Repeat::Loop, f32::INFINITY, 1.0, 0.0, false),
        (Repeat::Loop, f32::NAN, 1.0, 0.0, false),
    ] {
        let mut player = Player::new();
        let play = player.play(0, 0);
        (play.repeat, play.speed) = (repeat, speed);
        player.advance(&rig, seconds);
        let name = format!("{repeat:?} at {speed} for {seconds} s");
        assert!((x(&rig, &mut player, 0) - expected).abs() < 1e-4, "{name}");
        assert_eq!(player.plays()[0].is_finished(&rig), finished, "{name}");
    }
    // All of a player at once, and not at all.
    let mut player = Player::new();
    player.play(0, 0);
    player.speed = 0.5;
    player.advance(&rig, 1.0);
    player.is_paused = true;
    player.advance(&rig, 1.0);
    player.is_paused = false;
    player.advance(&rig, f64::NAN);
    assert_eq!(x(&rig, &mut player, 0), 0.5);
    player.get_mut(0, 0).unwrap().seek(&rig, 7.0);
    assert_eq!(x(&rig, &mut player, 0), 3.0);
    player.stop(0, 0);
    assert_eq!(x(&rig, &mut player, 0), 100.0, "at rest");
    player.play(0, 7);
    player.play(5, 0);
    assert_eq!(
        x(&rig, &mut player, 0),
        100.0,
        "no such clip, no such layer"
    );
}

#[test]
fn clips_are_blended_by_their_weights() {
    let clips = vec![
        clip(vec![slide(0, 4.0), hold(1, 0.0)]),
        clip(vec![slide(0, 8.0), hold(1, 90.0)]),
        clip(vec![hold(1, -90.0), slide(2, 4.0)]),
    ];
    let rig = rig(clips);
    // Weights of the three, and what comes of them at 4 s, less an instant.
    for (weights, expected_x, expected_degrees) in [
        ([1.0, 0.0, 0.0], 4.0, 0.0),
        ([1.0, 1.0, 0.0], 6.0, 45.0),
        ([0.25, 0.75, 0.0], 7.0, 69.0),
        // Where the sum is below 1, rest is seen through.
        ([0.5, 0.0, 0.0], 52.0, 0.0),
        ([0.25, 0.25, 0.0], 53.0, 22.0),
        ([0.0, 1.0, 1.0], 8.0, 0.0),
        ([3.0, 1.0, 0.0], 5.0, 21.0),
        ([0.0, 0.0, 1.0], 100.0, -90.0),
        ([-1.0, f32::NAN, 1.0], 100.0, -90.0),
    ] {
        let mut player = Player::new();
        for (clip, weight) in weights.into_iter().enumerate() {
            let play = player.play(0, clip);
            (play.weight, play.repeat) = (weight, Repeat::Once);
        }
        player.advance(&rig, 4.0);
        let found = (x(&rig, &mut player, 0), degrees(&rig, &mut player, 1));
        assert!(
            (found.0 - expected_x).abs() < 1e-3,
            "{weights:?}: {found:?}"
        );
        assert!(
            (found.1 - expected_degrees).abs() < 3.0,
            "{weights:?}: {found:?}"
        );
    }
}

/// The same pose to the last bit, whatever was started first, and whatever played before.
#[test]
fn order_and_history_do_not_matter() {
    let clips: Vec<_> = (0..5)
        .map(|i| {
            clip(vec![
                slide(0, 1.7 + i as f32 * 0.3),
                hold(1, 37.0 * i as f32),
                slide(2, 0.1),
            ])
        })
        .collect();
    let rig = rig(clips);
    let start = |order: &[usize]| {
        let mut player = Player::new();
        player.layers.push(Layer {
            weight: 0.3,
            ..Layer::default()
        });
        for &clip in order {
            let play = player.play(clip % 2, clip);
            play.weight = 0.2 + clip as f32 * 0.17;
            play.seek(&rig, clip as f64 * 0.73);
        }
        player
    };
    let expected = posed(&rig, &mut start(&[0, 1, 2, 3, 4]));
    for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 4, 0, 2, 1]] {
        let mut player = start(&order);
        assert!(posed(&rig, &mut player) == expected, "{order:?}");
        player.advance(&rig, 2.3);
        player.stop(0, 2);
        posed(&rig, &mut player);
        for &clip in &order {
            let play = player.play(clip % 2, clip);
            play.weight = 0.2 + clip as f32 * 0.17;
            play.seek(&rig, clip as f64 * 0.73);
        }
        assert!(
            posed(&rig, &mut player) == expected,
            "{order:?}, after others"
        );
    }
}

#[test]
fn layers_take_the_place_of_what_is_below_or_add_to_it() {
    let grow = |to: f32| track(3, &[0.0, 4.0], TrackValues::Scale(vec![[2.0; 3], [to; 3]]));
    let morph = TrackValues::Weights {
        targets: 2,
        values: vec![0.5, 0.5, 0.5, 1.5],
    };
    let clips = vec![
        clip(vec![slide(0, 4.0), slide(1, 4.0), hold(2, 30.0), grow(2.0)]),
        clip(vec![
            slide(0, 8.0),
            slide(1, 8.0),
            hold(2, 80.0),
            grow(4.0),
            track(3, &[0.0, 4.0], morph),
        ]),
    ];
    let rig = rig(clips);
    let mut player = Player::new();
    player.layers.push(Layer::default());
    for layer in 0..2 {
        player.play(layer, layer).seek(&rig, 2.0);
    }
    // Both are half way: 2 below, 4 above.
    let mut with = |layer: Layer| {
        player.layers[1] = layer;
        let pose = posed(&rig, &mut player);
        let get = |property| pose.get(&rig, property).unwrap();
        let turned = get(Property::Rotation(2));
        (
            get(Property::Translation(0))[0],
            get(Property::Translation(1))[0],
            2.0 * turned[2].atan2(turned[3]).to_degrees(),
            get(Property::Scale(3))[0],
            get(Property::Weights(3))[1],
        )
    };
    let half = Some(Arc::new(Mask {
        nodes: vec![1.0, 0.5, 0.0],
        others: 0.0,
    }));
    let first = Some(Arc::new(Mask::of([0, 3])));
    let at_start = Blend::Additive(Reference::Time(0.0));
    let (rest, above) = (Blend::Additive(Reference::Rest), Blend::Override);
    for (name, layer, expected) in [
        ("override", Layer::default(), (4.0, 4.0, 80.0, 3.0, 1.0)),
        (
            "by half",
            Layer {
                weight: 0.5,
                ..Layer::default()
            },
            (3.0, 3.0, 55.0, 2.5, 0.75),
        ),
        (
            "not at all",
            Layer {
                weight: 0.0,
                ..Layer::default()
            },
            (2.0, 2.0, 30.0, 2.0, 0.5),
        ),
        (
            "masked",
            Layer {
                mask: half,
                ..Layer::default()
            },
            (4.0, 3.0, 30.0, 2.0, 0.5),
        ),
        (
            "some nodes",
            Layer {
                mask: first,
                blend: above,
                weight: 1.0,
            },
            (4.0, 2.0, 30.0, 3.0, 1.0),
        ),
        // The difference from the start of the clip: 4 − 0, 80° − 80°, 3 / 2, 1 − 0.5.
        (
            "from the start",
            Layer {
                blend: at_start,
                ..Layer::default()
            },
            (6.0, 6.0, 30.0, 3.0, 1.0),
        ),
        (
            "and by half",
            Layer {
                blend: at_start,
                weight: 0.5,
                mask: None,
            },
            (4.0, 4.0, 30.0, 2.5, 0.75),
        ),
        // The difference from rest: 4 − 100, 80°, 3 / 2.
        (
            "from rest",
            Layer {
                blend: rest,
                ..Layer::default()
            },
            (-94.0, -94.0, 110.0, 3.0, 1.0),
        ),
    ] {
        let found = with(layer);
        let near = |a: f32, b: f32| (a - b).abs() < 1e-2 * (1.0 + b.abs());
        let same = near(found.0, expected.0)
            && near(found.1, expected.1)
            && near(found.2, expected.2)
            && near(found.3, expected.3)
            && near(found.4, expected.4);
        assert!(same, "{name}: {found:?} for {expected:?}");
    }
}

#[test]
fn a_cross_fade_goes_from_one_to_the_other_and_stops_the_first() {
    let rig = rig(vec![clip(vec![slide(0, 0.0)]), clip(vec![slide(0, 40.0)])]);
    let mut player = Player::new();
    player.play(0, 0);
    player.cross_fade(0, 1, 2.0).repeat = Repeat::Once;
    player.get_mut(0, 1).unwrap().speed = 0.0;
    player.get_mut(0, 1).unwrap().seek(&rig, 4.0);
    let mut places = Vec::new();
    for _ in 0..5 {
        places.push(x(&rig, &mut player, 0));
        player.advance(&rig, 0.5);
    }
    let expected = [0.0, 10.0, 20.0, 30.0, 40.0];
    for (found, expected) in places.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{places:?}");
    }
    assert_eq!(player.plays().len(), 1, "the first has stopped");
    // At once, back again while it fades, and to what plays already.
    player.cross_fade(0, 0, 0.0);
    assert_eq!((player.plays().len(), player.plays()[0].clip()), (1, 0));
    player.cross_fade(0, 1, 1.0);
    player.advance(&rig, 0.5);
    player.cross_fade(0, 0, 1.0);
    player.advance(&rig, 1.0);
    assert_eq!(
        (
            player.plays().len(),
            player.plays()[0].clip(),
            player.plays()[0].weight
        ),
        (1, 0, 1.0)
    );
}

#[test]
fn what_cannot_be_played_is_left_out_and_named() {
    let pointer = |pointer: &str, object, width: usize, keys: &[f32]| PointerTrack {
        pointer: pointer.to_owned(),
        object,
        interpolation: Interpolation::Step,
        times: keys.to_vec(),
        width,
        values: vec![7.0; width * keys.len()],
    };
    let mut tracks = vec![slide(0, 4.0)];
    tracks.push(track(1, &[1.0, 1.0], TrackValues::Scale(vec![[1.0; 3]; 2])));
    tracks.push(track(
        2,
        &[1.0],
        TrackValues::Weights {
            targets: 3,
            values: vec![0.0; 3],
        },
    ));
    let clip = Clip {
        tracks,
        pointers: vec![
            pointer(
                "/materials/0/pbrMetallicRoughness/roughnessFactor",
                PointerObject::Material(0),
                1,
                &[0.0],
            ),
            pointer(
                "/materials/0/pbrMetallicRoughness/metallicFactor",
                PointerObject::Material(0),
                1,
                &[0.0],
            ),
            pointer(
                "/materials/0/extensions/KHR_new/shine",
                PointerObject::Material(0),
                1,
                &[0.0],
            ),
            pointer(
                "/nodes/4/extensions/KHR_node_visibility/visible",
                PointerObject::Node(4),
                1,
                &[0.0],
            ),
        ],
        ..Clip::default()
    };
    let rig = rig(vec![Arc::new(clip)]);
    assert_eq!(
        rig.ignored(),
        [
            "/materials/0/extensions/KHR_new/shine",
            "/materials/0/pbrMetallicRoughness/metallicFactor",
            "a track of node 1",
            "a track of node 2",
        ]
    );
    assert_eq!(rig.channels().len(), 3);
    let mut player = Player::new();
    player.play(0, 0);
    let pose = posed(&rig, &mut player);
    let roughness = PointerTarget::Material(0, MaterialField::Roughness);
    assert_eq!(
        pose.get(&rig, Property::Pointer(roughness)),
        Some(&[7.0][..])
    );
    let visible = Property::Pointer(PointerTarget::NodeVisible(4));
    assert_eq!(
        pose.get(&rig, visible),
        Some(&[1.0][..]),
        "whatever is not 0"
    );
}

#[test]
fn playing_allocates_nothing_once_it_has_played() {
    let clips = (0..4).map(|i| {
        clip(
            (0..30)
                .flat_map(|node| [slide(node, i as f32), hold(node, 9.0)])
                .collect(),
        )
    });
    let rig = rig(clips.collect());
    let mut player = Player::new();
    let masked = Layer {
        mask: Some(Arc::new(Mask::of(0..9))),
        ..Layer::default()
    };
    let added = Layer {
        blend: Blend::Additive(Reference::Time(0.5)),
        ..Layer::default()
    };
    player.layers.extend([masked, added]);
    for (layer, clip) in [(0, 0), (0, 1), (1, 2), (2, 3)] {
        player.play(layer, clip).weight = 0.6;
    }
    let mut pose = Pose::new(&rig);
    player.evaluate(&rig, &mut pose);
    let (bytes, ()) = peak(|| {
        for _ in 0..100 {
            player.advance(&rig, 0.13);
            player.evaluate(&rig, &mut pose);
        }
    });
    assert_eq!(bytes, 0);
}

/// Values that another program worked out from the files, in f64. Some files hold quaternions of three digits, which are normalised here and not there.
#[test]
fn models_play_as_their_files_say() {
    let Some(assets) = corpus::assets("models_play_as_their_files_say") else {
        return;
    };
    use Property::{Rotation as R, Scale as S, Translation as T, Weights as W};
    let triangle = "AnimatedTriangle/glTF/AnimatedTriangle.gltf";
    let cube = "BoxAnimated/glTF-Binary/BoxAnimated.glb";
    let morph = "SimpleMorph/glTF/SimpleMorph.gltf";
    let all = "InterpolationTest/glTF-Binary/InterpolationTest.glb";
    let fox = "Fox/glTF-Binary/Fox.glb";
    let cases: &[(&str, usize, f64, Property, &[f32])] = &[
        (triangle, 0, 0.3, R(0), &[0.0, 0.0, 0.808946, 0.587705]),
        (triangle, 0, 0.6, R(0), &[0.0, 0.0, 0.951038, -0.308981]),
        (cube, 0, 1.5, R(2), &[-0.309017, 0.0, 0.0, -0.951057]),
        (cube, 0, 1.0, T(0), &[0.0, 2.016, 0.0]),
        (morph, 0, 1.5, W(0), &[0.5, 1.0]),
        (morph, 0, 3.25, W(0), &[0.75, 0.0]),
        (all, 0, 0.6, S(0), &[0.5, 0.5, 0.5]),
        (all, 1, 0.6, S(3), &[0.7, 0.7, 0.7]),
        (all, 2, 0.6, S(4), &[0.676, 0.676, 0.676]),
        (all, 3, 0.6, R(5), &[0.0, 0.0, -0.382683, 0.92388]),
        (all, 4, 0.6, R(6), &[0.0, 0.0, -0.497348, 0.867551]),
        (all, 5, 0.6, R(7), &[0.0, 0.0, -0.522499, 0.85264]),
        (all, 6, 0.6, T(8), &[0.0, 10.0, 0.0]),
        (all, 7, 0.6, T(9), &[3.30518, 8.358272, 0.0]),
        (all, 8, 0.6, T(10), &[-3.297581, 8.24, 0.0]),
        (
            fox,
            1,
            0.31,
            R(14),
            &[0.012963, 0.008812, 0.553303, 0.832832],
        ),
        (fox, 2, 0.5, R(5), &[0.0, 0.0, -0.57888, 0.815413]),
    ];
    for (model, clip, seconds, property, expected) in cases {
        let path = assets.join("gltf-sample-assets/Models").join(model);
        let rig = gltf::load(&path, &LoadOptions::default()).unwrap().rig();
        assert!(rig.ignored().is_empty(), "{model}: {:?}", rig.ignored());
        let mut player = Player::new();
        player.play(0, *clip).seek(&rig, *seconds);
        let pose = posed(&rig, &mut player);
        let found = pose.get(&rig, *property).unwrap();
        let near = found
            .iter()
            .zip(*expected)
            .all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(
            near,
            "{model}, clip {clip} at {seconds} s: {found:?} for {expected:?}"
        );
    }
}
