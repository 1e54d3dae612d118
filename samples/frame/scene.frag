// The scene: balls that bounce around a column on a tiled floor, traced as distance fields. Beside the picture it writes
// what attention reads: colour and, as the fourth component, distance, 0 at the camera and 1 at the horizon, both less
// 0.5, so that they are centred.
#version 450

layout(location = 0) in vec2 place;
layout(location = 0) out vec4 color;
layout(location = 1) out vec4 features;

layout(push_constant) uniform Push { float time; };

const float far = 14.0;

float hash(vec2 p) { return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453); }

vec3 ballCentre(int i) {
    const float phase = float(i) * 1.2566;
    const float turn = 0.5 * time + phase;
    return vec3(2.1 * cos(turn), 0.45 + 0.8 * abs(sin(1.7 * time + 2.0 * phase)), 2.1 * sin(turn));
}

// Distance, and which thing is nearest: 0 floor, 1 column, 2.. balls.
vec2 scene(vec3 p) {
    vec2 nearest = vec2(p.y, 0.0);
    const vec3 q = abs(p - vec3(0.0, 0.9, 0.0)) - vec3(0.42, 0.9, 0.42);
    const float column = length(max(q, 0.0)) + min(max(q.x, max(q.y, q.z)), 0.0) - 0.06;
    if (column < nearest.x)
        nearest = vec2(column, 1.0);
    for (int i = 0; i < 5; ++i) {
        const float ball = length(p - ballCentre(i)) - 0.45;
        if (ball < nearest.x)
            nearest = vec2(ball, 2.0 + float(i));
    }
    return nearest;
}

vec3 normalAt(vec3 p) {
    const vec2 e = vec2(0.002, 0.0);
    return normalize(vec3(scene(p + e.xyy).x - scene(p - e.xyy).x, scene(p + e.yxy).x - scene(p - e.yxy).x,
                          scene(p + e.yyx).x - scene(p - e.yyx).x));
}

float shadow(vec3 p, vec3 light) {
    float lit = 1.0;
    float t = 0.05;
    for (int i = 0; i < 24 && t < 5.0; ++i) {
        const float d = scene(p + t * light).x;
        lit = min(lit, 10.0 * d / t);
        t += clamp(d, 0.04, 0.5);
    }
    return clamp(lit, 0.0, 1.0);
}

vec3 albedo(vec3 p, float thing) {
    if (thing < 0.5) {
        const vec2 tile = floor(p.xz * 1.4);
        return mix(vec3(0.75, 0.72, 0.66), vec3(0.32, 0.36, 0.42), mod(tile.x + tile.y, 2.0)) * (0.9 + 0.2 * hash(tile));
    }
    if (thing < 1.5)
        return vec3(0.8, 0.55, 0.3) * (0.75 + 0.25 * step(0.5, fract(p.y * 3.0)));
    return 0.5 + 0.45 * cos(6.2831 * (0.19 * thing + vec3(0.0, 0.33, 0.67)));
}

void write(vec3 rgb, float distance) {
    color = vec4(rgb, 1.0);
    features = clamp(vec4(rgb, distance), 0.0, 1.0) - 0.5;
}

void main() {
    const vec3 eye = vec3(0.5, 2.4, -6.0);
    const vec3 forward = normalize(vec3(0.0, 0.75, 0.0) - eye);
    const vec3 right = normalize(cross(vec3(0.0, 1.0, 0.0), forward));
    const vec3 up = cross(forward, right);
    const vec3 ray = normalize(1.9 * forward + place.x * right - place.y * up);
    const vec3 light = normalize(vec3(-0.5, 0.8, -0.45));

    float t = 0.0;
    vec2 hit = vec2(1.0, -1.0);
    for (int i = 0; i < 80 && t < far; ++i) {
        hit = scene(eye + t * ray);
        if (hit.x < 0.001 * t)
            break;
        t += hit.x;
    }
    const vec3 sky = mix(vec3(0.75, 0.83, 0.92), vec3(0.28, 0.45, 0.72), clamp(2.2 * ray.y + 0.5, 0.0, 1.0));
    if (t >= far) {
        write(sky, 1.0);
        return;
    }
    const vec3 p = eye + t * ray;
    const vec3 n = normalAt(p);
    const vec3 base = albedo(p, hit.y);
    const float diffuse = max(dot(n, light), 0.0) * shadow(p + 0.01 * n, light);
    const float shine = pow(max(dot(reflect(-light, n), -ray), 0.0), 40.0) * step(1.5, hit.y) * diffuse;
    const vec3 lit = base * (0.28 * sky + 0.95 * diffuse) + 0.6 * shine;
    const float haze = pow(t / far, 3.0);
    write(sqrt(mix(lit, sky, haze)), t / far);
}
