// Air lit by a sun (Hillaire 2020): what a ray through it loses and gains. Needs common.glsl. Kilometres; altitudes are
// distances from the planet's middle less its radius; up is +Y where the camera is.

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer AirTable { vec3 at[]; };

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Atmosphere {
    AirTable transmittance; // by altitude down, by direction across
    AirTable scattering;    // of the second order and up, by altitude down, by the sun's height across
    AirTable view;          // radiance where the camera is, by elevation down, by azimuth from the sun across
    vec3 rayleigh;          // scattering at sea level, 1 / km
    float rayleigh_height;  // km in which it thins to 1/e
    vec2 mie;               // scattering and absorption at sea level, 1 / km
    float mie_height;
    float mie_asymmetry;
    vec3 ozone;             // absorption where it is densest, 1 / km
    float ozone_middle;     // km above the sea
    vec3 ground_albedo;
    float ozone_width;      // km from the middle to where there is none
    vec3 sun_illuminance;   // above the air
    float ground_radius;    // km
    vec3 sun_direction;
    float top_radius;
    float altitude;         // of the camera, km
    float sun_radius;       // of its disc, radians
};

const uvec2 TRANSMITTANCE_SIZE = uvec2(256u, 64u);
const uvec2 SCATTERING_SIZE = uvec2(32u, 32u);
const uvec2 AIR_VIEW_SIZE = uvec2(128u, 96u);
// Rows of the last that are above the horizon.
const uint AIR_VIEW_ABOVE = 64u;

// A table between its entries; `at` is 0 to 1 from the first to the last.
vec3 air_table(AirTable table, uvec2 size, vec2 at) {
    vec2 p = clamp(at, 0.0, 1.0) * vec2(size - 1u);
    uvec2 i = min(uvec2(p), size - 2u);
    vec2 f = p - vec2(i);
    uint k = i.y * size.x + i.x;
    return mix(mix(table.at[k], table.at[k + 1u], f.x), mix(table.at[k + size.x], table.at[k + size.x + 1u], f.x), f.y);
}

// Distance from `radius` in a direction of cosine `mu` to the sphere of radius `to`, outwards.
float to_outer(float radius, float mu, float to) {
    // Differences of squares as products: in f32 the squares would drown them.
    float inside = radius * radius * mu * mu + (to - radius) * (to + radius);
    return max(-radius * mu + sqrt(max(inside, 0.0)), 0.0);
}

// The same to the ground, or negative where the ray misses it.
float to_ground(Atmosphere air, float radius, float mu) {
    float inside = radius * radius * mu * mu - (radius - air.ground_radius) * (radius + air.ground_radius);
    return mu < 0.0 && inside >= 0.0 ? max(-radius * mu - sqrt(inside), 0.0) : -1.0;
}

// Cosine of the direction to the horizon.
float horizon(Atmosphere air, float radius) {
    return -sqrt(max((radius - air.ground_radius) * (radius + air.ground_radius), 0.0)) / radius;
}

struct Medium {
    vec3 rayleigh; // scattering, 1 / km
    float mie;
    vec3 extinction;
};

Medium medium(Atmosphere air, float altitude) {
    float height = max(altitude, 0.0);
    vec2 density = exp(-height / vec2(air.rayleigh_height, air.mie_height));
    float ozone = max(1.0 - abs(height - air.ozone_middle) / air.ozone_width, 0.0);
    Medium m;
    m.rayleigh = air.rayleigh * density.x;
    m.mie = air.mie.x * density.y;
    m.extinction = m.rayleigh + vec3((air.mie.x + air.mie.y) * density.y) + air.ozone * ozone;
    return m;
}

// Where the transmittance from `radius` towards `mu` is in its table (Bruneton 2017, 2.1.1): even in the distance to the
// edge of the air.
vec2 transmittance_at(Atmosphere air, float radius, float mu) {
    float edge = sqrt((air.top_radius - air.ground_radius) * (air.top_radius + air.ground_radius));
    float rho = sqrt(max((radius - air.ground_radius) * (radius + air.ground_radius), 0.0));
    float d = to_outer(radius, mu, air.top_radius);
    float nearest = air.top_radius - radius;
    float farthest = rho + edge;
    return vec2((d - nearest) / max(farthest - nearest, 1e-6), rho / edge);
}

// Radius and cosine of an entry.
vec2 transmittance_of(Atmosphere air, vec2 at) {
    float edge = sqrt((air.top_radius - air.ground_radius) * (air.top_radius + air.ground_radius));
    float rho = edge * at.y;
    float radius = sqrt(rho * rho + air.ground_radius * air.ground_radius);
    float nearest = air.top_radius - radius;
    float d = nearest + at.x * (rho + edge - nearest);
    float mu = d == 0.0 ? 1.0 : (edge * edge - rho * rho - d * d) / (2.0 * radius * d);
    return vec2(radius, clamp(mu, -1.0, 1.0));
}

// What is left of light from beyond the air that comes to `radius` from a direction above the horizon.
vec3 transmittance(Atmosphere air, float radius, float mu) {
    return air_table(air.transmittance, TRANSMITTANCE_SIZE, transmittance_at(air, radius, max(mu, horizon(air, radius))));
}

// The same of the sun, of whose disc a part may be below the horizon.
vec3 sun_transmittance(Atmosphere air, float radius, float mu) {
    float low = horizon(air, radius);
    float seen = smoothstep(-air.sun_radius, air.sun_radius, asin(clamp(mu, -1.0, 1.0)) - asin(low));
    return seen * transmittance(air, radius, mu);
}

float rayleigh_phase(float cosine) {
    return 3.0 / (16.0 * PI) * (1.0 + cosine * cosine);
}

// Cornette and Shanks 1992.
float mie_phase(float g, float cosine) {
    float k = 3.0 / (8.0 * PI) * (1.0 - g * g) / (2.0 + g * g);
    return k * (1.0 + cosine * cosine) / pow(1.0 + g * g - 2.0 * g * cosine, 1.5);
}

// Light of the second order and up that reaches a place, a unit of the sun's illuminance, over 4π.
vec3 scattered(Atmosphere air, float radius, float mu_sun) {
    float height = (radius - air.ground_radius) / (air.top_radius - air.ground_radius);
    return air_table(air.scattering, SCATTERING_SIZE, vec2(0.5 + 0.5 * mu_sun, sqrt(max(height, 0.0))));
}

// What a unit of the sun's illuminance adds to a ray, a kilometre.
vec3 source(Atmosphere air, Medium m, float radius, float mu_sun, float cosine) {
    vec3 direct = m.rayleigh * rayleigh_phase(cosine) + vec3(m.mie * mie_phase(air.mie_asymmetry, cosine));
    return direct * sun_transmittance(air, radius, mu_sun) + (m.rayleigh + m.mie) * scattered(air, radius, mu_sun);
}

// Where a direction is in the table of what the camera sees: more of it near the horizon, above and below apart.
vec3 air_radiance(Atmosphere air, vec3 direction) {
    float radius = air.ground_radius + air.altitude;
    float level = acos(horizon(air, radius));
    float angle = acos(clamp(direction.y, -1.0, 1.0));
    vec2 flat_direction = direction.xz, flat_sun = air.sun_direction.xz;
    float lengths = length(flat_direction) * length(flat_sun);
    float cosine = lengths > 1e-6 ? clamp(dot(flat_direction, flat_sun) / lengths, -1.0, 1.0) : 1.0;
    float across = acos(cosine) / PI;
    bool below = angle > level;
    float down = sqrt(below ? (angle - level) / max(PI - level, 1e-6) : 1.0 - angle / level);
    uint first = below ? AIR_VIEW_ABOVE : 0u, rows = below ? AIR_VIEW_SIZE.y - AIR_VIEW_ABOVE : AIR_VIEW_ABOVE;
    vec2 p = vec2(sqrt(across) * float(AIR_VIEW_SIZE.x - 1u), clamp(down, 0.0, 1.0) * float(rows - 1u));
    uvec2 i = min(uvec2(p), uvec2(AIR_VIEW_SIZE.x - 2u, rows - 2u));
    vec2 f = p - vec2(i);
    uint k = (first + i.y) * AIR_VIEW_SIZE.x + i.x;
    AirTable t = air.view;
    return mix(mix(t.at[k], t.at[k + 1u], f.x), mix(t.at[k + AIR_VIEW_SIZE.x], t.at[k + AIR_VIEW_SIZE.x + 1u], f.x), f.y);
}

// The disc of the sun, darker towards its limb (Hestroffer and Magnan 1998), of all of which `illuminance` comes.
vec3 disc_radiance(vec3 illuminance, float radius, float across, float soft, bool darkened) {
    // Exponents at 680, 550 and 440 nm; the mean of μ^a over a disc is 2 / (2 + a).
    const vec3 exponents = vec3(0.397, 0.503, 0.652);
    float from_middle = across / radius;
    float mu = sqrt(max(1.0 - from_middle * from_middle, 0.0));
    vec3 limb = darkened ? pow(vec3(max(mu, 1e-3)), exponents) * (2.0 + exponents) * 0.5 : vec3(1.0);
    float covered = clamp((radius - across) / soft + 0.5, 0.0, 1.0);
    // The largest of what a half float holds, less a little.
    return min(covered * limb * illuminance / (PI * radius * radius), vec3(6e4));
}

// Air between the camera and a surface this near, as if it were the same all along: of what fraction the surface is seen,
// and what the air adds.
void air_between(Atmosphere air, vec3 relative, out vec3 kept, out vec3 added) {
    float kilometres = length(relative) * 1e-3;
    vec3 direction = relative / max(length(relative), 1e-6);
    float altitude = max(air.altitude + 0.5e-3 * relative.y, 0.0);
    float radius = air.ground_radius + altitude;
    Medium m = medium(air, altitude);
    kept = exp(-m.extinction * kilometres);
    vec3 light = source(air, m, radius, air.sun_direction.y, dot(direction, air.sun_direction));
    added = air.sun_illuminance * light / max(m.extinction, vec3(1e-9)) * (1.0 - kept);
}
