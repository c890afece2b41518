// ---- kernel 1 of 1
// contraction: contract
// _ = contract "t a, a b, i b -> t i"

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> e: array<f32>;
@group(0) @binding(3) var<storage, read_write> contract: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 35u) { return; }
  var sum: f32 = 0.0;
  for (var a = id.z; a < 8u; a++) {
    let q_2 = q[(thread / 7u) * 8u + a];
    for (var b = 0u; b < 6u; b++) {
      sum += ((q_2 * w[a * 6u + b]) * e[(thread % 7u) * 6u + b]);
    }
  }
  contract[thread] = sum;
}
