// Positions and normals are in the camera frame, millimetres. The light of the
// environment and blotches change slowly: they are computed here, once a
// vertex.
uniform sampler3D noise;
uniform sampler2D reflections;  // blurred environments side by side

in vec3 position;
in vec3 normal;
in vec3 rest;
in float region;
out vec3 v_position;
out vec3 v_normal;
out vec3 v_rest;
out vec3 v_shadow;
out vec3 v_diffuse;
out vec3 v_mirrored;
flat out float v_region;
#if MATERIAL == SKIN
in vec4 mask;
in vec4 crease;
out vec4 v_mask;
out vec4 v_crease;
out vec3 v_low;
#endif

vec3 diffuse_environment(vec3 n) {
    vec3 e = irradiance[0].rgb
        + irradiance[1].rgb * n.y + irradiance[2].rgb * n.z + irradiance[3].rgb * n.x
        + irradiance[4].rgb * (n.x * n.y) + irradiance[5].rgb * (n.y * n.z)
        + irradiance[6].rgb * (3.0 * n.z * n.z - 1.0) + irradiance[7].rgb * (n.x * n.z)
        + irradiance[8].rgb * (n.x * n.x - n.y * n.y);
    return max(e, vec3(0.0));
}

// The blurred environment towards d; tiles are octahedral maps with a border.
vec3 mirrored_environment(vec3 d) {
    d /= abs(d.x) + abs(d.y) + abs(d.z);
    vec2 p = d.xy;
    if (d.z < 0.0) {
        p = (1.0 - abs(d.yx)) * vec2(d.x < 0.0 ? -1.0 : 1.0, d.y < 0.0 ? -1.0 : 1.0);
    }
    vec2 at = (p * 0.5 + 0.5) * (12.0 / 14.0) + 1.0 / 14.0;
    vec4 coded = textureLod(reflections,
                            vec2(at.x, (at.y + gloss_level) / 4.0), 0.0);
    return coded.rgb * coded.rgb * irradiance[0].a;
}

void main() {
    v_position = position;
    v_normal = normal;
    v_rest = rest;
    v_region = region;
#if MATERIAL == SKIN
    v_mask = mask;
    v_crease = crease;
    v_low = textureLod(noise, rest * 0.006 + noise_offset, 0.0).rga;
#endif
    v_diffuse = diffuse_environment(normal);
    v_mirrored = mirrored_environment(reflect(normalize(position), normal));
    vec4 s = shadow_projection * vec4(position, 1.0);
    v_shadow = s.xyz * 0.5 + 0.5;
    gl_Position = projection * vec4(position, 1.0);
}
