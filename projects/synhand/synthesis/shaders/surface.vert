#version 330
// Positions and normals are in the camera frame, millimetres.
uniform mat4 projection;
uniform mat4 shadow_projection;
in vec3 position;
in vec3 normal;
in vec3 rest;
in vec4 mask;
in vec4 crease;
in float region;
out vec3 v_position;
out vec3 v_normal;
out vec3 v_rest;
out vec4 v_mask;
out vec4 v_crease;
out vec3 v_shadow;
flat out float v_region;

void main() {
    v_position = position;
    v_normal = normal;
    v_rest = rest;
    v_mask = mask;
    v_crease = crease;
    v_region = region;
    vec4 s = shadow_projection * vec4(position, 1.0);
    v_shadow = s.xyz * 0.5 + 0.5;
    gl_Position = projection * vec4(position, 1.0);
}
