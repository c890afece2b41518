// ---- kernel 1 of 1
// rows: mul
// _ = sum "i k -> i"
// _ = sum "i k -> i"

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> mul_6: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 10u) { return; }
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var k = 0u; k < 4u; k++) {
    sum += x[k + row * 4u];
  }
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  let mul = (((sum[0] + sum[1]) + sum[2]) + sum[3]) * 0.0625;
  for (var k_2 = 0u; k_2 < 4u; k_2++) {
    let sub = x[k_2 + row * 4u] - vec4<f32>(mul);
    sum_3 += (sub * sub);
  }
  let rsqrt = inverseSqrt(((((sum_3[0] + sum_3[1]) + sum_3[2]) + sum_3[3]) * 0.0625));
  for (var k_3 = 0u; k_3 < 4u; k_3++) {
    mul_6[k_3 + row * 4u] = ((x[k_3 + row * 4u] - vec4<f32>(mul)) * vec4<f32>(rsqrt)) * g[k_3];
  }
}
