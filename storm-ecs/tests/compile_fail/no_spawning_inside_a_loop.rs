use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    world.spawn(A(1));
    for a in world.query::<&A>() {
        world.spawn(A(a.0));
    }
}
