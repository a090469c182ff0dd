// Choosing clusters: what is too coarse for a view, what is out of view or hidden, and how what is left is queued.
// `storm_assets::clusters::CutView::exceeds` says the same as `too_coarse`, operation by operation. Needs cluster_frame.glsl.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require

layout(push_constant, scalar) uniform Push {
    Globals globals;
    ClusterFrame frame;
    uint stage;      // level of the hierarchy
    uint second;     // 1 in the second phase
    uint first_view; // of instances
};

// Takes a place in a queue or list whose groups take `per` places each; NONE where it is full. All invocations that are active take
// from the same one.
uint take(uint which, uint per, uint room) {
    uvec4 ballot = subgroupBallot(true);
    uint first = 0u;
    if (subgroupElect()) {
        uint n = subgroupBallotBitCount(ballot);
        first = atomicAdd(frame.work.at[which].count, n);
        uint a = min(first, room), b = min(first + n, room);
        uint from = (a + per - 1u) / per, to = (b + per - 1u) / per;
        if (to > from) {
            atomicAdd(frame.work.at[which].groups.x, min(to, ROW) - min(from, ROW));
            uint rows = (to + ROW - 1u) / ROW - (from + ROW - 1u) / ROW;
            if (rows > 0u) {
                atomicAdd(frame.work.at[which].groups.y, rows);
            }
            frame.work.at[which].groups.z = 1u;
        }
        if (b > a) {
            atomicAdd(frame.work.at[which].instances, b - a);
            frame.work.at[which].vertices = 384u;
        }
    }
    uint index = subgroupBroadcastFirst(first) + subgroupBallotExclusiveBitCount(ballot);
    return index < room ? index : NONE;
}

// Says that something of an instance found no room: it is drawn as coarsely as it gets, too, so that there is no hole.
void left_out(uint number, uint slot) {
    if (number == 0u) {
        frame.incomplete.at[slot] = 1u;
        uint groups = (frame.instance_count + 63u) / 64u;
        frame.work.at[INCOMPLETE].groups = uvec3(min(groups, ROW), (groups + ROW - 1u) / ROW, 1u);
    }
}

// Says that a view has use for a page.
void ask(ClusterMesh mesh, uint page, float times) {
    uint urgency = uint(clamp(log2(max(times, 1.0)) * 64.0, 0.0, float((1u << ASKED_URGENCY) - 1u)));
    uint word = frame.frame << ASKED_URGENCY | urgency;
    WordsOut asked = WordsOut(mesh.asked);
    if (asked.at[page] < word && atomicMax(asked.at[page], word) >> ASKED_URGENCY != frame.frame) {
        uint index = take(ASKED, 64u, frame.asked_room);
        if (index != NONE) {
            frame.asked.at[index] = AskedPage(mesh.number, page, 0u, 0u);
        } else {
            // Nobody reads it this time.
            atomicExchange(asked.at[page], 0u);
        }
    }
}

// How many of a queue there are.
uint queued(uint which, uint room) {
    return min(frame.work.at[which].count, room);
}

struct Placed {
    InstanceTransform transform;
    vec3 origin; // of its cell, from the camera
    float scale; // the largest of the lengths of its columns
};

Placed place(uint slot) {
    Placed p;
    p.transform = globals.transforms.at[slot];
    precise vec3 origin = vec3(p.transform.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    p.origin = origin;
    precise float largest = 0.0;
    for (int i = 0; i < 3; ++i) {
        vec3 c = vec3(p.transform.rows[0][i], p.transform.rows[1][i], p.transform.rows[2][i]);
        precise float square = c.x * c.x + c.y * c.y + c.z * c.z;
        largest = max(largest, square);
    }
    p.scale = sqrt(largest);
    return p;
}

vec3 put(Placed p, vec3 v) {
    precise vec3 at;
    for (int i = 0; i < 3; ++i) {
        vec4 row = p.transform.rows[i];
        at[i] = row.x * v.x + row.y * v.y + row.z * v.z + (row.w + p.origin[i]);
    }
    return at;
}

// How many times the allowed error one in a sphere is at least, about.
float times_allowed(ClusterView view, Placed p, vec4 sphere, float error) {
    float seen = p.scale * error * view.scale / max(view.threshold, 1e-6);
    float away = length(put(p, sphere.xyz) - view.eye) - p.scale * sphere.w;
    return seen / (view.near <= 0.0 ? 1.0 : max(away, view.near));
}

// Whether what is off by `error` metres somewhere in a sphere is off by more than is allowed. `slack` makes it so a little earlier.
bool too_coarse(ClusterView view, Placed p, vec4 sphere, float error, float slack) {
    precise float seen = p.scale * error * view.scale * slack;
    if (view.near <= 0.0) {
        return seen > view.threshold;
    }
    precise vec3 d = put(p, sphere.xyz) - view.eye;
    precise float distance = sqrt(d.x * d.x + d.y * d.y + d.z * d.z) - p.scale * sphere.w;
    return seen > view.threshold * max(distance, view.near);
}

bool outside(ClusterView view, vec3 at, float radius) {
    if ((frame.flags & CLUSTERS_FRUSTUM) == 0u) {
        return false;
    }
    // Rounding is on the side of drawing. Comparisons with what is no number fail, and keep it.
    float margin = radius + 1e-5 * (abs(at.x) + abs(at.y) + abs(at.z) + radius);
    for (uint i = 0u; i < 6u; ++i) {
        if (dot(view.planes[i].xyz, at) + view.planes[i].w < -margin) {
            return true;
        }
    }
    return false;
}

// How far below the camera's nearest plane a sphere begins: its least w.
float nearest_w(ClusterView view, vec3 at, float radius) {
    mat4 m = view.clip_from_relative;
    vec3 w = vec3(m[0].w, m[1].w, m[2].w);
    return dot(w, at) + m[3].w - radius * length(w);
}

// Whether a sphere lies behind what the hierarchical depth buffer has, seen from a view.
bool behind(ClusterView view, vec3 at, float radius) {
    mat4 m = view.clip_from_relative;
    vec3 rx = vec3(m[0].x, m[1].x, m[2].x), ry = vec3(m[0].y, m[1].y, m[2].y);
    vec3 rz = vec3(m[0].z, m[1].z, m[2].z), rw = vec3(m[0].w, m[1].w, m[2].w);
    float x = dot(rx, at) + m[3].x, y = dot(ry, at) + m[3].y, z = dot(rz, at) + m[3].z, w = dot(rw, at) + m[3].w;
    float r = radius * 1.0001 + 1e-6 * (abs(at.x) + abs(at.y) + abs(at.z));
    float rr = r * r;
    float w_least = w - r * length(rw);
    float z_most = z + r * length(rz);
    // What reaches the near plane has no rectangle on the screen.
    if (!(w_least > 1e-6) || !(z_most < w_least)) {
        return false;
    }
    // x / w at the planes through the eye that touch the sphere.
    float a = w * w - rr * dot(rw, rw);
    vec2 b = vec2(x * w - rr * dot(rx, rw), y * w - rr * dot(ry, rw));
    vec2 c = vec2(x * x - rr * dot(rx, rx), y * y - rr * dot(ry, ry));
    vec2 root = sqrt(max(b * b - a * c, 0.0));
    vec2 low = ((b - root) / a * 0.5 + 0.5) * view.extent;
    vec2 high = ((b + root) / a * 0.5 + 0.5) * view.extent;
    if (!all(greaterThanEqual(high, low))) {
        return false;
    }
    uvec2 extent = uvec2(view.extent);
    vec2 last = view.extent - 1.0;
    // Out of the picture there is nothing to go by.
    if (any(greaterThan(low, view.extent)) || any(lessThan(high, vec2(0.0)))) {
        return false;
    }
    uvec2 p = uvec2(clamp(floor(low - 1.0), vec2(0.0), last));
    uvec2 q = uvec2(clamp(floor(high + 1.0), vec2(0.0), last));
    uint level = 1u;
    while (any(greaterThan((q >> level) - (p >> level), uvec2(3u)))) {
        ++level;
    }
    uvec2 size = hiz_size(extent, level);
    uint start = hiz_start(extent, level);
    p >>= level;
    q >>= level;
    float farthest = 1.0;
    for (uint v = p.y; v <= q.y; ++v) {
        for (uint u = p.x; u <= q.x; ++u) {
            farthest = min(farthest, frame.hiz.at[start + v * size.x + u]);
        }
    }
    return z_most / w_least * 1.0001 + 1e-9 < farthest;
}

// Whether the camera does not see a sphere for what is in front of it: as the frame before left it, or this frame's first phase.
bool hidden(uint number, vec3 at, float radius) {
    if (number != 0u || (frame.flags & CLUSTERS_OCCLUSION) == 0u) {
        return false;
    }
    if (second == 0u) {
        return (frame.flags & CLUSTERS_BEFORE) != 0u && behind(frame.views.at[frame.view_count], at, radius);
    }
    return behind(frame.views.at[0], at, radius);
}

// Whether all triangles of a cluster are seen from behind.
bool turned_away(ClusterView view, Placed p, Cluster c) {
    int cutoff = bitfieldExtract(int(c.cone), 24, 8);
    if (cutoff == 127) {
        return false;
    }
    vec3 axis = vec3(bitfieldExtract(int(c.cone), 0, 8), bitfieldExtract(int(c.cone), 8, 8), bitfieldExtract(int(c.cone), 16, 8)) / 127.0;
    vec4 r0 = p.transform.rows[0], r1 = p.transform.rows[1], r2 = p.transform.rows[2];
    mat3 inverted = inverse(transpose(mat3(r0.xyz, r1.xyz, r2.xyz)));
    vec3 towards;
    float reach = c.sphere.w;
    if (view.near <= 0.0) {
        towards = -(inverted * view.eye);
        reach = 0.0;
    } else {
        towards = c.sphere.xyz - inverted * (view.eye - p.origin - vec3(r0.w, r1.w, r2.w));
    }
    // A hundredth more, for rounding.
    float far = length(towards);
    return dot(towards, axis) >= float(cutoff) / 127.0 * far + reach + 0.01 * far;
}

// Queues a cluster that the camera sees for drawing.
void draw(VisibleCluster seen, ClusterView view, Placed p, Cluster c, vec3 at, float radius) {
    float w = nearest_w(view, at, radius);
    float edge = p.scale * c.longest * view.scale;
    if (view.near > 0.0) {
        // Away from the middle of the picture an edge that goes towards the eye is longer by the slant of the ray to it.
        w = max(w, 1e-6);
        edge *= max(length(at - view.eye) + radius, w) / (w * w);
    }
    bool small = edge < frame.split && (view.near <= 0.0 || w > view.near * 1.01);
    if ((frame.flags & CLUSTERS_CUT) != 0u) {
        for (uint i = 0u; i < 4u; ++i) {
            small = small && dot(view.planes[i].xyz, at) + view.planes[i].w > radius * 1.001;
        }
    }
    if (small) {
        seen.cluster |= VISIBLE_SMALL;
    }
    uint index = take(VISIBLE, 1u, frame.cluster_room);
    if (index == NONE) {
        left_out(0u, seen.slot);
        return;
    }
    frame.visible.at[index] = seen;
    atomicAdd(frame.work.at[TRIANGLES].count, cluster_triangle_count(c));
    // Lists are as long as `visible`: there is room.
    uint phase = second * 2u;
    if (small) {
        uint at_list = take(SMALL_FIRST + phase, 1u, frame.cluster_room);
        frame.lists.at[(1u + phase) * frame.cluster_room + at_list] = index;
    } else {
        uint at_list = take(LARGE_FIRST + phase, 1u, frame.cluster_room);
        frame.lists.at[phase * frame.cluster_room + at_list] = index;
    }
}
