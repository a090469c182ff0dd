use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    world.observe_insert::<A>(|world, _| {
        world.spawn(A(2));
    });
}
