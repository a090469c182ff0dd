// Looking shadow maps up. Needs common.glsl and lighting.glsl, and maps at inputs 0 (the sun's) and 1 (other lights').

layout(set = 1, binding = 0) uniform texture2D sun_map;
layout(set = 1, binding = 1) uniform texture2D light_map;

// How much of a place is lit: 3 × 3 texels, weighted by where it lies between them. Depth is reversed: what is in front
// is greater. `low` and `high` bound the texels of its own map.
#define FILTERED(map)                                                                              \
    ivec2 low = ivec2(round((rect.zw - abs(rect.xy)) * vec2(textureSize(map, 0))));                \
    ivec2 high = low + ivec2(size) - 1;                                                            \
    vec2 p = uv * vec2(textureSize(map, 0)) - 0.5;                                                 \
    ivec2 base = ivec2(floor(p));                                                                  \
    vec2 f = p - vec2(base);                                                                       \
    vec4 wx = vec4(1.0 - f.x, 1.0, 1.0, f.x);                                                      \
    vec4 wy = vec4(1.0 - f.y, 1.0, 1.0, f.y);                                                      \
    float sum = 0.0;                                                                               \
    for (int y = 0; y < 4; ++y) {                                                                  \
        for (int x = 0; x < 4; ++x) {                                                              \
            ivec2 at = clamp(base + ivec2(x, y) - 1, low, high);                                   \
            float stored = texelFetch(map, at, 0).r;                                               \
            sum += wx[x] * wy[y] * (depth >= stored ? 1.0 : 0.0);                                  \
        }                                                                                          \
    }                                                                                              \
    return sum / 9.0;

float filtered_sun(vec4 rect, float size, vec2 uv, float depth) {
    FILTERED(sun_map)
}

float filtered_light(vec4 rect, float size, vec2 uv, float depth) {
    FILTERED(light_map)
}

// Moved off the surface, so that it does not shade itself: the more the flatter the light falls.
vec3 lifted(vec3 place, vec3 normal, vec3 light, float texel) {
    float cosine = clamp(dot(normal, light), 0.0, 1.0);
    float sine = sqrt(1.0 - cosine * cosine);
    return place + normal * (texel * (0.6 + 1.8 * sine)) + light * (texel * 0.6);
}

// Which cascade a place is looked up in, and how far into the band where the next one takes over: x the cascade, y 0 to 1.
vec2 cascade_of(Lighting lighting, vec3 place) {
    for (uint i = 0u; i < lighting.cascades; ++i) {
        ShadowView view = lighting.shadows.at[i];
        vec3 p = (view.clip_from_relative * vec4(place, 1.0)).xyz;
        float border = max(abs(p.x), abs(p.y));
        // The filter reaches two texels.
        float last = 1.0 - 5.0 / view.size;
        if (border < last && p.z > 0.0 && p.z < 1.0) {
            return vec2(float(i), smoothstep(0.85 * last, last, border));
        }
    }
    return vec2(float(lighting.cascades), 0.0);
}

float sun_lit_by(Lighting lighting, uint cascade, vec3 place, vec3 normal, vec3 light) {
    if (cascade >= lighting.cascades) {
        return 1.0;
    }
    ShadowView view = lighting.shadows.at[cascade];
    vec3 p = (view.clip_from_relative * vec4(lifted(place, normal, light, view.texel), 1.0)).xyz;
    return filtered_sun(view.rect, view.size, p.xy * view.rect.xy + view.rect.zw, p.z);
}

float sun_lit(Lighting lighting, vec3 place, vec3 normal, vec3 light) {
    vec2 found = cascade_of(lighting, place);
    uint cascade = uint(found.x);
    float lit = sun_lit_by(lighting, cascade, place, normal, light);
    if (found.y > 0.0) {
        lit = mix(lit, sun_lit_by(lighting, cascade + 1u, place, normal, light), found.y);
    }
    return lit;
}

// Of a point or spot light whose first view this is; `to_light` from the place, metres.
float light_lit(Lighting lighting, uint first, bool cube, vec3 place, vec3 normal, vec3 to_light) {
    uint index = first;
    if (cube) {
        vec3 d = -to_light;
        vec3 a = abs(d);
        uint axis = a.x >= a.y && a.x >= a.z ? 0u : a.y >= a.z ? 1u : 2u;
        index += 2u * axis + (d[axis] < 0.0 ? 1u : 0u);
    }
    ShadowView view = lighting.shadows.at[index];
    float distance = length(to_light);
    float texel = view.texel * distance / view.range;
    vec4 p = view.clip_from_relative * vec4(lifted(place, normal, to_light / distance, texel), 1.0);
    vec3 ndc = p.xyz / p.w;
    return filtered_light(view.rect, view.size, ndc.xy * view.rect.xy + view.rect.zw, ndc.z);
}
