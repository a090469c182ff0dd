use storm_ecs::Component;

#[derive(Component)]
#[component(storage = "heap")]
struct A(u32);

fn main() {}
