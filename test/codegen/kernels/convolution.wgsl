// ---- kernel 1 of 1
// contraction: add
// _ = contract "o c ky kx, c ky kx y x -> o y x"

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> add_2: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 20u) { return; }
  let y = thread / 4u;
  let row_tile = (thread / 2u) % 2u;
  let column_tile = thread % 2u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  for (var c = id.z; c < 3u; c++) {
    for (var ky = id.z; ky < 3u; ky++) {
      let window = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(column_tile * 8u, 1u, 12u) - 1u)], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(clamp(column_tile * 4u + 2u, 0u, 5u) * 2u, 1u, 12u) - 1u)], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(clamp(column_tile * 4u + 3u, 0u, 5u) * 2u, 1u, 12u) - 1u)]), (vec4<bool>(i32(ky + y * 2u - 1u) >= 0) & (vec4<i32>(i32(column_tile * 8u - 1u), i32(column_tile * 8u + 1u), i32(clamp(column_tile * 4u + 2u, 0u, 5u) * 2u - 1u), i32(clamp(column_tile * 4u + 3u, 0u, 5u) * 2u - 1u)) >= vec4<i32>(0))));
      let window_2 = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 2u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 2u, 0u, 5u) * 2u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 3u, 0u, 5u) * 2u]), vec4<bool>(i32(ky + y * 2u - 1u) >= 0));
      let window_3 = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 3u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 2u, 0u, 5u) * 2u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 3u, 0u, 5u) * 2u + 1u]), vec4<bool>(i32(ky + y * 2u - 1u) >= 0));
      sum_0 += (weight[c * 9u + ky * 3u + row_tile * 108u] * window);
      sum_1 += (weight[c * 9u + ky * 3u + row_tile * 108u + 27u] * window);
      sum_2 += (weight[c * 9u + ky * 3u + row_tile * 108u + 54u] * window);
      sum_3 += (weight[c * 9u + ky * 3u + row_tile * 108u + 81u] * window);
      sum_0 += (weight[c * 9u + ky * 3u + row_tile * 108u + 1u] * window_2);
      sum_1 += (weight[c * 9u + ky * 3u + row_tile * 108u + 28u] * window_2);
      sum_2 += (weight[c * 9u + ky * 3u + row_tile * 108u + 55u] * window_2);
      sum_3 += (weight[c * 9u + ky * 3u + row_tile * 108u + 82u] * window_2);
      sum_0 += (weight[c * 9u + ky * 3u + row_tile * 108u + 2u] * window_3);
      sum_1 += (weight[c * 9u + ky * 3u + row_tile * 108u + 29u] * window_3);
      sum_2 += (weight[c * 9u + ky * 3u + row_tile * 108u + 56u] * window_3);
      sum_3 += (weight[c * 9u + ky * 3u + row_tile * 108u + 83u] * window_3);
    }
  }
  let bias_2 = bias[row_tile * 4u];
  add_2[column_tile * 4u + row_tile * 120u + y * 6u] = sum_0[0] + bias_2;
  let bias_3 = bias[row_tile * 4u + 1u];
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 30u] = sum_1[0] + bias_3;
  let bias_4 = bias[row_tile * 4u + 2u];
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 60u] = sum_2[0] + bias_4;
  let bias_5 = bias[row_tile * 4u + 3u];
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 90u] = sum_3[0] + bias_5;
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 1u] = sum_0[1] + bias_2;
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 31u] = sum_1[1] + bias_3;
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 61u] = sum_2[1] + bias_4;
  add_2[column_tile * 4u + row_tile * 120u + y * 6u + 91u] = sum_3[1] + bias_5;
  let add_10 = sum_0[2] + bias_2;
  let add_11 = sum_1[2] + bias_3;
  let add_12 = sum_2[2] + bias_4;
  let add_13 = sum_3[2] + bias_5;
  if (i32(column_tile * 4u + 2u) < 6) {
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + row_tile * 120u + y * 6u] = add_10;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + row_tile * 120u + y * 6u + 30u] = add_11;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + row_tile * 120u + y * 6u + 60u] = add_12;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + row_tile * 120u + y * 6u + 90u] = add_13;
  }
  let add_14 = sum_0[3] + bias_2;
  let add_15 = sum_1[3] + bias_3;
  let add_16 = sum_2[3] + bias_4;
  let add_17 = sum_3[3] + bias_5;
  if (i32(column_tile * 4u + 3u) < 6) {
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + row_tile * 120u + y * 6u] = add_14;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + row_tile * 120u + y * 6u + 30u] = add_15;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + row_tile * 120u + y * 6u + 60u] = add_16;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + row_tile * 120u + y * 6u + 90u] = add_17;
  }
}
