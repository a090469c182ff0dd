// Four levels of the hierarchical depth buffer at once: 16 × 16 of what a group reads become 8 × 8, 4 × 4, 2 × 2 and 1.
// Needs common.glsl and cull.glsl, and `float source(uvec2 at)`, which is 1 (the nearest) outside.

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push {
    Floats hiz;
    uvec2 extent; // pixels
    uint level;   // that is read; 0 is the depth buffer itself
    uint levels;  // that there are
};

float source(uvec2 at);

shared float tile[8][8];

void store(uint level_out, uvec2 at, float depth) {
    uvec2 size = hiz_size(extent, level_out);
    if (level_out <= levels && all(lessThan(at, size))) {
        hiz.at[hiz_start(extent, level_out) + at.y * size.x + at.x] = depth;
    }
}

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    uvec2 l = gl_LocalInvocationID.xy;
    float depth = min(min(source(2u * at), source(2u * at + uvec2(1u, 0u))),
                      min(source(2u * at + uvec2(0u, 1u)), source(2u * at + 1u)));
    store(level + 1u, at, depth);
    tile[l.y][l.x] = depth;
    barrier();
    for (uint k = 1u; k < 4u; ++k) {
        uint side = 8u >> k;
        bool mine = all(lessThan(l, uvec2(side)));
        if (mine) {
            uvec2 c = 2u * l;
            depth = min(min(tile[c.y][c.x], tile[c.y][c.x + 1u]), min(tile[c.y + 1u][c.x], tile[c.y + 1u][c.x + 1u]));
            store(level + 1u + k, gl_WorkGroupID.xy * side + l, depth);
        }
        barrier();
        if (mine) {
            tile[l.y][l.x] = depth;
        }
        barrier();
    }
}
