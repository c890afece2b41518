// ---- kernel 1 of 2
// map: pad, sin

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> pad_2: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sin_3: array<vec4<f32>>;

fn weft_sin4(x: vec4<f32>) -> vec4<f32> {
  let k = round(x * 0.63661977);
  let r = (((x - k * 1.5703125) - k * 0.0004837512969970703) - k * 7.549533620476723e-08) - k * 2.5632829192545614e-12;
  let s = r * r;
  let sine = r * (((-0.00019502194481901824 * s + 0.008332022465765476) * s - 0.16666650772094727) * s + 1.0);
  let cosine = (((2.4377693989663385e-05 * s - 0.001388659467920661) * s + 0.04166661575436592) * s - 0.5) * s + 1.0;
  let quadrant = vec4<i32>(k) & vec4<i32>(3);
  let value = select(sine, cosine, (quadrant & vec4<i32>(1)) == vec4<i32>(1));
  return select(value, -value, quadrant >= vec4<i32>(2));
}

fn weft_tanh4(x: vec4<f32>) -> vec4<f32> {
  let s = x * x;
  let inner = x * (((((-0.005599785130470991 * s + 0.02053697220981121) * s - 0.05370427668094635) * s
    + 0.13330917060375214) * s - 0.33333250880241394) * s + 1.0);
  let outer = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), vec4<f32>(10.0))) + 1.0));
  return select(outer, inner, abs(x) < vec4<f32>(0.6));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 18u) { return; }
  let pad = select(vec4<f32>(2.0), weft_tanh4(vec4<f32>(a[(clamp(thread / 2u, 1u, 5u) - 1u) + (clamp((thread % 2u) * 4u, 1u, 7u) - 1u) * 5u], a[(thread % 2u) * 20u + (clamp(thread / 2u, 1u, 5u) - 1u)], a[(thread % 2u) * 20u + (clamp(thread / 2u, 1u, 5u) - 1u) + 5u], a[(thread % 2u) * 20u + (clamp(thread / 2u, 1u, 5u) - 1u) + 10u])), (vec4<bool>((i32((thread / 2u) - 1u) >= 0) & (i32((thread / 2u) - 1u) <= 4)) & ((vec4<i32>(i32((thread % 2u) * 4u - 1u)) + vec4<i32>(0, 1, 2, 3)) >= vec4<i32>(0))));
  pad_2[thread] = pad;
  sin_3[thread] = weft_sin4(pad);
}

// ---- kernel 2 of 2
// map: concat

@group(0) @binding(0) var<storage, read_write> sin_2: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> concat_2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 36u) { return; }
  concat_2[thread] = select(sin_2[(thread % 2u) + (clamp(thread / 2u, 9u, 17u) - 9u) * 2u], vec4<f32>(sin_2[clamp(thread / 2u, 0u, 8u) * 2u + 1u - (thread % 2u)][3u], sin_2[clamp(thread / 2u, 0u, 8u) * 2u + 1u - (thread % 2u)][2u], sin_2[clamp(thread / 2u, 0u, 8u) * 2u + 1u - (thread % 2u)][1u], sin_2[clamp(thread / 2u, 0u, 8u) * 2u + 1u - (thread % 2u)][0u]), vec4<bool>(i32(thread / 2u) <= 8));
}
