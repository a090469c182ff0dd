// A thin film on a surface (KHR_materials_iridescence): what it reflects by angle and thickness, after Belcour and Barla
// 2017, without polarisation. Lengths are nanometres.

float square(float x) {
    return x * x;
}

vec3 square(vec3 x) {
    return x * x;
}

// Fresnel after Schlick, to a reflectance of 1.
vec3 schlick(vec3 f0, float cosine) {
    return f0 + (1.0 - f0) * pow(clamp(1.0 - cosine, 0.0, 1.0), 5.0);
}

// How the eye's three sensitivities see a wave with this optical path difference and shift: Gaussians in Fourier space.
vec3 seen_wave(float path, vec3 shift) {
    const vec3 value = vec3(5.4856e-13, 4.4201e-13, 5.2481e-13);
    const vec3 middle = vec3(1.6810e+06, 1.7953e+06, 2.2084e+06);
    const vec3 variance = vec3(4.3278e+09, 9.3046e+09, 6.6121e+09);
    float phase = 2.0 * PI * path * 1e-9;
    vec3 xyz = value * sqrt(2.0 * PI * variance) * cos(middle * phase + shift) * exp(-phase * phase * variance);
    // The second bump of the sensitivity to red.
    xyz.x += 9.7470e-14 * sqrt(2.0 * PI * 4.5282e+09) * cos(2.2399e+06 * phase + shift.x)
        * exp(-4.5282e+09 * phase * phase);
    xyz /= 1.0685e-7;
    // CIE XYZ to Rec. 709.
    return vec3(dot(xyz, vec3(3.2404542, -1.5371385, -0.4985314)), dot(xyz, vec3(-0.9692660, 1.8760108, 0.0415560)),
                dot(xyz, vec3(0.0556434, -0.2040259, 1.0572252)));
}

// What a surface of reflectance `f0` reflects under a film, for light from an angle with this cosine. `outside` is the index
// of refraction of what is above it.
vec3 film_reflectance(float outside, float film_ior, float thickness, float cosine, vec3 f0) {
    // A film of no thickness is none.
    float film = mix(outside, film_ior, smoothstep(0.0, 30.0, thickness));
    float sine2 = square(outside / film) * (1.0 - cosine * cosine);
    if (sine2 >= 1.0) {
        return vec3(1.0);
    }
    float inside = sqrt(1.0 - sine2);
    // Into the film, and out of it.
    float r12 = schlick(vec3(square((film - outside) / (film + outside))), cosine).x;
    float t121 = 1.0 - r12;
    float phase21 = film < outside ? 0.0 : PI;
    // From the film onto the surface, whose index follows from what it reflects under air.
    vec3 root = sqrt(clamp(f0, 0.0, 0.9999));
    vec3 base = (1.0 + root) / (1.0 - root);
    vec3 r23 = schlick(square((base - film) / (base + film)), inside);
    vec3 phase23 = mix(vec3(0.0), vec3(PI), lessThan(base, vec3(film)));
    float path = 2.0 * film * thickness * inside;
    vec3 phase = phase21 + phase23;
    vec3 r123 = clamp(r12 * r23, 1e-5, 0.9999);
    vec3 amplitude = sqrt(r123);
    vec3 through = square(t121) * r23 / (1.0 - r123);
    vec3 sum = r12 + through;
    vec3 order = through - t121;
    for (int m = 1; m <= 2; ++m) {
        order *= amplitude;
        sum += order * 2.0 * seen_wave(float(m) * path, float(m) * phase);
    }
    return clamp(sum, 0.0, 1.0);
}
