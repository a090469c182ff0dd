// Automatic exposure: what is measured, and what comes of it. Needs common.glsl.

const uint BINS = 256u;
// Brightness of the first and the last bin, as powers of two.
const float DARKEST = -12.0;
const float BRIGHTEST = 12.0;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Exposure {
    float value; // radiance is multiplied by it
    uint bins[BINS];
};
