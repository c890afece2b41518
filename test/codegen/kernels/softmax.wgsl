// ---- kernel 1 of 1
// rows: div
// _ = maximum "i k -> i"
// _ = sum "i k -> i"

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> div_2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 6u) { return; }
  var maximum: vec4<f32> = vec4<f32>(-3.4028234663852886e+38);
  for (var k = 0u; k < 4u; k++) {
    maximum = max(maximum, x[k + row * 4u]);
  }
  let maximum_2 = max(max(max(maximum[0], maximum[1]), maximum[2]), maximum[3]);
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var k_2 = 0u; k_2 < 4u; k_2++) {
    sum += exp((x[k_2 + row * 4u] - vec4<f32>(maximum_2)));
  }
  let sum_2 = ((sum[0] + sum[1]) + sum[2]) + sum[3];
  for (var k_3 = 0u; k_3 < 4u; k_3++) {
    div_2[k_3 + row * 4u] = exp((x[k_3 + row * 4u] - vec4<f32>(maximum_2))) / vec4<f32>(sum_2);
  }
}
