use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let world = World::new();
    for a in world.query::<&mut A>() {
        a.0 += 1;
    }
}
