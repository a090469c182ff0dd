// Light on the layers of a material (the KHR_materials extensions): included by scene_fragment.glsl, which has `Surface`, the
// functions of the core's reflection, and constants that say which layers a pipeline is made for.
#include "sheen.glsl"
#include "iridescence.glsl"

float largest(vec3 c) {
    return max(max(c.r, c.g), c.b);
}

// Of a sky of radiance 1: scale and bias of F0 that is reflected, and what a white sheen reflects.
vec3 reflected_of_white(float n_v, float roughness) {
    return texture(sampler2D(images[globals.brdf_table], samplers[globals.clamp_sampler]), vec2(n_v, roughness)).rgb;
}

float sheen_albedo(float cosine, float roughness) {
    return reflected_of_white(cosine, roughness).b;
}

// Trowbridge-Reitz with its masking over 4 (n·l)(n·v), stretched along the surface's tangent.
float stretched_lobe(Surface s, vec3 l, vec3 h, float n_l, float n_h) {
    float along = s.layer.alpha_along, across = s.alpha, a2 = along * across;
    vec3 t = s.layer.tangent, b = s.layer.bitangent;
    vec3 f = vec3(across * dot(t, h), along * dot(b, h), a2 * n_h);
    float w2 = a2 / max(dot(f, f), 1e-12);
    float d = a2 * w2 * w2 / PI;
    float from_eye = n_l * length(vec3(along * dot(t, s.view), across * dot(b, s.view), s.n_v));
    float from_light = s.n_v * length(vec3(along * dot(t, l), across * dot(b, l), n_l));
    return d * 0.5 / max(from_eye + from_light, 1e-7);
}

float lobe(Surface s, vec3 l, vec3 h, float n_l, float n_h) {
    if (ANISOTROPY) {
        return stretched_lobe(s, l, h, n_l, n_h);
    }
    float a2 = s.alpha * s.alpha;
    return distribution(n_h, a2) * visibility(n_l, s.n_v, a2);
}

// What the dielectric reflects at this cosine.
vec3 dielectric_fresnel(Surface s, float cosine) {
    vec3 f = s.layer.specular * schlick(s.layer.dielectric_f0, cosine);
    if (IRIDESCENCE) {
        vec3 film = film_reflectance(1.0, s.layer.film_ior, s.layer.film_thickness, cosine, s.layer.dielectric_f0);
        f = mix(f, s.layer.specular * film, s.layer.film);
    }
    return f;
}

vec3 metal_fresnel(Surface s, float cosine) {
    vec3 f = schlick(s.layer.base, cosine);
    if (IRIDESCENCE) {
        vec3 film = film_reflectance(1.0, s.layer.film_ior, s.layer.film_thickness, cosine, s.layer.base);
        f = mix(f, film, s.layer.film);
    }
    return f;
}

// What a coat of IOR 1.5 reflects at this cosine.
float coat_fresnel(float cosine) {
    return 0.04 + 0.96 * pow(clamp(1.0 - cosine, 0.0, 1.0), 5.0);
}

// Radiance towards the eye from light of unit irradiance at normal incidence.
vec3 layered_reflectance(Surface s, vec3 l) {
    float n_l = dot(s.normal, l);
    vec3 h = normalize(l + s.view);
    float v_h = clamp(dot(s.view, h), 0.0, 1.0);
    vec3 sum = vec3(0.0);
    if (n_l > 0.0) {
        float n_h = clamp(dot(s.normal, h), 0.0, 1.0);
        float specular = lobe(s, l, h, n_l, n_h);
        vec3 f = dielectric_fresnel(s, v_h);
        // The diffuse part gets what is not reflected of any colour, so that it takes on no tint.
        sum = (1.0 - largest(f)) * (1.0 - s.layer.transmission) * s.layer.base / PI + f * specular;
        if (s.layer.metallic > 0.0) {
            sum = mix(sum, metal_fresnel(s, v_h) * specular, s.layer.metallic);
        }
        sum *= n_l;
        if (SHEEN) {
            float alpha = s.layer.sheen_roughness * s.layer.sheen_roughness;
            float kept = 1.0 - largest(s.layer.sheen) * sheen_albedo(n_l, s.layer.sheen_roughness);
            float fibres = sheen_distribution(n_h, alpha) * sheen_visibility(n_l, s.n_v, alpha);
            sum = sum * min(kept, s.layer.sheen_kept) + n_l * fibres * s.layer.sheen;
        }
    }
    if (TRANSMISSION && n_l < 0.0) {
        // Light from behind, as if it came from in front and were mirrored.
        vec3 mirrored = l - 2.0 * n_l * s.normal;
        vec3 half_way = normalize(mirrored + s.view);
        float n_h = clamp(dot(s.normal, half_way), 0.0, 1.0), a2 = s.layer.alpha_through * s.layer.alpha_through;
        float passed = distribution(n_h, a2) * visibility(-n_l, s.n_v, a2) * -n_l;
        float kept = 1.0 - largest(dielectric_fresnel(s, clamp(dot(s.view, half_way), 0.0, 1.0)));
        sum = kept * passed * s.layer.transmission * (1.0 - s.layer.metallic) * s.layer.tint;
        if (SHEEN) {
            sum *= s.layer.sheen_kept;
        }
    }
    if (CLEARCOAT) {
        vec3 n = s.layer.coat_normal;
        float n_v = clamp(abs(dot(n, s.view)), 1e-4, 1.0);
        sum *= 1.0 - s.layer.coat * coat_fresnel(n_v);
        float coat_n_l = dot(n, l);
        if (coat_n_l > 0.0) {
            float alpha = max(s.layer.coat_roughness * s.layer.coat_roughness, 2e-3), a2 = alpha * alpha;
            float coat = distribution(clamp(dot(n, h), 0.0, 1.0), a2) * visibility(coat_n_l, n_v, a2);
            sum += s.layer.coat * coat_fresnel(v_h) * coat * coat_n_l;
        }
    }
    return sum;
}

vec3 sky_along(vec3 direction, float roughness) {
    return textureLod(samplerCube(cubes[globals.sky_cube], samplers[globals.clamp_sampler]), direction,
                      roughness * float(globals.sky_levels - 1u)).rgb;
}

// What is reflected of a white sky, once and over further bounces (Fdez-Agüera 2019).
void split_sum(Surface s, vec3 f0, float f90, vec3 seen, vec2 table, out vec3 single, out vec3 multiple) {
    single = f0 * table.x + f90 * table.y;
    vec3 f_average = f0 + (f90 - f0) / 21.0;
    if (IRIDESCENCE) {
        // A film's reflection is no line between two values: what it is at this angle stands for the lobe.
        single = mix(single, seen * (table.x + table.y), s.layer.film);
        f_average = mix(f_average, seen, s.layer.film);
    }
    float e_ms = 1.0 - (table.x + table.y);
    multiple = e_ms * single * f_average / (1.0 - f_average * e_ms);
}

// Light from the whole sky. `through` is what is seen through the surface.
vec3 layered_sky(Surface s, vec3 diffuse_light, vec3 through, float occlusion) {
    vec3 n = s.normal;
    float mean_roughness = s.layer.roughness;
    if (ANISOTROPY) {
        // Stretched reflections are those of a normal that is bent towards the eye across the stretch.
        vec3 bent = cross(cross(s.layer.bitangent, s.view), s.layer.bitangent);
        float even = 1.0 - s.layer.anisotropy * (1.0 - s.layer.roughness);
        even *= even;
        n = normalize(mix(normalize(bent), n, even * even));
        mean_roughness = sqrt(sqrt(s.alpha * s.layer.alpha_along));
    }
    vec2 table = reflected_of_white(s.n_v, mean_roughness).xy;
    vec3 radiance = sky_along(reflect(-s.view, n), s.layer.roughness);
    vec3 f0 = s.layer.specular * s.layer.dielectric_f0;
    vec3 seen = vec3(0.0);
    if (IRIDESCENCE) {
        seen = dielectric_fresnel(s, s.n_v);
    }
    vec3 single, multiple;
    split_sum(s, f0, s.layer.specular, seen, table, single, multiple);
    float below = 1.0 - largest(single + multiple);
    vec3 sum = occlusion * (single * radiance + multiple * diffuse_light);
    sum += below * mix(s.layer.base * diffuse_light * occlusion, through, s.layer.transmission);
    if (s.layer.metallic > 0.0) {
        if (IRIDESCENCE) {
            seen = metal_fresnel(s, s.n_v);
        }
        split_sum(s, s.layer.base, 1.0, seen, table, single, multiple);
        sum = mix(sum, occlusion * (single * radiance + multiple * diffuse_light), s.layer.metallic);
    }
    if (SHEEN) {
        // The sky as a shiny surface of this roughness would show it.
        float e = sheen_albedo(s.n_v, s.layer.sheen_roughness);
        vec3 light = sky_along(reflect(-s.view, s.normal), s.layer.sheen_roughness);
        sum = sum * s.layer.sheen_kept + occlusion * e * s.layer.sheen * light;
    }
    if (CLEARCOAT) {
        float n_v = clamp(abs(dot(s.layer.coat_normal, s.view)), 1e-4, 1.0);
        vec2 coat_table = reflected_of_white(n_v, s.layer.coat_roughness).xy;
        float e = s.layer.coat * (0.04 * coat_table.x + coat_table.y);
        sum = sum * (1.0 - e)
            + occlusion * e * sky_along(reflect(-s.view, s.layer.coat_normal), s.layer.coat_roughness);
    }
    return sum;
}

// What is emitted below the layers, as it leaves them.
vec3 emitted_through(Surface s, vec3 emitted) {
    if (CLEARCOAT) {
        float n_v = clamp(abs(dot(s.layer.coat_normal, s.view)), 1e-4, 1.0);
        emitted *= 1.0 - s.layer.coat * coat_fresnel(n_v);
    }
    return emitted;
}

// How thick what is below the surface is, metres in the world. Scales that differ by axis count as their geometric mean.
float thickness_here(LayerInfo p) {
    if (p.thickness <= 0.0) {
        return 0.0;
    }
    InstanceTransform t = globals.transforms.at[in_slot];
    float volume = abs(dot(t.rows[0].xyz, cross(t.rows[1].xyz, t.rows[2].xyz)));
    return p.thickness * look_up(p.textures[THICKNESS_TEXTURE], vec4(1.0)).g * pow(volume, 1.0 / 3.0);
}

// A surface of low index blurs little of what passes, however rough it is.
float roughness_through(float roughness, float ior) {
    return roughness * clamp(ior * 2.0 - 2.0, 0.0, 1.0);
}

// What lies behind a place on the screen: at the place where a ray leaves the surface's volume.
vec3 behind(vec3 relative, float roughness) {
    vec4 clip = globals.clip_from_relative * vec4(relative, 1.0);
    vec2 at = clip.xy / max(clip.w, 1e-6) * 0.5 + 0.5;
    float last = float(textureQueryLevels(sampler2D(behind_map, samplers[globals.clamp_sampler])) - 1);
    return textureLod(sampler2D(behind_map, samplers[globals.clamp_sampler]), at, roughness * last).rgb;
}

// What is seen through the surface, tinted by its colour and by the volume of this thickness below.
vec3 seen_through(Surface s, LayerInfo p, float thickness) {
    if (thickness <= 0.0) {
        // A thin wall: light goes on as it came.
        return s.layer.tint * behind(in_relative, roughness_through(s.layer.roughness, p.ior));
    }
    // KHR_materials_dispersion: n_F - n_C is (n - 1) / V, and the factor is 20 / V.
    float spread = (p.ior - 1.0) * 0.025 * p.dispersion;
    vec3 seen;
    if (spread > 0.0) {
        for (int i = 0; i < 3; ++i) {
            float ior = max(p.ior + spread * float(i - 1), 1.0);
            vec3 ray = refract(-s.view, s.normal, 1.0 / ior) * thickness;
            seen[i] = behind(in_relative + ray, roughness_through(s.layer.roughness, ior))[i];
        }
    } else {
        vec3 ray = refract(-s.view, s.normal, 1.0 / max(p.ior, 1.0)) * thickness;
        seen = behind(in_relative + ray, roughness_through(s.layer.roughness, p.ior));
    }
    return s.layer.tint * seen;
}

// What the layers of a material are here. The rest of the surface is known.
Layer layer_here(MaterialInfo m, LayerInfo p, Surface s, vec3 base, float metallic, float roughness) {
    Layer layer;
    layer.base = base;
    layer.metallic = metallic;
    layer.roughness = roughness;
    layer.dielectric_f0 = vec3(0.04);
    layer.specular = 1.0;
    layer.transmission = 0.0;
    if (SPECULAR) {
        vec3 color = p.specular_color * look_up(p.textures[SPECULAR_COLOR_TEXTURE], vec4(1.0)).rgb;
        layer.dielectric_f0 = min(p.dielectric_f0 * color, vec3(1.0));
        layer.specular = p.specular * look_up(p.textures[SPECULAR_TEXTURE], vec4(1.0)).a;
    }
    if (ANISOTROPY) {
        vec4 t = look_up(p.textures[ANISOTROPY_TEXTURE], vec4(1.0, 0.5, 1.0, 1.0));
        vec2 turned = t.rg * 2.0 - 1.0, turn = p.anisotropy_rotation;
        turned = dot(turned, turned) > 0.0 ? normalize(turned) : vec2(1.0, 0.0);
        turned = vec2(turn.x * turned.x - turn.y * turned.y, turn.y * turned.x + turn.x * turned.y);
        vec3 along, across;
        tangents(p.textures[ANISOTROPY_TEXTURE], along, across);
        vec3 tangent = turned.x * along + turned.y * across;
        tangent -= s.normal * dot(tangent, s.normal);
        layer.tangent = tangent * inversesqrt(max(dot(tangent, tangent), 1e-12));
        layer.bitangent = cross(s.normal, layer.tangent);
        layer.anisotropy = clamp(p.anisotropy * t.b, 0.0, 1.0);
        layer.alpha_along = mix(s.alpha, 1.0, layer.anisotropy * layer.anisotropy);
    }
    if (SHEEN) {
        layer.sheen = p.sheen_color * look_up(p.textures[SHEEN_COLOR_TEXTURE], vec4(1.0)).rgb;
        float sheen_roughness = p.sheen_roughness * look_up(p.textures[SHEEN_ROUGHNESS_TEXTURE], vec4(1.0)).a;
        layer.sheen_roughness = clamp(sheen_roughness, SHEEN_ROUGHNESS_MIN, 1.0);
        layer.sheen_kept = 1.0 - largest(layer.sheen) * sheen_albedo(s.n_v, layer.sheen_roughness);
    }
    if (CLEARCOAT) {
        layer.coat = clamp(p.clearcoat * look_up(p.textures[CLEARCOAT_TEXTURE], vec4(1.0)).r, 0.0, 1.0);
        float coat_roughness = p.clearcoat_roughness * look_up(p.textures[CLEARCOAT_ROUGHNESS_TEXTURE], vec4(1.0)).g;
        layer.coat_roughness = clamp(coat_roughness, 0.0, 1.0);
        bool given = in_tangent.w != 0.0 && (p.flags & COAT_HAS_OWN_FRAME) == 0u;
        layer.coat_normal = shading_normal(p.textures[CLEARCOAT_NORMAL_TEXTURE], p.clearcoat_normal_scale, given);
    }
    if (IRIDESCENCE) {
        layer.film = clamp(p.iridescence * look_up(p.textures[IRIDESCENCE_TEXTURE], vec4(1.0)).r, 0.0, 1.0);
        float thick = look_up(p.textures[FILM_THICKNESS_TEXTURE], vec4(1.0)).g;
        layer.film_thickness = mix(p.film_thickness.x, p.film_thickness.y, thick);
        layer.film_ior = p.film_ior;
    }
    if (TRANSMISSION) {
        layer.transmission = clamp(p.transmission * look_up(p.textures[TRANSMISSION_TEXTURE], vec4(1.0)).r, 0.0, 1.0);
        // Beer and Lambert.
        layer.tint = base * exp(-p.absorption * thickness_here(p));
        float through = roughness_through(roughness, p.ior);
        layer.alpha_through = max(through * through, 2e-3);
    }
    return layer;
}
