use storm_ecs::{Component, World};

#[derive(Component)]
struct A(u32);

fn main() {
    let mut queue = storm_ecs::CommandQueue::new();
    let mut commands = {
        let world = World::new();
        queue.commands(&world)
    };
    commands.spawn(A(1));
}
