use storm_ecs::{Bundle, Component};

#[derive(Component)]
struct A(u32);

#[derive(Bundle)]
enum Either {
    One(A),
}

fn main() {}
