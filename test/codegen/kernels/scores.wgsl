// ---- kernel 1 of 1
// contraction: contract
// _ = contract "h i c, h j c -> h i j"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 18u) { return; }
  let row_tile = (thread / 2u) % 3u;
  let column_tile = thread % 2u;
  let h = thread / 6u;
  var sum_00: vec4<f32> = vec4<f32>(0.0);
  var sum_01: vec4<f32> = vec4<f32>(0.0);
  var sum_10: vec4<f32> = vec4<f32>(0.0);
  var sum_11: vec4<f32> = vec4<f32>(0.0);
  var sum_20: vec4<f32> = vec4<f32>(0.0);
  var sum_21: vec4<f32> = vec4<f32>(0.0);
  var sum_30: vec4<f32> = vec4<f32>(0.0);
  var sum_31: vec4<f32> = vec4<f32>(0.0);
  for (var c = id.z; c < 2u; c++) {
    let q_2 = q[c + h * 20u + row_tile * 8u];
    let q_3 = q[c + h * 20u + row_tile * 8u + 2u];
    let q_4 = q[c + clamp(row_tile * 4u + 2u, 0u, 9u) * 2u + h * 20u];
    let q_5 = q[c + clamp(row_tile * 4u + 3u, 0u, 9u) * 2u + h * 20u];
    let k_2 = k[c + column_tile * 16u + h * 18u];
    let k_3 = k[c + clamp(column_tile * 8u + 1u, 0u, 8u) * 2u + h * 18u];
    let k_4 = k[c + clamp(column_tile * 8u + 2u, 0u, 8u) * 2u + h * 18u];
    let k_5 = k[c + clamp(column_tile * 8u + 3u, 0u, 8u) * 2u + h * 18u];
    let k_6 = k[c + clamp(column_tile * 8u + 4u, 0u, 8u) * 2u + h * 18u];
    let k_7 = k[c + clamp(column_tile * 8u + 5u, 0u, 8u) * 2u + h * 18u];
    let k_8 = k[c + clamp(column_tile * 8u + 6u, 0u, 8u) * 2u + h * 18u];
    let k_9 = k[c + clamp(column_tile * 8u + 7u, 0u, 8u) * 2u + h * 18u];
    sum_00 += (q_2[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_01 += (q_2[0] * vec4<f32>(k_6[0], k_7[0], k_8[0], k_9[0]));
    sum_10 += (q_3[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_11 += (q_3[0] * vec4<f32>(k_6[0], k_7[0], k_8[0], k_9[0]));
    sum_20 += (q_4[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_21 += (q_4[0] * vec4<f32>(k_6[0], k_7[0], k_8[0], k_9[0]));
    sum_30 += (q_5[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_31 += (q_5[0] * vec4<f32>(k_6[0], k_7[0], k_8[0], k_9[0]));
    sum_00 += (q_2[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_01 += (q_2[1] * vec4<f32>(k_6[1], k_7[1], k_8[1], k_9[1]));
    sum_10 += (q_3[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_11 += (q_3[1] * vec4<f32>(k_6[1], k_7[1], k_8[1], k_9[1]));
    sum_20 += (q_4[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_21 += (q_4[1] * vec4<f32>(k_6[1], k_7[1], k_8[1], k_9[1]));
    sum_30 += (q_5[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_31 += (q_5[1] * vec4<f32>(k_6[1], k_7[1], k_8[1], k_9[1]));
    sum_00 += (q_2[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_01 += (q_2[2] * vec4<f32>(k_6[2], k_7[2], k_8[2], k_9[2]));
    sum_10 += (q_3[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_11 += (q_3[2] * vec4<f32>(k_6[2], k_7[2], k_8[2], k_9[2]));
    sum_20 += (q_4[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_21 += (q_4[2] * vec4<f32>(k_6[2], k_7[2], k_8[2], k_9[2]));
    sum_30 += (q_5[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_31 += (q_5[2] * vec4<f32>(k_6[2], k_7[2], k_8[2], k_9[2]));
    sum_00 += (q_2[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_01 += (q_2[3] * vec4<f32>(k_6[3], k_7[3], k_8[3], k_9[3]));
    sum_10 += (q_3[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_11 += (q_3[3] * vec4<f32>(k_6[3], k_7[3], k_8[3], k_9[3]));
    sum_20 += (q_4[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_21 += (q_4[3] * vec4<f32>(k_6[3], k_7[3], k_8[3], k_9[3]));
    sum_30 += (q_5[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_31 += (q_5[3] * vec4<f32>(k_6[3], k_7[3], k_8[3], k_9[3]));
  }
  contract[column_tile * 8u + h * 90u + row_tile * 36u] = sum_00[0];
  contract[column_tile * 8u + h * 90u + row_tile * 36u + 9u] = sum_10[0];
  if (i32(row_tile * 4u + 2u) < 10) {
    contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + column_tile * 8u + h * 90u] = sum_20[0];
  }
  if (i32(row_tile * 4u + 3u) < 10) {
    contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + column_tile * 8u + h * 90u] = sum_30[0];
  }
  if (i32(column_tile * 8u + 1u) < 9) {
    contract[clamp(column_tile * 8u + 1u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_00[1];
    contract[clamp(column_tile * 8u + 1u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_10[1];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 1u, 0u, 8u) + h * 90u] = sum_20[1];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 1u, 0u, 8u) + h * 90u] = sum_30[1];
    }
  }
  if (i32(column_tile * 8u + 2u) < 9) {
    contract[clamp(column_tile * 8u + 2u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_00[2];
    contract[clamp(column_tile * 8u + 2u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_10[2];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 2u, 0u, 8u) + h * 90u] = sum_20[2];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 2u, 0u, 8u) + h * 90u] = sum_30[2];
    }
  }
  if (i32(column_tile * 8u + 3u) < 9) {
    contract[clamp(column_tile * 8u + 3u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_00[3];
    contract[clamp(column_tile * 8u + 3u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_10[3];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 3u, 0u, 8u) + h * 90u] = sum_20[3];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 3u, 0u, 8u) + h * 90u] = sum_30[3];
    }
  }
  if (i32(column_tile * 8u + 4u) < 9) {
    contract[clamp(column_tile * 8u + 4u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_01[0];
    contract[clamp(column_tile * 8u + 4u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_11[0];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 4u, 0u, 8u) + h * 90u] = sum_21[0];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 4u, 0u, 8u) + h * 90u] = sum_31[0];
    }
  }
  if (i32(column_tile * 8u + 5u) < 9) {
    contract[clamp(column_tile * 8u + 5u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_01[1];
    contract[clamp(column_tile * 8u + 5u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_11[1];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 5u, 0u, 8u) + h * 90u] = sum_21[1];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 5u, 0u, 8u) + h * 90u] = sum_31[1];
    }
  }
  if (i32(column_tile * 8u + 6u) < 9) {
    contract[clamp(column_tile * 8u + 6u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_01[2];
    contract[clamp(column_tile * 8u + 6u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_11[2];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 6u, 0u, 8u) + h * 90u] = sum_21[2];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 6u, 0u, 8u) + h * 90u] = sum_31[2];
    }
  }
  if (i32(column_tile * 8u + 7u) < 9) {
    contract[clamp(column_tile * 8u + 7u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_01[3];
    contract[clamp(column_tile * 8u + 7u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_11[3];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + clamp(column_tile * 8u + 7u, 0u, 8u) + h * 90u] = sum_21[3];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + clamp(column_tile * 8u + 7u, 0u, 8u) + h * 90u] = sum_31[3];
    }
  }
}
