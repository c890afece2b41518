// ---- kernel 1 of 1
// contraction: abs
// _ = contract "h j r, h j c -> h r c"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> abs_3: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 12u) { return; }
  let h = thread / 4u;
  let row_tile = (thread / 2u) % 2u;
  let column_tile = thread % 2u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  for (var j = id.z; j < 5u; j++) {
    let q_2 = q[h * 40u + j * 8u + row_tile];
    let q_3 = q[h * 40u + j * 8u + row_tile + 2u];
    let q_4 = q[h * 40u + j * 8u + row_tile + 4u];
    let q_5 = q[h * 40u + j * 8u + row_tile + 6u];
    let k_2 = k[column_tile + h * 40u + j * 8u];
    let k_3 = k[column_tile + h * 40u + j * 8u + 2u];
    let k_4 = k[column_tile + h * 40u + j * 8u + 4u];
    let k_5 = k[column_tile + h * 40u + j * 8u + 6u];
    sum_0 += (q_2[0] * k_2);
    sum_1 += (q_2[1] * k_2);
    sum_2 += (q_2[2] * k_2);
    sum_3 += (q_2[3] * k_2);
    sum_0 += (q_3[0] * k_3);
    sum_1 += (q_3[1] * k_3);
    sum_2 += (q_3[2] * k_3);
    sum_3 += (q_3[3] * k_3);
    sum_0 += (q_4[0] * k_4);
    sum_1 += (q_4[1] * k_4);
    sum_2 += (q_4[2] * k_4);
    sum_3 += (q_4[3] * k_4);
    sum_0 += (q_5[0] * k_5);
    sum_1 += (q_5[1] * k_5);
    sum_2 += (q_5[2] * k_5);
    sum_3 += (q_5[3] * k_5);
  }
  abs_3[column_tile + h * 2u + row_tile * 24u] = abs(sum_0);
  abs_3[column_tile + h * 2u + row_tile * 24u + 6u] = abs(sum_1);
  abs_3[column_tile + h * 2u + row_tile * 24u + 12u] = abs(sum_2);
  abs_3[column_tile + h * 2u + row_tile * 24u + 18u] = abs(sum_3);
}
