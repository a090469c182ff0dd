// The sheen of cloth (KHR_materials_sheen): fibres that stand up from the surface, after Estevez and Kulla 2017.

// Fibres as they lean, "Charlie". Alpha is the square of the perceptual roughness.
float sheen_distribution(float n_h, float alpha) {
    float sine2 = max(1.0 - n_h * n_h, 0.0);
    return (2.0 + 1.0 / alpha) * pow(sine2, 0.5 / alpha) / (2.0 * PI);
}

// The published fit of how much fibres hide of one another, for a cosine up to a half.
float sheen_fit(float x, float alpha) {
    float smooth_part = (1.0 - alpha) * (1.0 - alpha);
    float a = mix(21.5473, 25.3245, smooth_part);
    float b = mix(3.82987, 3.32435, smooth_part);
    float c = mix(0.19823, 0.16801, smooth_part);
    float d = mix(-1.97760, -1.27393, smooth_part);
    float e = mix(-4.32054, -4.85967, smooth_part);
    return a / (1.0 + b * pow(x, c)) + d * x + e;
}

float sheen_lambda(float cosine, float alpha) {
    return exp(cosine < 0.5 ? sheen_fit(cosine, alpha) : 2.0 * sheen_fit(0.5, alpha) - sheen_fit(1.0 - cosine, alpha));
}

// Masking over 4 (n·l)(n·v).
float sheen_visibility(float n_l, float n_v, float alpha) {
    return 1.0 / max((1.0 + sheen_lambda(n_v, alpha) + sheen_lambda(n_l, alpha)) * 4.0 * n_l * n_v, 1e-4);
}

// Below this perceptual roughness the distribution is a line at the horizon.
const float SHEEN_ROUGHNESS_MIN = 0.07;
