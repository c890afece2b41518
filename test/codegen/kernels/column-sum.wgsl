// ---- kernel 1 of 2
// rows: sum
// _ = sum "h j r -> h r"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sum_2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 6u) { return; }
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var k = 0u; k < 50u; k++) {
    sum += q[(row % 2u) + (row / 2u) * 100u + k * 2u];
  }
  sum_2[row] = sum;
}

// ---- kernel 2 of 2
// map: gt, cast

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gt_2: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> cast_3: array<vec4<i32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 300u) { return; }
  let q_2 = q[thread];
  let gt = q_2 > q_2;
  gt_2[thread] = select(vec4<u32>(0u), vec4<u32>(1u), gt);
  cast_3[thread] = vec4<i32>(gt);
}
