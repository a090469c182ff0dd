// Where things were in the frame before. Needs common.glsl.

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Motion {
    mat4 clip_from_relative;          // of this frame, without jitter
    mat4 previous_clip_from_relative; // of the frame before, from relative to its camera
    ivec3 previous_cell;
    uint fresh;                       // 1 where there was no frame before
    vec3 previous_translation;
    uint pad;
    Transforms previous_transforms;   // by slot
};
