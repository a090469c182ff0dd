#version 460
// From how bright pixels are to the exposure that makes their middle grey. Leaves the bins empty.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "exposure.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push {
    Exposure exposure;
    float grey;  // what the middle becomes
    float low;
    float high;
    float speed; // how far towards the new exposure a frame goes; 1 all the way
};

shared uint below[BINS];
shared float sums[BINS];
shared float weights[BINS];

void main() {
    uint i = gl_LocalInvocationID.x;
    uint own = exposure.bins[i];
    below[i] = own;
    barrier();
    for (uint reach = 1u; reach < BINS; reach *= 2u) {
        uint other = i >= reach ? below[i - reach] : 0u;
        barrier();
        below[i] += other;
        barrier();
    }
    // Neither the darkest half nor the brightest twentieth say how bright a picture is.
    float all = float(below[BINS - 1u]);
    float first = max(float(below[i] - own), 0.5 * all);
    float last = min(float(below[i]), 0.95 * all);
    float weight = max(last - first, 0.0);
    float level = (float(i) + 0.5) / float(BINS) * (BRIGHTEST - DARKEST) + DARKEST;
    sums[i] = weight * level;
    weights[i] = weight;
    barrier();
    for (uint half_way = BINS / 2u; half_way > 0u; half_way /= 2u) {
        if (i < half_way) {
            sums[i] += sums[i + half_way];
            weights[i] += weights[i + half_way];
        }
        barrier();
    }
    exposure.bins[i] = 0u;
    if (i == 0u) {
        float wanted = clamp(grey / exp2(sums[0] / max(weights[0], 1e-6)), low, high);
        float before = exposure.value;
        // The first frame has none before it.
        exposure.value = before > 0.0 ? before * pow(wanted / before, speed) : wanted;
    }
}
