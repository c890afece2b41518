// ---- kernel 1 of 1
// map: neg

@group(0) @binding(0) var<storage, read> tokens: array<i32>;
@group(0) @binding(1) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> neg_2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 12u) { return; }
  neg_2[thread] = -table[(thread % 2u) + u32(tokens[thread / 2u]) * 2u];
}
