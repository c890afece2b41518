// ---- kernel 1 of 1
// contraction: contract
// _ = contract "h i c, h c -> h i"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 60u) { return; }
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var c = 0u; c < 2u; c++) {
    sum += (q[c + thread * 2u] * k[(thread / 20u) * 2u + c]);
  }
  contract[thread] = ((sum[0] + sum[1]) + sum[2]) + sum[3];
}
