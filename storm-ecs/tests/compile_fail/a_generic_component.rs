use storm_ecs::Component;

#[derive(Component)]
struct A<T>(T);

fn main() {}
