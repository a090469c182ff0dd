// Looking a material's textures up with the UVs that each names. Needs common.glsl, `globals` and `in_uv`. Where
// `WITH_TRANSFORMS` is defined it says whether textures may have transforms of their own; else they may.
#ifndef WITH_TRANSFORMS
#define WITH_TRANSFORMS true
#endif

// One of the UVs that reach fragments.
vec2 uv_number(uint number) {
#ifdef WIDE_UVS
    if (WIDE_UVS && number > 1u) {
        vec4 pair = number < 4u ? in_uv_2 : number < 6u ? in_uv_4 : in_uv_6;
        return (number & 1u) == 0u ? pair.xy : pair.zw;
    }
#endif
    return number == 0u ? in_uv.xy : in_uv.zw;
}

vec2 uv_of(TextureRef t) {
    vec2 uv = uv_number(t.how >> 8 & 15u);
    if (WITH_TRANSFORMS && t.how >> 12 != 0u) {
        UvTransform m = globals.uv_transforms.at[t.how >> 12];
        uv = vec2(dot(m.rows[0], vec3(uv, 1.0)), dot(m.rows[1], vec3(uv, 1.0)));
    }
    return uv;
}

// How much they differ in the pixel to the right and in the one below.
void uv_gradients(TextureRef t, out vec2 right, out vec2 below) {
#ifdef EXPLICIT_GRADIENTS
    bool first = (t.how >> 8 & 15u) == 0u;
    right = first ? uv_right.xy : uv_right.zw;
    below = first ? uv_below.xy : uv_below.zw;
    if (WITH_TRANSFORMS && t.how >> 12 != 0u) {
        UvTransform m = globals.uv_transforms.at[t.how >> 12];
        right = vec2(dot(m.rows[0].xy, right), dot(m.rows[1].xy, right));
        below = vec2(dot(m.rows[0].xy, below), dot(m.rows[1].xy, below));
    }
#else
    vec2 uv = uv_of(t);
    right = dFdx(uv);
    below = dFdy(uv);
#endif
}

vec4 look_up(TextureRef t, vec4 otherwise) {
    // Derivatives are taken by the caller's quad, which shares a material only as far as one draw reaches: the
    // slot differs between quads, never within one.
    if (t.image == NONE) {
        return otherwise;
    }
#ifdef EXPLICIT_GRADIENTS
    vec2 right, below;
    uv_gradients(t, right, below);
    return textureGrad(sampler2D(images[nonuniformEXT(t.image)], samplers[nonuniformEXT(t.how & 0xffu)]), uv_of(t), right,
                       below);
#else
    return texture(sampler2D(images[nonuniformEXT(t.image)], samplers[nonuniformEXT(t.how & 0xffu)]), uv_of(t));
#endif
}
