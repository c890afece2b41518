// ---- kernel 1 of 1
// contraction: abs
// _ = contract "h j r, h j c -> h r c"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> abs_3: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 6u) { return; }
  let row_tile = thread % 2u;
  let h = thread / 2u;
  var sum_00: vec4<f32> = vec4<f32>(0.0);
  var sum_01: vec4<f32> = vec4<f32>(0.0);
  var sum_10: vec4<f32> = vec4<f32>(0.0);
  var sum_11: vec4<f32> = vec4<f32>(0.0);
  var sum_20: vec4<f32> = vec4<f32>(0.0);
  var sum_21: vec4<f32> = vec4<f32>(0.0);
  var sum_30: vec4<f32> = vec4<f32>(0.0);
  var sum_31: vec4<f32> = vec4<f32>(0.0);
  for (var j = id.z; j < 5u; j++) {
    let q_2 = q[h * 40u + j * 8u + row_tile];
    let q_3 = q[h * 40u + j * 8u + row_tile + 2u];
    let q_4 = q[h * 40u + j * 8u + row_tile + 4u];
    let q_5 = q[h * 40u + j * 8u + row_tile + 6u];
    let k_2 = k[h * 40u + j * 8u];
    let k_3 = k[h * 40u + j * 8u + 2u];
    let k_4 = k[h * 40u + j * 8u + 4u];
    let k_5 = k[h * 40u + j * 8u + 6u];
    let k_6 = k[h * 40u + j * 8u + 1u];
    let k_7 = k[h * 40u + j * 8u + 3u];
    let k_8 = k[h * 40u + j * 8u + 5u];
    let k_9 = k[h * 40u + j * 8u + 7u];
    sum_00 += (q_2[0] * k_2);
    sum_01 += (q_2[0] * k_6);
    sum_10 += (q_2[1] * k_2);
    sum_11 += (q_2[1] * k_6);
    sum_20 += (q_2[2] * k_2);
    sum_21 += (q_2[2] * k_6);
    sum_30 += (q_2[3] * k_2);
    sum_31 += (q_2[3] * k_6);
    sum_00 += (q_3[0] * k_3);
    sum_01 += (q_3[0] * k_7);
    sum_10 += (q_3[1] * k_3);
    sum_11 += (q_3[1] * k_7);
    sum_20 += (q_3[2] * k_3);
    sum_21 += (q_3[2] * k_7);
    sum_30 += (q_3[3] * k_3);
    sum_31 += (q_3[3] * k_7);
    sum_00 += (q_4[0] * k_4);
    sum_01 += (q_4[0] * k_8);
    sum_10 += (q_4[1] * k_4);
    sum_11 += (q_4[1] * k_8);
    sum_20 += (q_4[2] * k_4);
    sum_21 += (q_4[2] * k_8);
    sum_30 += (q_4[3] * k_4);
    sum_31 += (q_4[3] * k_8);
    sum_00 += (q_5[0] * k_5);
    sum_01 += (q_5[0] * k_9);
    sum_10 += (q_5[1] * k_5);
    sum_11 += (q_5[1] * k_9);
    sum_20 += (q_5[2] * k_5);
    sum_21 += (q_5[2] * k_9);
    sum_30 += (q_5[3] * k_5);
    sum_31 += (q_5[3] * k_9);
  }
  abs_3[h * 2u + row_tile * 24u] = abs(sum_00);
  abs_3[h * 2u + row_tile * 24u + 1u] = abs(sum_01);
  abs_3[h * 2u + row_tile * 24u + 6u] = abs(sum_10);
  abs_3[h * 2u + row_tile * 24u + 7u] = abs(sum_11);
  abs_3[h * 2u + row_tile * 24u + 12u] = abs(sum_20);
  abs_3[h * 2u + row_tile * 24u + 13u] = abs(sum_21);
  abs_3[h * 2u + row_tile * 24u + 18u] = abs(sum_30);
  abs_3[h * 2u + row_tile * 24u + 19u] = abs(sum_31);
}
