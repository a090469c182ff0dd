//! The components of all subjects.
#![allow(dead_code, reason = "not every subject reads every field")]

macro_rules! components {
    ($($(#[$meta:meta])* $name:ident($($field:ty),*);)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable, storm_ecs::Component)]
        #[repr(C)]
        #[cfg_attr(feature = "bevy_ecs", derive(bevy_ecs::component::Component))]
        #[cfg_attr(feature = "shipyard", derive(shipyard::Component))]
        #[cfg_attr(feature = "flecs_ecs", derive(flecs_ecs::prelude::Component))]
        pub(crate) struct $name($(pub(crate) $field),*);
    )*};
}

components! {
    Matrix([[f32; 4]; 4]);
    Position([f32; 3]);
    Rotation([f32; 3]);
    Velocity([f32; 3]);
    X(f32);
    Y(f32);
    A(f32);
    B(f32);
    Big0([[f32; 16]; 2]);
    Big1([[f32; 16]; 2]);
    Big2([[f32; 16]; 2]);
    Big3([[f32; 16]; 2]);
    Data(f32);
    Rare(f32);
    T0();
    T1();
    T2();
    T3();
    T4();
    T5();
    T6();
    T7();
    T8();
    T9();
    F0(f32); F1(f32); F2(f32); F3(f32); F4(f32); F5(f32); F6(f32); F7(f32); F8(f32); F9(f32); F10(f32); F11(f32); F12(f32);
    F13(f32); F14(f32); F15(f32); F16(f32); F17(f32); F18(f32); F19(f32); F20(f32); F21(f32); F22(f32); F23(f32); F24(f32); F25(f32);
}

/// Calls a macro with the 26 components of the fragmented iteration.
macro_rules! fragments {
    ($do:ident) => {
        $do!(F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 F25)
    };
}

/// Calls a macro with ten tags and their bits: all combinations make 1024 archetypes.
macro_rules! tags {
    ($do:ident) => {
        $do!(T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 T8 8 T9 9)
    };
}

pub(crate) use {fragments, tags};

pub(crate) const MATRIX: Matrix = Matrix([[1.0; 4]; 4]);
pub(crate) const POSITION: Position = Position([1.0, 0.0, 0.0]);
pub(crate) const ROTATION: Rotation = Rotation([1.0, 0.0, 0.0]);
pub(crate) const VELOCITY: Velocity = Velocity([1.0, 0.0, 0.0]);
