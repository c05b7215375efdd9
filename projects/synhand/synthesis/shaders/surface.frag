// Skin, cloth and plain objects under one directional light with a shadow and
// an environment. Light is computed linear; the output is sRGB with coverage
// in alpha.
uniform sampler2DShadow shadow_map;
uniform sampler3D noise;
uniform sampler2D relief;       // palm lines, veins, tendons; see relief.py
uniform sampler2D grain;        // tileable: back, palm, hair, pores

in vec3 v_position;
in vec3 v_normal;
in vec3 v_rest;
in vec3 v_shadow;
in vec3 v_diffuse;           // light of the environment on the smooth surface
in vec3 v_mirrored;
flat in float v_region;
#if MATERIAL == SKIN
in vec4 v_mask;              // nail, palm, tip, knuckle
in vec3 v_low;               // noise of coarse blotches
in vec4 v_crease;            // mm along the finger from MCP, PIP, DIP; finger
#endif
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;   // mm
layout(location = 2) out vec2 label;    // identity, region, in parts of 255

struct Material {
    vec3 albedo;
    vec3 normal;
    float gloss;
    float thin;              // how much light comes through
};

float line(float d, float width) {
    float t = clamp(1.0 - d * d / (4.0 * width * width), 0.0, 1.0);
    return t * t * t * t;    // close to exp(-(d / width)^2), and cheaper
}

// The normal of a surface raised by height mm (Mikkelsen 2010).
vec3 bumped(vec3 n, float height) {
    vec3 dx = dFdx(v_position);
    vec3 dy = dFdy(v_position);
    vec3 r1 = cross(dy, n);
    vec3 r2 = cross(n, dx);
    float det = dot(dx, r1);
    vec3 slope = sign(det) * (dFdx(height) * r1 + dFdy(height) * r2);
    return normalize(abs(det) * n - slope);
}

#if MATERIAL == SKIN
Material surface_material(vec3 n) {
    vec4 mid = texture(noise, v_rest * 0.03 + noise_offset);
    float palm = smoothstep(0.25, 0.75, v_mask.y + 0.25 * (mid.a - 0.5));
    float nail = smoothstep(0.35, 0.6, v_mask.x);
    float finger = v_crease.w;
    float side = v_mask.y > 0.5 ? 0.0 : 0.5;
    float inside = abs(2.0 * v_mask.y - 1.0);
    vec2 at = (v_rest.xy + vec2(64.0, 48.0)) / vec2(128.0, 192.0);
    at = clamp(at, vec2(0.01), vec2(0.99));
    vec4 lines = textureLod(relief,
        vec2(0.5 * at.x + side, (at.y + variant) / 4.0), detail_lod + 0.5);
    vec4 pores = textureLod(grain, v_rest.xy / 64.0 + noise_offset.xy,
                            detail_lod + 1.5);

    vec3 albedo = mix(base_color, second_color, palm);
    albedo *= 1.0 + blotch * ((v_low.z - 0.5) * 1.2 + (mid.a - 0.5) * 0.6);
    float red = v_mask.z * 0.7 + v_mask.w * 0.55
        + palm * 0.35 + (v_low.x - 0.5) * 0.9;
    albedo *= mix(vec3(1.0), vec3(1.10, 0.86, 0.82), clamp(red, 0.0, 1.2) * redness);

    float palmar = line(v_crease.y, 0.9) + line(v_crease.y - 3.2, 0.8) * 0.6
        + line(v_crease.z, 0.9) + line(v_crease.x - 20.0, 1.1);
    float back = sin(v_crease.y * 1.9 + mid.r * 6.0) * line(v_crease.y, 6.0)
        + sin(v_crease.z * 2.4 + mid.r * 6.0) * line(v_crease.z, 4.0);
    float fold = finger * (palm * palmar + (1.0 - palm) * 0.4 * back)
        + inside * lines.r * (1.0 - finger * 0.7);
    float skin_grain = mix(pores.r, pores.g, palm) - 0.5;
    albedo *= 1.0 - wrinkle * vec3(0.26, 0.33, 0.34) * clamp(fold, -0.3, 1.0);
    albedo *= 1.0 + wrinkle * 0.3 * skin_grain;
    float cord = inside * (lines.b - 0.5) * (1.0 - palm);
    albedo *= 1.0 - vein * inside * lines.g * (1.0 - palm) * vec3(0.26, 0.13, 0.07);
    float hairy = hair * (1.0 - palm) * (1.0 - nail)
        * smoothstep(30.0, -40.0, v_rest.y + 60.0 * (v_low.y - 0.5) - 30.0 * finger);
    albedo *= 1.0 - hairy * pores.b;

    float height = wrinkle * (0.35 * skin_grain - 0.5 * fold + 0.5 * (mid.b - 0.5))
        + vein * (0.9 * lines.g * inside * (1.0 - palm) + 2.2 * cord);
    Material m;
    m.normal = bumped(n, height * (1.0 - nail));
    // A pale crescent at the root, a free edge, a dark fold around.
    vec3 bed = nail_color * (1.0 + 0.22 * (1.0 - paint)
        * (smoothstep(0.3, 0.12, v_mask.z) + 1.3 * smoothstep(0.9, 0.97, v_mask.z)));
    albedo *= 1.0 - 0.25 * line(v_mask.x - 0.35, 0.12);
    m.albedo = mix(albedo, bed, nail * mix(0.85, 1.0, paint));
    m.gloss = mix(1.0 - 0.4 * palm, 2.2, nail);
    m.thin = finger * (0.35 + 0.65 * v_mask.z) + 0.08;
    return m;
}
#elif MATERIAL == CLOTH
Material surface_material(vec3 n) {
    vec4 mid = texture(noise, v_rest * 0.012 + noise_offset);
    vec4 high = texture(noise, v_rest * 0.19 + noise_offset);
    float stripe = step(0.5, fract(v_rest.y * pattern + 0.3 * pattern));
    vec3 albedo = mix(base_color, second_color, pattern > 0.0 ? stripe : 0.0);
    n = normalize(n + (mid.rgb - 0.5) * 1.6 + (high.rgb - 0.5) * 0.3);
    return Material(albedo * (0.85 + 0.3 * high.a), n, 0.15, 0.0);
}
#else
Material surface_material(vec3 n) {
    vec4 mid = texture(noise, v_rest * 0.01 + noise_offset);
    float stripe = smoothstep(0.45, 0.55, fract(v_rest.y * pattern + mid.a));
    vec3 albedo = mix(base_color, second_color, pattern > 0.0 ? stripe : mid.a * 0.4);
    return Material(albedo, n, 1.5, 0.0);
}
#endif

float shadow() {
    vec2 edge = abs(v_shadow.xy - 0.5);
    if (max(edge.x, edge.y) > 0.5) return 1.0;
    vec3 at = v_shadow - vec3(0.0, 0.0, 0.003);
    float s = shadow_softness;
    float sum = texture(shadow_map, at + vec3(s, 0.4 * s, 0.0))
        + texture(shadow_map, at + vec3(-0.4 * s, s, 0.0))
        + texture(shadow_map, at + vec3(-s, -0.4 * s, 0.0))
        + texture(shadow_map, at + vec3(0.4 * s, -s, 0.0));
    return 1.0 - shadow_strength * (1.0 - 0.25 * sum);
}

vec3 shade(Material m, vec3 smooth_normal) {
    vec3 n = m.normal;
    vec3 v = normalize(-v_position);
    float nv = max(dot(n, v), 0.0);
    float edge = 1.0 - nv;
    float nl = dot(n, light_direction.xyz);
    float visible = shadow();
    // Bumps see more or less of the side that most light comes from.
    float tilt = max(1.0 + dot(n - smooth_normal, light_slope.xyz), 0.0);
    // Two lobes about the mirrored direction, one four times as narrow.
    float off = 1.0 - dot(reflect(-v, n), light_direction.xyz);
    float broad = 1.0 / (1.0 + sharpness * off);
    float narrow = 1.0 / (1.0 + 4.0 * sharpness * off);
    float lobe = sharpness * mix(broad * broad * broad,
                                 4.0 * narrow * narrow * narrow, oil);
    float fresnel = 0.035 + 0.16 * edge * edge * edge * edge * edge;
    lobe = min(0.25 * lobe * fresnel * max(nl, 0.0), 1.0) * visible;
    vec3 shine = (light_color.rgb * lobe + v_mirrored * fresnel)
        * (specular * m.gloss);
#if MATERIAL == SKIN
    // Light bleeds red around the terminator, into the edge of a shadow and
    // through fingers.
    const vec3 wrap = vec3(0.32, 0.16, 0.10);
    vec3 direct = max(nl / (1.0 + wrap) + wrap / (1.0 + wrap), 0.0)
        * vec3(mix(visible, sqrt(visible), 0.35), visible, visible);
    direct += vec3(0.63, 0.17, 0.08) * (m.thin * edge * max(-nl, 0.0));
#else
    float direct = max(nl * 0.95 + 0.05, 0.0) * visible;
#endif
    return m.albedo * (v_diffuse * tilt + light_color.rgb * direct) + shine;
}

vec3 to_srgb(vec3 c) {
    c = min(max(c, 0.0) * exposure, 8.0);
    c = c * (1.0 + c * 0.11) / (1.0 + 0.66 * c);  // a soft shoulder
    vec3 a = sqrt(min(c, 1.0));                   // the curve by three roots
    vec3 b = sqrt(a);
    return max(0.585122 * a + 0.783140 * b - 0.368263 * sqrt(b), 0.0);
}

void main() {
#ifdef CLIPPED
    if (v_rest.y < clip.x || v_rest.y > clip.y) discard;
#endif
    vec3 n = normalize(v_normal);
    color = vec4(to_srgb(shade(surface_material(n), n)), 1.0);
    depth = v_position.z;
    bool hand = mod(identity, 8.0) == 1.0;
    float forearm = hand && v_rest.y < 0.0 ? 1.0 : 0.0;
    label = vec2(identity + forearm, v_region) / 255.0;
}
