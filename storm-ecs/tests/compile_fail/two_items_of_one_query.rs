use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut world = World::new();
    let entity = world.spawn(A(1));
    let mut query = world.query_mut::<&mut A>();
    let first = query.get_mut(entity);
    let second = query.get_mut(entity);
    drop((first, second));
}
