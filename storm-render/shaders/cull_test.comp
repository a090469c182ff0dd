#version 460
// Which candidates are left for a list. Culls only what cannot change a sample of the picture.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"

layout(local_size_x = 256) in;

// What is asked.
const uint FRUSTUM = 0u; // in view; list 0
const uint FIRST = 1u;   // in view, solid, and seen in the frame before; list 0
const uint SECOND = 2u;  // not hidden by what was drawn first: solid ones not drawn yet (list 1), all (list 2)
const uint SHADOW = 3u;  // solid and in view of a light; list 3 + view
const uint LEVELS = 4u;  // all, where culling is off and meshes have levels; list 0

layout(push_constant, scalar) uniform Push {
    Globals globals;
    CullInfo info;
    uint mode;
    uint first_view;
};

shared uint left_bits[2][8];
shared uint left_count[2];
shared uint counters[4];

const uint OUTSIDE = 0u;
const uint SMALL = 1u;
const uint HIDDEN = 2u;
const uint LEFT = 3u;

bool hidden(CullView view, vec2 low, vec2 high, float nearest) {
    uvec2 extent = uvec2(view.extent);
    vec2 last = view.extent - 1.0;
    uvec2 a = uvec2(clamp(floor(low - 1.0), vec2(0.0), last));
    uvec2 b = uvec2(clamp(floor(high + 1.0), vec2(0.0), last));
    uint level = 1u;
    while (any(greaterThan((b >> level) - (a >> level), uvec2(3u)))) {
        ++level;
    }
    uvec2 size = hiz_size(extent, level);
    uint start = hiz_start(extent, level);
    a >>= level;
    b >>= level;
    float farthest = 1.0;
    for (uint y = a.y; y <= b.y; ++y) {
        for (uint x = a.x; x <= b.x; ++x) {
            farthest = min(farthest, info.hiz.at[start + y * size.x + x]);
        }
    }
    // Reversed: smaller is farther. Rounding is on the side of drawing.
    return nearest * 1.0001 + 1e-9 < farthest;
}

uint test(uint slot, CullView view, bool occlusion) {
    InstanceTransform t = globals.transforms.at[slot];
    MeshBox box = info.boxes.at[globals.metas.at[slot].mesh];
    vec3 middle = 0.5 * (box.low + box.high);
    vec3 reach = 0.5 * (box.high - box.low);
    vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    vec4 m = vec4(middle, 1.0);
    vec3 at = vec3(dot(t.rows[0], m), dot(t.rows[1], m), dot(t.rows[2], m)) + origin;
    vec4 c = view.clip_from_relative * vec4(at, 1.0);
    vec4 x = view.clip_from_relative * vec4(vec3(t.rows[0].x, t.rows[1].x, t.rows[2].x) * reach.x, 0.0);
    vec4 y = view.clip_from_relative * vec4(vec3(t.rows[0].y, t.rows[1].y, t.rows[2].y) * reach.y, 0.0);
    vec4 z = view.clip_from_relative * vec4(vec3(t.rows[0].z, t.rows[1].z, t.rows[2].z) * reach.z, 0.0);
    vec4 size = abs(c) + abs(x) + abs(y) + abs(z);
    float margin = 1e-5 * (size.x + size.y + size.z + size.w);

    // Corners beyond each plane. Comparisons with what is no number fail, and keep the instance.
    uint beyond[6] = uint[6](0u, 0u, 0u, 0u, 0u, 0u);
    bool in_front = true;
    vec2 low = vec2(1e30), high = vec2(-1e30);
    float nearest = 0.0;
    for (uint i = 0u; i < 8u; ++i) {
        vec4 p = c + ((i & 1u) == 0u ? x : -x) + ((i & 2u) == 0u ? y : -y) + ((i & 4u) == 0u ? z : -z);
        beyond[0] += uint(p.x < -p.w - margin);
        beyond[1] += uint(p.x > p.w + margin);
        beyond[2] += uint(p.y < -p.w - margin);
        beyond[3] += uint(p.y > p.w + margin);
        beyond[4] += uint(p.z > p.w + margin);
        beyond[5] += uint(p.z < -margin);
        // What reaches the near plane has no rectangle on the screen.
        in_front = in_front && p.w > 1e-6 && p.z < p.w;
        vec2 ndc = p.xy / p.w;
        low = min(low, ndc);
        high = max(high, ndc);
        nearest = max(nearest, p.z / p.w);
    }
    for (uint i = 0u; i < 6u; ++i) {
        if (beyond[i] == 8u) {
            return OUTSIDE;
        }
    }
    if (!in_front) {
        return LEFT;
    }
    low = (low * 0.5 + 0.5) * view.extent;
    high = (high * 0.5 + 0.5) * view.extent;
    bool thin = (box.flags & BOX_THIN) != 0u;
    if (!thin) {
        if (all(lessThan(high - low, vec2(view.small)))) {
            return SMALL;
        }
        if (view.sample_grid != 0u) {
            // Samples lie on lines; a box between two lines meets none. Corners are moved by up to 1/256 of a pixel.
            float grid = float(view.sample_grid);
            vec2 first = ceil((low - 0.01) * grid - 0.5);
            vec2 last = floor((high + 0.01) * grid - 0.5);
            if (any(lessThan(last, first))) {
                return SMALL;
            }
        }
    }
    if (occlusion && hidden(view, low, high, nearest)) {
        return HIDDEN;
    }
    return LEFT;
}

// Which level of its mesh a view sees. Only products, sums and comparisons, none of them contracted: `src/frame/level.rs`
// says the same to the last bit.
uint choose(uint slot, CullView view) {
    InstanceTransform t = globals.transforms.at[slot];
    MeshBox box = info.boxes.at[globals.metas.at[slot].mesh];
    uint levels = box.flags >> BOX_LEVELS_SHIFT;
    if (levels == 0u) {
        return 0u;
    }
    precise vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    precise vec3 middle = 0.5 * (box.low + box.high);
    precise vec3 reach = 0.5 * (box.high - box.low);
    precise vec3 at;
    for (int i = 0; i < 3; ++i) {
        at[i] = t.rows[i].x * middle.x + t.rows[i].y * middle.y + t.rows[i].z * middle.z + t.rows[i].w + origin[i];
    }
    mat4 m = view.clip_from_relative;
    precise float nearest = m[0].w * at.x + m[1].w * at.y + m[2].w * at.z + m[3].w;
    precise float largest = 0.0;
    for (int i = 0; i < 3; ++i) {
        vec3 column = vec3(t.rows[0][i], t.rows[1][i], t.rows[2][i]);
        precise float along = (m[0].w * column.x + m[1].w * column.y + m[2].w * column.z) * reach[i];
        nearest -= abs(along);
        precise float square = column.x * column.x + column.y * column.y + column.z * column.z;
        largest = max(largest, square);
    }
    precise float limit = nearest * nearest;
    uint level = 0u;
    for (uint i = 0u; i < levels; ++i) {
        precise float error = uintBitsToFloat(globals.vertices.at[box.errors + i]);
        precise float projected = error * error * largest * view.level_scale;
        if (nearest > 0.0 && projected <= limit) {
            level = i + 1u;
        }
    }
    return level;
}

void leave(uint which) {
    uint i = gl_LocalInvocationID.x;
    atomicOr(left_bits[which][i / 32u], 1u << (i % 32u));
    atomicAdd(left_count[which], 1u);
}

void main() {
    uint i = gl_LocalInvocationID.x;
    uint candidate = gl_GlobalInvocationID.x;
    if (i < 16u) {
        left_bits[i / 8u][i % 8u] = 0u;
    }
    if (i < 4u) {
        counters[i] = 0u;
    }
    if (i < 2u) {
        left_count[i] = 0u;
    }
    barrier();
    uint view = first_view + gl_WorkGroupID.y;
    bool solid = candidate < info.solid_count;
    bool asked = candidate < info.candidate_count && (solid || mode == FRUSTUM || mode == SECOND || mode == LEVELS);
    uint word = asked ? info.candidates.at[candidate] : 0u;
    uint slot = word & SLOT_MASK;
    // What is blended is sorted in its finest level alone.
    asked = asked && (!solid || choose(slot, info.views.at[view]) == word >> LEVEL_SHIFT);
    if (asked) {
        uint result = mode == LEVELS ? LEFT : test(slot, info.views.at[view], mode == SECOND);
        if (mode == FIRST) {
            if (result == LEFT && info.seen.at[slot] != 0u) {
                leave(0u);
            }
        } else if (mode == SECOND) {
            bool drawn = solid && info.seen.at[slot] != 0u;
            if (result == LEFT) {
                leave(1u);
                if (solid && !drawn) {
                    leave(0u);
                }
            }
            info.seen.at[slot] = uint(result == LEFT);
            atomicAdd(counters[result], 1u);
        } else {
            if (result == LEFT) {
                leave(0u);
            }
            atomicAdd(counters[result], 1u);
        }
    }
    barrier();
    uint list = mode == SECOND ? 1u : mode == SHADOW ? 3u + view - 1u : 0u;
    uint lists = mode == SECOND ? 2u : 1u;
    if (i < 8u * lists) {
        info.bits.at[bits_start(info, list + i / 8u) + gl_WorkGroupID.x * 8u + i % 8u] = left_bits[i / 8u][i % 8u];
    }
    if (i < lists) {
        info.sums.at[sums_start(info, list + i) + gl_WorkGroupID.x] = left_count[i];
    }
    if (i < 4u && counters[i] != 0u && mode != SHADOW) {
        atomicAdd(info.report.at[i], counters[i]);
    }
    if (i == 3u && counters[i] != 0u && mode == SHADOW) {
        atomicAdd(info.report.at[4], counters[i]);
    }
}
