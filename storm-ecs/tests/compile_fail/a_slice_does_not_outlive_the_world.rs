use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let slice = {
        let mut world = World::new();
        world.spawn(A(1));
        world.tables::<&A>().next().unwrap().column::<A>().unwrap()
    };
    println!("{}", slice.len());
}
