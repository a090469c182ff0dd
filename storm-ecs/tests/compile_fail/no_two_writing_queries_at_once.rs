use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    let first = world.query_mut::<&mut A>();
    let second = world.query_mut::<&mut A>();
    first.for_each(|a| a.0 += 1);
    second.for_each(|a| a.0 += 1);
}
