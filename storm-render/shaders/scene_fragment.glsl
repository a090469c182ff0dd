// Metallic-roughness shading (glTF 2.0, appendix B) under the sun, punctual lights and the sky.
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "sky.glsl"
#include "lighting.glsl"
#include "shadows.glsl"

// What the pipeline does, bit by bit: `src/frame/pipelines.rs` sets it.
layout(constant_id = 0) const uint FEATURES = 0u;
// Alpha is blended. Masked surfaces have their holes in the depth already.
const bool BLEND = (FEATURES & 1u) != 0u;
const bool SUN_SHADOWS = (FEATURES & 2u) != 0u;
const bool LIGHT_SHADOWS = (FEATURES & 4u) != 0u;
const bool CLUSTERED = (FEATURES & 8u) != 0u;
const bool OCCLUSION = (FEATURES & 16u) != 0u;
// What is shown instead of colours: 0 nothing, 1 normals, 2 cascades, 3 lights of clusters, 4 instances, 5 levels.
const uint DEBUG = FEATURES >> 8 & 255u;
// What a material needs beyond the metallic-roughness of glTF's core, bit by bit: `src/scene/layers.rs` sets it.
const uint LAYERS = FEATURES >> 16 & 255u;
const bool TRANSFORMS = (LAYERS & 1u) != 0u;
const bool SPECULAR = (LAYERS & 4u) != 0u;
const bool CLEARCOAT = (LAYERS & 8u) != 0u;
const bool SHEEN = (LAYERS & 16u) != 0u;
const bool ANISOTROPY = (LAYERS & 32u) != 0u;
const bool IRIDESCENCE = (LAYERS & 64u) != 0u;
const bool TRANSMISSION = (LAYERS & 128u) != 0u;
// Whether light is more than that of the core.
const bool LAYERED = (LAYERS & 0xfcu) != 0u;

#ifdef SURFACE
// Alpha alone: depth, shadow maps and motion of masked surfaces.
const bool MASK_ONLY = (FEATURES & 32u) != 0u;
const bool MOTION_ONLY = (FEATURES & 64u) != 0u;
const bool WEIGHTED_SUMS = (FEATURES & 128u) != 0u;
#endif

#ifdef COMPUTE
// A pixel of the visibility buffer is shaded: `cluster_shade.comp` says where it is, and what comes out of it.
vec3 in_relative;
vec3 in_normal;
vec4 in_tangent;
vec4 in_uv;
vec4 in_color;
uvec2 in_material_and_flags;
uint in_slot;
uint level;
vec2 pixel_at;
bool is_front;
// How much they differ in the pixel to the right and in the one below.
vec3 relative_right, relative_below;
vec4 uv_right, uv_below;
vec4 out_color;
#define EXPLICIT_GRADIENTS
#else
#define pixel_at gl_FragCoord.xy
#define is_front gl_FrontFacing
#define relative_right dFdx(in_relative)
#define relative_below dFdy(in_relative)

layout(push_constant, scalar) uniform Push {
    Globals globals;
    uint64_t visible;
    uint64_t views;
    uint view;
    uint level; // of the meshes that are drawn
#ifdef SURFACE
    SurfaceInfos surfaces;
#endif
};
#endif
layout(set = 1, binding = 2) uniform texture2D visibility_map;
// What is behind transmissive surfaces, each level blurred more.
layout(set = 1, binding = 3) uniform texture2D behind_map;

#ifndef COMPUTE
layout(location = 0) in vec3 in_relative;
layout(location = 1) in vec3 in_normal;
layout(location = 2) in vec4 in_tangent;
layout(location = 3) in vec4 in_uv;
layout(location = 4) in vec4 in_color;
layout(location = 5) flat in uvec2 in_material_and_flags;

#ifdef SURFACE
layout(location = 6) in vec3 in_now;
layout(location = 7) in vec3 in_before;
#endif
layout(location = 8) flat in uint in_slot;
#ifdef WIDE
layout(location = 9) in vec4 in_uv_2;
layout(location = 10) in vec4 in_uv_4;
layout(location = 11) in vec4 in_uv_6;
#define WIDE_UVS true
#endif

layout(location = 0) out vec4 out_color;
#if defined(WEIGHTED) || defined(SURFACE)
layout(location = 1) out float out_unseen;
#endif
#endif

#define WITH_TRANSFORMS TRANSFORMS
#include "texture.glsl"

// Trowbridge-Reitz normal distribution.
float distribution(float n_h, float a2) {
    float f = n_h * n_h * (a2 - 1.0) + 1.0;
    return a2 / max(PI * f * f, 1e-12);
}

// Height-correlated Smith masking over 4 (n·l)(n·v) (Heitz 2014).
float visibility(float n_l, float n_v, float a2) {
    float l = n_v * sqrt(n_l * n_l * (1.0 - a2) + a2);
    float v = n_l * sqrt(n_v * n_v * (1.0 - a2) + a2);
    return 0.5 / max(l + v, 1e-7);
}

// What a surface is beyond the core; each part counts only where the pipeline is made for it.
struct Layer {
    vec3 base;            // colour of what is not reflected at the surface, and of metal
    float metallic;
    vec3 dielectric_f0;
    float specular;       // strength of dielectric reflection
    vec3 tangent;         // along which reflections are stretched
    float alpha_along;    // squared roughness along it
    vec3 bitangent;
    float anisotropy;
    vec3 coat_normal;
    float coat;           // part that is covered
    vec3 sheen;
    float sheen_roughness;
    float coat_roughness;
    float sheen_kept;     // part of the light that sheen leaves to what is below, towards the eye
    float film;           // part that the film covers
    float film_ior;
    float film_thickness;
    float transmission;
    vec3 tint;            // what is left of white light that has passed
    float alpha_through;  // squared roughness of what passes
    float roughness;
};

struct Surface {
    vec3 normal;
    vec3 face;    // without a normal map, towards the eye
    vec3 view;
    float n_v;
    vec3 diffuse; // albedo of the dielectric part
    vec3 f0;
    float alpha;  // roughness squared
    Layer layer;
};

// The frame of UV coordinates on the screen, where there are no tangents (Mikkelsen 2010).
void screen_tangents(vec3 n, float side, TextureRef map, out vec3 t, out vec3 b) {
    vec3 px = relative_right, py = relative_below;
    vec2 ux, uy;
    uv_gradients(map, ux, uy);
    vec3 across_y = cross(py, n), across_x = cross(n, px);
    vec3 u = across_y * ux.x + across_x * uy.x;
    vec3 v = across_y * ux.y + across_x * uy.y;
    float scale = inversesqrt(max(max(dot(u, u), dot(v, v)), 1e-30));
    // The screen's Y points down, which turns both round; +Y of a normal map points up the picture, against V;
    // seen from behind, the screen is mirrored.
    t = -side * scale * u;
    b = side * scale * v;
}

// A normal of a map, on a face of normal `n`. `given` says whether the mesh's tangents are those of the map's UVs.
vec3 mapped_normal(vec3 n, float side, TextureRef map, float strength, bool given) {
    vec3 d = look_up(map, vec4(0.5, 0.5, 1.0, 1.0)).xyz * 2.0 - 1.0;
    d.xy *= strength;
    vec3 t, b;
    if (given) {
        t = in_tangent.xyz;
        b = cross(n, t) * in_tangent.w;
        if (TRANSFORMS && map.how >> 12 != 0u) {
            // Tangents follow the mesh's UVs; what the map is turned and mirrored by turns and mirrors its normals.
            UvTransform m = globals.uv_transforms.at[map.how >> 12];
            vec2 u = vec2(m.rows[0].x, m.rows[1].x), v = vec2(m.rows[0].y, m.rows[1].y);
            u *= inversesqrt(max(dot(u, u), 1e-30));
            v *= inversesqrt(max(dot(v, v), 1e-30));
            d.xy = vec2(u.x * d.x - u.y * d.y, v.y * d.y - v.x * d.x);
        }
    } else {
        screen_tangents(n, side, map, t, b);
    }
    vec3 world = d.x * t + d.y * b + d.z * n;
    return side * normalize(world);
}

// `given` says whether the mesh's tangents are those of the map's UVs.
vec3 shading_normal(TextureRef map, float strength, bool given) {
    vec3 n = normalize(in_normal);
    if (dot(in_normal, in_normal) < 1e-12) {
        n = normalize(cross(relative_right, relative_below));
        // Of the two sides, the one that is seen.
        return dot(n, in_relative) > 0.0 ? -n : n;
    }
    float side = is_front ? 1.0 : -1.0;
    if (map.image == NONE) {
        return side * n;
    }
    return mapped_normal(n, side, map, strength, given);
}

// The directions in which U grows and V falls on the surface, whichever side of it is seen.
void tangents(TextureRef map, out vec3 t, out vec3 b) {
    vec3 n = normalize(in_normal);
    if (in_tangent.w != 0.0) {
        t = in_tangent.xyz;
        b = cross(n, t) * in_tangent.w;
    } else {
        screen_tangents(n, is_front ? 1.0 : -1.0, map, t, b);
    }
}

#include "layers.glsl"

// Radiance towards the eye from light of unit irradiance at normal incidence.
vec3 reflectance(Surface s, vec3 light) {
    if (LAYERED) {
        return layered_reflectance(s, light);
    }
    float n_l = dot(s.normal, light);
    if (n_l <= 0.0) {
        return vec3(0.0);
    }
    vec3 h = normalize(light + s.view);
    float n_h = clamp(dot(s.normal, h), 0.0, 1.0);
    float v_h = clamp(dot(s.view, h), 0.0, 1.0);
    float a2 = s.alpha * s.alpha;
    vec3 fresnel = s.f0 + (1.0 - s.f0) * pow(1.0 - v_h, 5.0);
    vec3 specular = fresnel * distribution(n_h, a2) * visibility(n_l, s.n_v, a2);
    return n_l * ((1.0 - fresnel) * s.diffuse / PI + specular);
}

// Irradiance of the sky over π, from nine spherical harmonics (Ramamoorthi and Hanrahan 2001).
vec3 irradiance(vec3 n) {
    Harmonics h = globals.harmonics;
    vec3 e = h.at[0] + h.at[1] * n.y + h.at[2] * n.z + h.at[3] * n.x
        + h.at[4] * (n.x * n.y) + h.at[5] * (n.y * n.z) + h.at[6] * (3.0 * n.z * n.z - 1.0)
        + h.at[7] * (n.x * n.z) + h.at[8] * (n.x * n.x - n.y * n.y);
    return max(e, vec3(0.0));
}

// Light from the whole sky, with energy kept over several bounces (Fdez-Agüera 2019).
vec3 image_based_light(Surface s, float roughness) {
    vec2 table = texture(sampler2D(images[globals.brdf_table], samplers[globals.clamp_sampler]),
                         vec2(s.n_v, roughness)).xy;
    vec3 reflected = reflect(-s.view, s.normal);
    vec3 radiance = textureLod(samplerCube(cubes[globals.sky_cube], samplers[globals.clamp_sampler]), reflected,
                               roughness * float(globals.sky_levels - 1u)).rgb;
    vec3 diffuse_light = irradiance(s.normal);
    vec3 single = s.f0 * table.x + table.y;
    float e_ms = 1.0 - (table.x + table.y);
    vec3 f_average = s.f0 + (1.0 - s.f0) / 21.0;
    vec3 multiple = e_ms * single * f_average / (1.0 - f_average * e_ms);
    vec3 k_d = s.diffuse * (1.0 - single - multiple);
    return single * radiance + (multiple + k_d) * diffuse_light;
}

// Radiance towards the eye from one light.
vec3 light_from(Surface s, uint i) {
    PunctualLight light = globals.lights.at[i];
    vec3 at = vec3(light.cell - globals.camera_cell) * CELL_SIZE + light.translation - globals.camera_translation;
    vec3 to_light = at - in_relative;
    float d2 = dot(to_light, to_light);
    if (d2 >= light.range * light.range) {
        return vec3(0.0);
    }
    float inverse = inversesqrt(max(d2, 1e-8));
    vec3 l = to_light * inverse;
    // KHR_lights_punctual: inverse square, windowed by the range.
    float window = clamp(1.0 - pow(d2 / (light.range * light.range), 2.0), 0.0, 1.0);
    float spot = light.spot_scale == 0.0
        ? 1.0
        : clamp(dot(light.direction, -l) * light.spot_scale + light.spot_offset, 0.0, 1.0);
    float strength = window * spot * spot * inverse * inverse;
    if (strength <= 0.0) {
        return vec3(0.0);
    }
    if (LIGHT_SHADOWS && light.shadow != NONE && (LAYERED || dot(s.normal, l) > 0.0)) {
        Lighting lighting = Lighting(globals.lighting);
        strength *= light_lit(lighting, light.shadow, light.spot_scale == 0.0, in_relative, s.face, to_light);
    }
    return strength * light.color * reflectance(s, l);
}

vec3 punctual_light(Surface s) {
    vec3 sum = vec3(0.0);
    if (!CLUSTERED) {
        for (uint i = 0u; i < globals.light_count; ++i) {
            sum += light_from(s, i);
        }
        return sum;
    }
    Lighting lighting = Lighting(globals.lighting);
    uint start = cluster_of(lighting, pixel_at, dot(in_relative, lighting.forward)) * cluster_stride(lighting);
    for (uint group = 0u; group < lighting.summary_words; ++group) {
        uint words = lighting.clusters.at[start + group];
        while (words != 0u) {
            uint word = group * 32u + uint(findLSB(words));
            words &= words - 1u;
            uint bits = lighting.clusters.at[start + lighting.summary_words + word];
            while (bits != 0u) {
                sum += light_from(s, word * 32u + uint(findLSB(bits)));
                bits &= bits - 1u;
            }
        }
    }
    return sum;
}

// The surface itself, whatever is painted on it.
vec3 face_normal() {
    vec3 n = dot(in_normal, in_normal) < 1e-12 ? cross(relative_right, relative_below) : in_normal;
    n *= inversesqrt(max(dot(n, n), 1e-30));
    vec3 view = globals.eye.w == 0.0 ? globals.eye.xyz : -in_relative;
    return dot(n, view) < 0.0 ? -n : n;
}

// From blue over green to red.
vec3 heat(float t) {
    return clamp(vec3(2.0 * t - 0.6, 1.0 - abs(2.0 * t - 1.0), 1.0 - 2.0 * t), 0.0, 1.0);
}

uint lights_here() {
    if (!CLUSTERED) {
        return globals.light_count;
    }
    Lighting lighting = Lighting(globals.lighting);
    uint start = cluster_of(lighting, pixel_at, dot(in_relative, lighting.forward)) * cluster_stride(lighting);
    uint count = 0u;
    for (uint word = 0u; word < lighting.light_words; ++word) {
        count += bitCount(lighting.clusters.at[start + lighting.summary_words + word]);
    }
    return count;
}

vec3 debug_color(vec3 n) {
    float shade = 0.35 + 0.65 * clamp(abs(n.y) * 0.6 + abs(n.x) * 0.3 + 0.2, 0.0, 1.0);
    if (DEBUG == 1u) {
        return 0.5 * n + 0.5;
    }
    if (DEBUG == 2u) {
        const vec3 colors[5] = vec3[5](vec3(0.9, 0.25, 0.2), vec3(0.3, 0.8, 0.3), vec3(0.25, 0.4, 0.9),
                                       vec3(0.9, 0.8, 0.3), vec3(0.5));
        uint cascade = SUN_SHADOWS ? uint(cascade_of(Lighting(globals.lighting), in_relative).x) : 4u;
        bool none = SUN_SHADOWS && cascade >= Lighting(globals.lighting).cascades;
        return shade * colors[none ? 4u : cascade];
    }
    if (DEBUG == 3u) {
        uint count = lights_here();
        return count == 0u ? vec3(0.05) * shade : heat(min(float(count) / 32.0, 1.0));
    }
    if (DEBUG == 5u) {
        const vec3 levels[8] = vec3[8](vec3(0.9), vec3(0.9, 0.25, 0.2), vec3(0.9, 0.8, 0.3), vec3(0.3, 0.8, 0.3),
                                       vec3(0.3, 0.8, 0.8), vec3(0.25, 0.4, 0.9), vec3(0.7, 0.3, 0.8), vec3(0.4));
        return shade * levels[min(level, 7u)];
    }
    uint h = hash(in_slot);
    return shade * (0.2 + 0.8 * vec3(h & 255u, h >> 8 & 255u, h >> 16 & 255u) / 255.0);
}

#ifdef SURFACE
vec4 surface_texture(uint number, vec2 uv) {
    TextureRef t = surfaces.at[in_material_and_flags.x].textures[number];
    if (t.image == NONE) {
        return vec4(1.0);
    }
    return texture(sampler2D(images[nonuniformEXT(t.image)], samplers[nonuniformEXT(t.how & 0xffu)]), uv);
}

// What the material of glTF is here, and what the user's function makes of it.
SurfaceOutput surface_here(MaterialInfo m, vec4 base) {
    vec4 metallic_roughness = look_up(m.metallic_roughness_texture, vec4(1.0));
    SurfaceOutput o;
    o.base_color = base;
    o.normal = shading_normal(m.normal_texture, m.normal_scale, in_tangent.w != 0.0);
    o.metallic = m.metallic * metallic_roughness.b;
    o.roughness = m.roughness * metallic_roughness.g;
    o.emissive = m.emissive * look_up(m.emissive_texture, vec4(1.0)).rgb;
    o.occlusion = 1.0 + m.occlusion_strength * (look_up(m.occlusion_texture, vec4(1.0)).r - 1.0);
    SurfaceInput i;
    i.relative = in_relative;
    i.cell = globals.camera_cell;
    i.translation = globals.camera_translation + in_relative;
    i.normal = o.normal;
    i.view = globals.eye.w == 0.0 ? globals.eye.xyz : normalize(-in_relative);
    i.uv = in_uv.xy;
    i.uv1 = in_uv.zw;
    i.color = in_color;
    i.slot = in_slot;
    i.parameters = surfaces.at[in_material_and_flags.x].parameters;
    surface(i, o);
    float squared = dot(o.normal, o.normal);
    o.normal = squared > 0.0 ? o.normal * inversesqrt(squared) : i.normal;
    return o;
}
#endif

#ifdef COMPUTE
void shade() {
#else
void main() {
#endif
    MaterialInfo m = globals.materials.at[in_material_and_flags.x];
    vec4 base = m.base_color * in_color * look_up(m.base_color_texture, vec4(1.0));
#ifdef SURFACE
    SurfaceOutput here = surface_here(m, base);
    base = here.base_color;
    out_unseen = 0.0;
    if (MASK_ONLY || MOTION_ONLY) {
        if (base.a < m.alpha_cutoff) {
            discard;
        }
        vec2 moved = MOTION_ONLY ? 0.5 * (in_now.xy / in_now.z - in_before.xy / in_before.z) : vec2(0.0);
        out_color = vec4(moved, 0.0, 0.0);
        return;
    }
#endif
    float harmony = parameter(globals, in_material_and_flags.x, HARMONY);
    if (harmony < 1.0) {
        // Out of tune, things lose their colour.
        base.rgb = mix(vec3(dot(base.rgb, vec3(0.2126, 0.7152, 0.0722))), base.rgb, max(harmony, 0.0));
    }
#ifdef SURFACE
    vec3 color = here.emissive;
#else
    vec3 color = m.emissive * look_up(m.emissive_texture, vec4(1.0)).rgb;
#endif
    if ((in_material_and_flags.y & MESH_UNLIT) != 0u || (m.flags & MATERIAL_UNLIT) != 0u) {
        color += base.rgb;
    } else {
        Surface s;
#ifdef SURFACE
        float metallic = clamp(here.metallic, 0.0, 1.0);
        float roughness = clamp(here.roughness, 0.0, 1.0);
        s.normal = here.normal;
#else
        vec4 metallic_roughness = look_up(m.metallic_roughness_texture, vec4(1.0));
        float metallic = clamp(m.metallic * metallic_roughness.b, 0.0, 1.0);
        float roughness = clamp(m.roughness * metallic_roughness.g, 0.0, 1.0);
        s.normal = shading_normal(m.normal_texture, m.normal_scale, in_tangent.w != 0.0);
#endif
        s.face = SUN_SHADOWS || LIGHT_SHADOWS ? face_normal() : s.normal;
        s.view = globals.eye.w == 0.0 ? globals.eye.xyz : normalize(-in_relative);
        s.n_v = clamp(abs(dot(s.normal, s.view)), 1e-4, 1.0);
        s.diffuse = base.rgb * (1.0 - metallic);
        s.f0 = mix(vec3(0.04), base.rgb, metallic);
        // A perfect mirror would show the sun as a point of infinite brightness.
        s.alpha = max(roughness * roughness, 2e-3);
#ifdef SURFACE
        float occlusion = clamp(here.occlusion, 0.0, 1.0);
#else
        float occlusion = 1.0 + m.occlusion_strength * (look_up(m.occlusion_texture, vec4(1.0)).r - 1.0);
#endif
        // What is blended, or seen through, is in front of what the map knows.
        if (OCCLUSION && !BLEND && !TRANSMISSION) {
            occlusion = min(occlusion, texelFetch(visibility_map, ivec2(pixel_at), 0).r);
        }
        if (LAYERED) {
            s.layer = layer_here(m, globals.layers.at[m.layers], s, base.rgb, metallic, roughness);
            vec3 through = vec3(0.0);
            if (TRANSMISSION) {
                through = seen_through(s, globals.layers.at[m.layers], thickness_here(globals.layers.at[m.layers]));
            }
            color = emitted_through(s, color) + layered_sky(s, irradiance(s.normal), through, occlusion);
        } else {
            color += image_based_light(s, roughness) * occlusion;
        }
        float sun = 1.0;
        if (SUN_SHADOWS && (LAYERED || dot(s.normal, globals.sky.sun_direction) > 0.0)) {
            sun = sun_lit(Lighting(globals.lighting), in_relative, s.face, globals.sky.sun_direction);
        }
        color += sun * globals.sky.sun_color * reflectance(s, globals.sky.sun_direction);
        color += punctual_light(s);
    }
    if (globals.sky.kind == SKY_AIR) {
        vec3 kept, added;
        air_between(Atmosphere(globals.sky.atmosphere), in_relative, kept, added);
        color = color * kept + added;
    }
    if (globals.sky.fog_density > 0.0) {
        float distance = length(in_relative);
        vec3 along = in_relative / max(distance, 1e-6);
        float height = globals.camera_translation.y + float(globals.camera_cell.y) * CELL_SIZE + 0.5 * in_relative.y;
        float density = globals.sky.fog_density * exp(-max(height, 0.0) / globals.sky.fog_height);
        vec3 flat_along = normalize(vec3(along.x, max(along.y, 0.0), along.z));
        vec3 fog = globals.sky.kind == SKY_GRADIENT
            ? sky_air(globals.sky, flat_along)
            : textureLod(samplerCube(cubes[globals.sky_cube], samplers[globals.clamp_sampler]), flat_along,
                         float(globals.sky_levels - 2u)).rgb;
        color = mix(fog, color, exp(-density * distance));
    }
    if (DEBUG != 0u) {
#ifdef SURFACE
        color = debug_color(here.normal);
#else
        color = debug_color(shading_normal(m.normal_texture, m.normal_scale, in_tangent.w != 0.0));
#endif
    }
    float alpha = BLEND ? clamp(base.a, 0.0, 1.0) : 1.0;
    out_color = vec4(color * alpha, alpha);
#if defined(WEIGHTED) || defined(SURFACE)
#ifdef SURFACE
    if (!WEIGHTED_SUMS) {
        return;
    }
#endif
    // McGuire and Bavoil 2013, equation 7: near surfaces count for more.
    float z = length(in_relative);
    float weight = clamp(10.0 / (1e-5 + pow(z / 5.0, 2.0) + pow(z / 200.0, 6.0)), 1e-2, 3e3);
    out_color = vec4(min(color, vec3(1e4)) * alpha, alpha) * weight;
    out_unseen = alpha;
#endif
}
