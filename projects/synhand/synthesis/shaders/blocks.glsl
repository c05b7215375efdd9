#version 330
// What every program shares; renderer.py fills both blocks in this order.
const int SKIN = 0;
const int CLOTH = 1;
const int PLAIN = 2;

layout(std140) uniform FrameBlock {
    mat4 projection;
    mat4 shadow_projection;
    vec4 light_direction;  // towards the light
    vec4 light_color;
    vec4 light_slope;      // gradient of the environment's relative light
    vec4 irradiance[9];    // spherical harmonics, see environment.py; the first
                           // one's w is the unit of the reflections
    float unused;
    float shadow_strength;
    float shadow_softness; // in shadow texture coordinates
    float exposure;
};

layout(std140) uniform SurfaceBlock {
    vec3 base_color;       // linear RGB
    float sharpness;       // of the highlight
    vec3 second_color;     // palm of skin, stripes of cloth
    float specular;
    vec3 nail_color;
    float paint;           // 1 where nails are painted
    vec3 noise_offset;
    float identity;        // written to the label buffer; a hand's forearm is
                           // one more than the hand, see things.py
    float blotch;          // strength of low-frequency colour changes
    float redness;
    float wrinkle;         // strength of creases and bumps
    float vein;
    float hair;
    float oil;             // share of the sharp lobe of the highlight
    float pattern;         // stripes per mm of cloth and plain objects
    float gloss_level;     // which of the blurred environments is mirrored
    vec2 clip;             // lowest and highest rest.y that is drawn, mm
    float variant;         // which set of palm lines, veins and tendons
    float detail_lod;      // level of the detail textures that fits the size
};
