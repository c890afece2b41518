// ---- kernel 1 of 2
// scan: exp
// _ = cumulative_sum "axis 1"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> exp_3: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let line = id.x;
  if (line >= 10u) { return; }
  var running: vec4<f32> = vec4<f32>(0.0);
  for (var step_2 = 0u; step_2 < 9u; step_2++) {
    exp_3[(line % 2u) + (line / 2u) * 18u + step_2 * 2u] = exp(running);
    running += q[(line % 2u) + (line / 2u) * 18u + step_2 * 2u];
  }
}

// ---- kernel 2 of 2
// scan: cumulative_maximum
// _ = cumulative_maximum "axis 2"

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> cumulative_maximum: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let line = id.x;
  if (line >= 45u) { return; }
  var running: f32 = -3.4028234663852886e+38;
  for (var step_2 = 0u; step_2 < 8u; step_2++) {
    running = max(running, q[line * 8u + 7u - step_2]);
    cumulative_maximum[line * 8u + 7u - step_2] = running;
  }
}
