#version 330
// Skin, cloth and plain objects under a few directional lights and a sky.
// Light is computed linear; the output is sRGB with coverage in alpha.
const int MAX_LIGHTS = 4;
uniform int light_count;
uniform vec3 light_direction[MAX_LIGHTS];  // towards the light
uniform vec3 light_color[MAX_LIGHTS];
uniform vec3 sky_color;
uniform vec3 ground_color;
uniform vec3 up;
uniform float shadow_strength;
uniform sampler2DShadow shadow_map;
uniform sampler3D noise;

uniform int material;        // 0 skin, 1 cloth, 2 plain
uniform float identity;      // written to the label buffer; a hand's forearm is
                             // one more than the hand, see things.py
uniform vec3 base_color;     // linear RGB
uniform vec3 second_color;   // palm of skin, stripes of cloth
uniform vec3 nail_color;
uniform vec3 noise_offset;
uniform float blotch;        // strength of low-frequency colour changes
uniform float redness;
uniform float wrinkle;       // strength of creases and bumps
uniform float vein;
uniform float roughness;
uniform float specular;
uniform float pattern;       // stripes per mm of cloth and plain objects
uniform vec2 clip;           // lowest and highest rest.y that is drawn, mm

in vec3 v_position;
in vec3 v_normal;
in vec3 v_rest;
in vec4 v_mask;              // nail, palm, tip, knuckle
in vec4 v_crease;            // mm along the finger from MCP, PIP, DIP; finger
in vec3 v_shadow;
flat in float v_region;
layout(location = 0) out vec4 color;
layout(location = 1) out vec2 label;  // depth in mm, identity + 64 * region

float line(float d, float width) {
    return exp(-d * d / (width * width));
}

// Distance to an arc of the palm around c from angle a to b (turns).
float arc(vec2 p, vec2 c, float r, float a, float b) {
    vec2 d = p - c;
    float t = atan(d.y, d.x) / 6.2831853;
    float inside = smoothstep(a, a + 0.03, t) * (1.0 - smoothstep(b - 0.03, b, t));
    return inside * line(length(d) - r, 1.3);
}

float palm_lines(vec2 p) {
    return arc(p, vec2(46.0, 40.0), 36.0, 0.27, 0.49) * 1.0
        + arc(p, vec2(5.0, 160.0), 92.0, -0.36, -0.22) * 0.8
        + arc(p, vec2(-30.0, 145.0), 62.0, -0.29, -0.12) * 0.9;
}

vec3 skin(inout vec3 n, out float gloss) {
    vec4 low = texture(noise, v_rest * 0.006 + noise_offset);
    vec4 mid = texture(noise, v_rest * 0.03 + noise_offset);
    vec4 high = texture(noise, v_rest * 0.11 + noise_offset);
    float palm = smoothstep(0.25, 0.75, v_mask.y + 0.25 * (mid.a - 0.5));
    float nail = smoothstep(0.35, 0.6, v_mask.x);
    float finger = v_crease.w;

    vec3 albedo = mix(base_color, second_color, palm);
    albedo *= 1.0 + blotch * ((low.a - 0.5) * 1.2 + (mid.a - 0.5) * 0.6);
    float red = v_mask.z * 0.7 + v_mask.w * 0.55
        + palm * 0.35 + (low.r - 0.5) * 0.9;
    albedo *= mix(vec3(1.0), vec3(1.10, 0.86, 0.82), clamp(red, 0.0, 1.2) * redness);
    float ridge = 1.0 - smoothstep(0.0, 0.035, abs(low.g + 0.35 * mid.g - 0.68));
    albedo *= 1.0 - vein * (1.0 - palm) * (1.0 - finger) * ridge * vec3(0.22, 0.12, 0.08);

    float palmar = line(v_crease.y, 0.9) + line(v_crease.y - 3.2, 0.8) * 0.6
        + line(v_crease.z, 0.9) + line(v_crease.x - 20.0, 1.1);
    float fold = palm * (finger * palmar + (1.0 - finger) * palm_lines(v_rest.xy));
    float back = (sin(v_crease.y * 2.2 + mid.r * 4.0) * line(v_crease.y, 6.0)
        + sin(v_crease.z * 2.6 + mid.r * 4.0) * line(v_crease.z, 4.0)) * finger;
    back *= (1.0 - palm) * 0.5;
    albedo *= 1.0 - wrinkle * (0.34 * fold + 0.14 * back);
    albedo *= 1.0 + wrinkle * 0.16 * (high.a - 0.5);

    vec3 bump = (mid.rgb - 0.5) * 0.25 + (high.rgb - 0.5) * 0.45;
    n = normalize(n + wrinkle * bump * (1.0 - 0.9 * nail));
    albedo = mix(albedo, nail_color, nail * 0.85);
    gloss = mix(1.0 - 0.4 * palm, 2.2, nail);
    return albedo;
}

vec3 cloth(inout vec3 n, out float gloss) {
    vec4 mid = texture(noise, v_rest * 0.012 + noise_offset);
    vec4 high = texture(noise, v_rest * 0.19 + noise_offset);
    float stripe = step(0.5, fract(v_rest.y * pattern + 0.3 * pattern));
    vec3 albedo = mix(base_color, second_color, pattern > 0.0 ? stripe : 0.0);
    albedo *= 0.85 + 0.3 * high.a;
    n = normalize(n + (mid.rgb - 0.5) * 1.6 + (high.rgb - 0.5) * 0.3);
    gloss = 0.15;
    return albedo;
}

vec3 plain(inout vec3 n, out float gloss) {
    vec4 mid = texture(noise, v_rest * 0.01 + noise_offset);
    float stripe = smoothstep(0.45, 0.55, fract(v_rest.y * pattern + mid.a));
    gloss = 1.5;
    return mix(base_color, second_color, pattern > 0.0 ? stripe : mid.a * 0.4);
}

vec3 shade(vec3 albedo, vec3 n, float gloss) {
    vec3 v = normalize(-v_position);
    vec3 wrap = material == 0 ? vec3(0.32, 0.16, 0.10) : vec3(0.05);
    vec3 total = albedo * mix(ground_color, sky_color, 0.5 + 0.5 * dot(n, up));
    float lit = 1.0 - shadow_strength
        * (1.0 - texture(shadow_map, v_shadow - vec3(0.0, 0.0, 0.006)));
    for (int i = 0; i < light_count; ++i) {
        vec3 l = light_direction[i];
        vec3 h = normalize(l + v);
        float nl = dot(n, l);
        vec3 diffuse = max((nl + wrap) / (1.0 + wrap), 0.0);
        float visible = i == 0 ? lit : 1.0;
        float power = 2.0 / (roughness * roughness);
        float shine = pow(max(dot(n, h), 0.0), power) * (power + 8.0) / 25.0;
        float fresnel = 0.04 + 0.6 * pow(1.0 - max(dot(v, h), 0.0), 5.0);
        vec3 s = vec3(shine * fresnel * specular * gloss * max(nl, 0.0));
        // Light bleeds red into the edge of a shadow on skin.
        vec3 soft = material == 0 ? vec3(mix(visible, 1.0, 0.08), visible, visible)
                                  : vec3(visible);
        total += light_color[i] * (albedo * diffuse * soft + s * visible);
    }
    float rim = pow(1.0 - max(dot(n, v), 0.0), 4.0);
    return total + rim * 0.12 * specular * sky_color;
}

vec3 to_srgb(vec3 c) {
    c = clamp(c, 0.0, 4.0);
    c = c * (1.0 + c / 6.0) / (1.0 + c * 0.55);  // soft shoulder
    c = clamp(c, 0.0, 1.0);
    return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055,
               step(0.0031308, c));
}

void main() {
    if (v_rest.y < clip.x || v_rest.y > clip.y) discard;
    vec3 n = normalize(v_normal);
    float gloss;
    vec3 albedo = material == 0 ? skin(n, gloss)
        : material == 1 ? cloth(n, gloss) : plain(n, gloss);
    color = vec4(to_srgb(shade(albedo, n, gloss)), 1.0);
    bool hand = mod(identity, 8.0) == 1.0;
    float forearm = hand && v_rest.y < 0.0 ? 1.0 : 0.0;
    label = vec2(v_position.z, identity + forearm + 64.0 * v_region);
}
