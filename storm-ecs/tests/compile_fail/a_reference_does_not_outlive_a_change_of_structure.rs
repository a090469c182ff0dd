use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    let entity = world.spawn(A(1));
    let a = world.get::<A>(entity);
    world.spawn(A(2));
    drop(a);
}
