#version 460
// Morph targets and joints of one mesh, for some instances: positions, normals and tangents of a pose, and where vertices were.
// The same as `Mesh::posed` on the CPU, but for rounding.
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 64) in;

const uint NONE = 0xffffffffu;
const uint DEFORM = 1u; // there is a new pose
const uint KEEP = 2u;   // what was the pose is now that of the frame before
const uint RESET = 4u;  // nothing has moved

// Words of the vertex arena, unless it says otherwise.
struct Job {
    uint positions;
    uint normals;
    uint tangents;
    uint influences;    // of each set and vertex: joints (2 words), weights (4)
    uint sets;
    uint targets;       // three words a target: where its deltas are, from here; NONE where it has none
    uint out_positions;
    uint out_previous;
    uint out_normals;
    uint out_tangents;
    uint vertices;
    uint joints;        // word of the poses: twelve numbers a joint, three rows
    uint joint_count;
    uint weights;       // word of the poses: a target and its weight, for those that are not 0
    uint weight_count;
    uint flags;
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Jobs { Job at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Poses { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Arena { uint at[]; };

layout(push_constant, scalar) uniform Push {
    Arena arena;
    Jobs jobs;
    Poses poses;
    uint first;
};

vec3 load(uint word) {
    return uintBitsToFloat(uvec3(arena.at[word], arena.at[word + 1u], arena.at[word + 2u]));
}

void store(uint word, vec3 v) {
    uvec3 bits = floatBitsToUint(v);
    arena.at[word] = bits.x;
    arena.at[word + 1u] = bits.y;
    arena.at[word + 2u] = bits.z;
}

vec3 unpack_direction(uint word) {
    vec2 e = unpackSnorm2x16(word);
    vec3 v = vec3(e, 1.0 - abs(e.x) - abs(e.y));
    float t = max(-v.z, 0.0);
    v.xy += mix(vec2(t), vec2(-t), greaterThanEqual(v.xy, vec2(0.0)));
    return normalize(v);
}

uint pack_direction(vec3 v) {
    float sum = abs(v.x) + abs(v.y) + abs(v.z);
    vec2 e = v.xy / sum;
    if (v.z < 0.0) {
        vec2 side = mix(vec2(-1.0), vec2(1.0), greaterThanEqual(e, vec2(0.0)));
        e = (1.0 - abs(e.yx)) * side;
    }
    return packSnorm2x16(e);
}

vec3 unit(vec3 v, vec3 otherwise) {
    // Scaled first: squares of what is small or large are not numbers of this size.
    float largest = max(max(abs(v.x), abs(v.y)), abs(v.z));
    if (!(largest > 0.0) || isinf(largest)) {
        return otherwise;
    }
    return normalize(v / largest);
}

void deform(Job job, uint v) {
    vec3 position = load(job.positions + 3u * v);
    bool has_normal = job.normals != NONE;
    bool has_tangent = job.tangents != NONE;
    vec3 normal = has_normal ? unpack_direction(arena.at[job.normals + v]) : vec3(0.0);
    uint side = has_tangent ? arena.at[job.tangents + v] & 1u : 0u;
    vec3 tangent = has_tangent ? unpack_direction(arena.at[job.tangents + v] & ~1u) : vec3(0.0);

    for (uint i = 0u; i < job.weight_count; ++i) {
        uint target = job.targets + 3u * poses.at[job.weights + 2u * i];
        float weight = uintBitsToFloat(poses.at[job.weights + 2u * i + 1u]);
        uint deltas = arena.at[target];
        if (deltas != NONE) {
            position += weight * load(job.targets + deltas + 3u * v);
        }
        deltas = arena.at[target + 1u];
        if (has_normal && deltas != NONE) {
            normal += weight * load(job.targets + deltas + 3u * v);
        }
        deltas = arena.at[target + 2u];
        if (has_tangent && deltas != NONE) {
            tangent += weight * load(job.targets + deltas + 3u * v);
        }
    }

    vec4 rows[3] = vec4[3](vec4(0.0), vec4(0.0), vec4(0.0));
    bool moved = false;
    if (job.joint_count > 0u) {
        for (uint set = 0u; set < job.sets; ++set) {
            uint at = job.influences + 6u * (set * job.vertices + v);
            uvec2 packed = uvec2(arena.at[at], arena.at[at + 1u]);
            uint joints[4] = uint[4](packed.x & 0xffffu, packed.x >> 16, packed.y & 0xffffu, packed.y >> 16);
            for (uint i = 0u; i < 4u; ++i) {
                float weight = uintBitsToFloat(arena.at[at + 2u + i]);
                if (weight != 0.0 && joints[i] < job.joint_count) {
                    uint matrix = job.joints + 12u * joints[i];
                    for (uint row = 0u; row < 3u; ++row) {
                        uint word = matrix + 4u * row;
                        rows[row] += weight * uintBitsToFloat(uvec4(poses.at[word], poses.at[word + 1u],
                                                                    poses.at[word + 2u], poses.at[word + 3u]));
                    }
                    moved = true;
                }
            }
        }
    }
    if (moved) {
        vec4 p = vec4(position, 1.0);
        position = vec3(dot(rows[0], p), dot(rows[1], p), dot(rows[2], p));
        vec3 x = vec3(rows[0].x, rows[1].x, rows[2].x);
        vec3 y = vec3(rows[0].y, rows[1].y, rows[2].y);
        vec3 z = vec3(rows[0].z, rows[1].z, rows[2].z);
        vec3 yz = cross(y, z);
        bool mirrors = dot(x, yz) < 0.0;
        normal = (normal.x * yz + normal.y * cross(z, x) + normal.z * cross(x, y)) * (mirrors ? -1.0 : 1.0);
        tangent = tangent.x * x + tangent.y * y + tangent.z * z;
        if (mirrors) {
            side ^= 1u;
        }
    }

    store(job.out_positions + 3u * v, position);
    if ((job.flags & RESET) != 0u) {
        store(job.out_previous + 3u * v, position);
    }
    if (has_normal) {
        arena.at[job.out_normals + v] = pack_direction(unit(normal, vec3(0.0, 1.0, 0.0)));
    }
    if (has_tangent) {
        uint word = pack_direction(unit(tangent, vec3(1.0, 0.0, 0.0)));
        arena.at[job.out_tangents + v] = word & ~1u | side;
    }
}

void main() {
    Job job = jobs.at[first + gl_WorkGroupID.y];
    uint step = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint v = gl_GlobalInvocationID.x; v < job.vertices; v += step) {
        if ((job.flags & KEEP) != 0u) {
            store(job.out_previous + 3u * v, load(job.out_positions + 3u * v));
        }
        if ((job.flags & DEFORM) != 0u) {
            deform(job, v);
        }
    }
}
