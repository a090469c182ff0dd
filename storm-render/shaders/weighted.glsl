// Weighted sums of what is blended become one layer (McGuire and Bavoil 2013). The samples of a pixel share it.
#extension GL_EXT_samplerless_texture_functions : require

#ifdef MULTISAMPLED
layout(set = 1, binding = 0) uniform texture2DMS sums;
layout(set = 1, binding = 1) uniform texture2DMS unseen;
const int SAMPLES = 4;
#define FETCH(map, i) texelFetch(map, at, i)
#else
layout(set = 1, binding = 0) uniform texture2D sums;
layout(set = 1, binding = 1) uniform texture2D unseen;
const int SAMPLES = 1;
#define FETCH(map, i) texelFetch(map, at, 0)
#endif
layout(location = 0) out vec4 out_color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 sum = vec4(0.0);
    float rest = 0.0;
    for (int i = 0; i < SAMPLES; ++i) {
        sum += FETCH(sums, i);
        rest += FETCH(unseen, i).r;
    }
    float alpha = 1.0 - rest / float(SAMPLES);
    if (alpha <= 0.0) {
        discard;
    }
    out_color = vec4(sum.rgb / max(sum.a, 1e-5) * alpha, alpha);
}
