// ---- kernel 1 of 1
// contraction: contract
// _ = contract "h i c, h j c -> h i j"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 27u) { return; }
  let h = thread / 9u;
  let row_tile = (thread / 3u) % 3u;
  let column_tile = thread % 3u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  for (var c = id.z; c < 2u; c++) {
    let q_2 = q[c + h * 20u + row_tile * 8u];
    let q_3 = q[c + h * 20u + row_tile * 8u + 2u];
    let q_4 = q[c + clamp(row_tile * 4u + 2u, 0u, 9u) * 2u + h * 20u];
    let q_5 = q[c + clamp(row_tile * 4u + 3u, 0u, 9u) * 2u + h * 20u];
    let k_2 = k[c + column_tile * 8u + h * 18u];
    let k_3 = k[c + clamp(column_tile * 4u + 1u, 0u, 8u) * 2u + h * 18u];
    let k_4 = k[c + clamp(column_tile * 4u + 2u, 0u, 8u) * 2u + h * 18u];
    let k_5 = k[c + clamp(column_tile * 4u + 3u, 0u, 8u) * 2u + h * 18u];
    sum_0 += (q_2[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_1 += (q_3[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_2 += (q_4[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_3 += (q_5[0] * vec4<f32>(k_2[0], k_3[0], k_4[0], k_5[0]));
    sum_0 += (q_2[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_1 += (q_3[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_2 += (q_4[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_3 += (q_5[1] * vec4<f32>(k_2[1], k_3[1], k_4[1], k_5[1]));
    sum_0 += (q_2[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_1 += (q_3[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_2 += (q_4[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_3 += (q_5[2] * vec4<f32>(k_2[2], k_3[2], k_4[2], k_5[2]));
    sum_0 += (q_2[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_1 += (q_3[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_2 += (q_4[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
    sum_3 += (q_5[3] * vec4<f32>(k_2[3], k_3[3], k_4[3], k_5[3]));
  }
  contract[column_tile * 4u + h * 90u + row_tile * 36u] = sum_0[0];
  contract[column_tile * 4u + h * 90u + row_tile * 36u + 9u] = sum_1[0];
  if (i32(row_tile * 4u + 2u) < 10) {
    contract[clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + column_tile * 4u + h * 90u] = sum_2[0];
  }
  if (i32(row_tile * 4u + 3u) < 10) {
    contract[clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + column_tile * 4u + h * 90u] = sum_3[0];
  }
  if (i32(column_tile * 4u + 1u) < 9) {
    contract[clamp(column_tile * 4u + 1u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_0[1];
    contract[clamp(column_tile * 4u + 1u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_1[1];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(column_tile * 4u + 1u, 0u, 8u) + clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + h * 90u] = sum_2[1];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(column_tile * 4u + 1u, 0u, 8u) + clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + h * 90u] = sum_3[1];
    }
  }
  if (i32(column_tile * 4u + 2u) < 9) {
    contract[clamp(column_tile * 4u + 2u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_0[2];
    contract[clamp(column_tile * 4u + 2u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_1[2];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(column_tile * 4u + 2u, 0u, 8u) + clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + h * 90u] = sum_2[2];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(column_tile * 4u + 2u, 0u, 8u) + clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + h * 90u] = sum_3[2];
    }
  }
  if (i32(column_tile * 4u + 3u) < 9) {
    contract[clamp(column_tile * 4u + 3u, 0u, 8u) + h * 90u + row_tile * 36u] = sum_0[3];
    contract[clamp(column_tile * 4u + 3u, 0u, 8u) + h * 90u + row_tile * 36u + 9u] = sum_1[3];
    if (i32(row_tile * 4u + 2u) < 10) {
      contract[clamp(column_tile * 4u + 3u, 0u, 8u) + clamp(row_tile * 4u + 2u, 0u, 9u) * 9u + h * 90u] = sum_2[3];
    }
    if (i32(row_tile * 4u + 3u) < 10) {
      contract[clamp(column_tile * 4u + 3u, 0u, 8u) + clamp(row_tile * 4u + 3u, 0u, 9u) * 9u + h * 90u] = sum_3[3];
    }
  }
}
