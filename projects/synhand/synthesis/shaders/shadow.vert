in vec3 position;

void main() {
    gl_Position = shadow_projection * vec4(position, 1.0);
}
