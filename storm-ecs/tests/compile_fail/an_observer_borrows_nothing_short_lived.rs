use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    let mut seen = 0;
    world.observe_insert::<A>(|_, _| seen += 1);
    println!("{seen}");
}
