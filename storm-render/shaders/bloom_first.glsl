// Half the size of the scene's colours. Averages by how dark pixels are, so that single bright ones do not flicker.
#extension GL_EXT_samplerless_texture_functions : require

#ifdef MULTISAMPLED
layout(set = 1, binding = 0) uniform texture2DMS source;
const int SAMPLES = 4;
#else
layout(set = 1, binding = 0) uniform texture2D source;
const int SAMPLES = 1;
#endif
layout(location = 0) out vec4 out_color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy) * 2;
#ifdef MULTISAMPLED
    ivec2 last = textureSize(source) - 1;
#else
    ivec2 last = textureSize(source, 0) - 1;
#endif
    vec4 sum = vec4(0.0);
    for (int i = 0; i < 4; ++i) {
        ivec2 pixel = min(at + ivec2(i & 1, i >> 1), last);
        for (int j = 0; j < SAMPLES; ++j) {
#ifdef MULTISAMPLED
            vec3 c = texelFetch(source, pixel, j).rgb;
#else
            vec3 c = texelFetch(source, pixel, 0).rgb;
#endif
            c = clamp(mix(c, vec3(0.0), isnan(c)), vec3(0.0), vec3(6e4));
            float weight = 1.0 / (1.0 + dot(c, vec3(0.2126, 0.7152, 0.0722)));
            sum += vec4(c, 1.0) * weight;
        }
    }
    out_color = vec4(sum.rgb / sum.a, 1.0);
}
