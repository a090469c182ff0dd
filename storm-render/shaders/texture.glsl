// Looking a material's textures up with the UV set that each names. Needs common.glsl and `in_uv`.

vec2 uv_of(TextureRef t) {
    return (t.sampler_and_uv >> 16) == 0u ? in_uv.xy : in_uv.zw;
}

vec4 look_up(TextureRef t, vec4 otherwise) {
    // Derivatives are taken by the caller's quad, which shares a material only as far as one draw reaches: the
    // slot differs between quads, never within one.
    if (t.image == NONE) {
        return otherwise;
    }
    return texture(sampler2D(images[nonuniformEXT(t.image)], samplers[nonuniformEXT(t.sampler_and_uv & 0xffffu)]),
                   uv_of(t));
}
