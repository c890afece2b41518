// ---- kernel 1 of 1
// rows: maximum
// _ = maximum "c y x ky kx -> c y x"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> maximum_2: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 90u) { return; }
  var maximum: f32 = -3.4028234663852886e+38;
  for (var k = id.z; k < 3u; k++) {
    for (var k_2 = 0u; k_2 < 3u; k_2++) {
      maximum = max(maximum, select((-3.4028234663852886e+38), x[(row / 30u) * 108u + (clamp(((row / 6u) % 5u) * 2u + k, 1u, 9u) - 1u) * 12u + (clamp((row % 6u) * 2u + k_2, 1u, 12u) - 1u)], (((i32(((row / 6u) % 5u) * 2u + k - 1u) >= 0) & (i32(((row / 6u) % 5u) * 2u + k - 1u) <= 8)) & (i32((row % 6u) * 2u + k_2 - 1u) >= 0))));
    }
  }
  maximum_2[row] = maximum;
}
