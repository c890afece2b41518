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
  if (thread >= 10u) { return; }
  let column_tile = thread % 2u;
  let y = thread / 2u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  var sum_4: vec4<f32> = vec4<f32>(0.0);
  var sum_5: vec4<f32> = vec4<f32>(0.0);
  var sum_6: vec4<f32> = vec4<f32>(0.0);
  var sum_7: vec4<f32> = vec4<f32>(0.0);
  for (var c = id.z; c < 3u; c++) {
    for (var ky = id.z; ky < 3u; ky++) {
      let window = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(column_tile * 8u, 1u, 12u) - 1u)], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(clamp(column_tile * 4u + 2u, 0u, 5u) * 2u, 1u, 12u) - 1u)], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + (clamp(clamp(column_tile * 4u + 3u, 0u, 5u) * 2u, 1u, 12u) - 1u)]), (vec4<bool>(i32(ky + y * 2u - 1u) >= 0) & (vec4<i32>(i32(column_tile * 8u - 1u), i32(column_tile * 8u + 1u), i32(clamp(column_tile * 4u + 2u, 0u, 5u) * 2u - 1u), i32(clamp(column_tile * 4u + 3u, 0u, 5u) * 2u - 1u)) >= vec4<i32>(0))));
      let window_2 = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 2u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 2u, 0u, 5u) * 2u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 3u, 0u, 5u) * 2u]), vec4<bool>(i32(ky + y * 2u - 1u) >= 0));
      let window_3 = select(vec4<f32>(0.0), vec4<f32>(x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + column_tile * 8u + 3u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 2u, 0u, 5u) * 2u + 1u], x[c * 120u + (clamp(ky + y * 2u, 1u, 10u) - 1u) * 12u + clamp(column_tile * 4u + 3u, 0u, 5u) * 2u + 1u]), vec4<bool>(i32(ky + y * 2u - 1u) >= 0));
      sum_0 += (weight[c * 9u + ky * 3u] * window);
      sum_1 += (weight[c * 9u + ky * 3u + 27u] * window);
      sum_2 += (weight[c * 9u + ky * 3u + 54u] * window);
      sum_3 += (weight[c * 9u + ky * 3u + 81u] * window);
      sum_4 += (weight[c * 9u + ky * 3u + 108u] * window);
      sum_5 += (weight[c * 9u + ky * 3u + 135u] * window);
      sum_6 += (weight[c * 9u + ky * 3u + 162u] * window);
      sum_7 += (weight[c * 9u + ky * 3u + 189u] * window);
      sum_0 += (weight[c * 9u + ky * 3u + 1u] * window_2);
      sum_1 += (weight[c * 9u + ky * 3u + 28u] * window_2);
      sum_2 += (weight[c * 9u + ky * 3u + 55u] * window_2);
      sum_3 += (weight[c * 9u + ky * 3u + 82u] * window_2);
      sum_4 += (weight[c * 9u + ky * 3u + 109u] * window_2);
      sum_5 += (weight[c * 9u + ky * 3u + 136u] * window_2);
      sum_6 += (weight[c * 9u + ky * 3u + 163u] * window_2);
      sum_7 += (weight[c * 9u + ky * 3u + 190u] * window_2);
      sum_0 += (weight[c * 9u + ky * 3u + 2u] * window_3);
      sum_1 += (weight[c * 9u + ky * 3u + 29u] * window_3);
      sum_2 += (weight[c * 9u + ky * 3u + 56u] * window_3);
      sum_3 += (weight[c * 9u + ky * 3u + 83u] * window_3);
      sum_4 += (weight[c * 9u + ky * 3u + 110u] * window_3);
      sum_5 += (weight[c * 9u + ky * 3u + 137u] * window_3);
      sum_6 += (weight[c * 9u + ky * 3u + 164u] * window_3);
      sum_7 += (weight[c * 9u + ky * 3u + 191u] * window_3);
    }
  }
  let bias_2 = bias[0u];
  add_2[column_tile * 4u + y * 6u] = sum_0[0] + bias_2;
  let bias_3 = bias[1u];
  add_2[column_tile * 4u + y * 6u + 30u] = sum_1[0] + bias_3;
  let bias_4 = bias[2u];
  add_2[column_tile * 4u + y * 6u + 60u] = sum_2[0] + bias_4;
  let bias_5 = bias[3u];
  add_2[column_tile * 4u + y * 6u + 90u] = sum_3[0] + bias_5;
  let bias_6 = bias[4u];
  add_2[column_tile * 4u + y * 6u + 120u] = sum_4[0] + bias_6;
  let bias_7 = bias[5u];
  add_2[column_tile * 4u + y * 6u + 150u] = sum_5[0] + bias_7;
  let bias_8 = bias[6u];
  add_2[column_tile * 4u + y * 6u + 180u] = sum_6[0] + bias_8;
  let bias_9 = bias[7u];
  add_2[column_tile * 4u + y * 6u + 210u] = sum_7[0] + bias_9;
  add_2[column_tile * 4u + y * 6u + 1u] = sum_0[1] + bias_2;
  add_2[column_tile * 4u + y * 6u + 31u] = sum_1[1] + bias_3;
  add_2[column_tile * 4u + y * 6u + 61u] = sum_2[1] + bias_4;
  add_2[column_tile * 4u + y * 6u + 91u] = sum_3[1] + bias_5;
  add_2[column_tile * 4u + y * 6u + 121u] = sum_4[1] + bias_6;
  add_2[column_tile * 4u + y * 6u + 151u] = sum_5[1] + bias_7;
  add_2[column_tile * 4u + y * 6u + 181u] = sum_6[1] + bias_8;
  add_2[column_tile * 4u + y * 6u + 211u] = sum_7[1] + bias_9;
  let add_18 = sum_0[2] + bias_2;
  let add_19 = sum_1[2] + bias_3;
  let add_20 = sum_2[2] + bias_4;
  let add_21 = sum_3[2] + bias_5;
  let add_22 = sum_4[2] + bias_6;
  let add_23 = sum_5[2] + bias_7;
  let add_24 = sum_6[2] + bias_8;
  let add_25 = sum_7[2] + bias_9;
  if (i32(column_tile * 4u + 2u) < 6) {
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u] = add_18;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 30u] = add_19;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 60u] = add_20;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 90u] = add_21;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 120u] = add_22;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 150u] = add_23;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 180u] = add_24;
    add_2[clamp(column_tile * 4u + 2u, 0u, 5u) + y * 6u + 210u] = add_25;
  }
  let add_26 = sum_0[3] + bias_2;
  let add_27 = sum_1[3] + bias_3;
  let add_28 = sum_2[3] + bias_4;
  let add_29 = sum_3[3] + bias_5;
  let add_30 = sum_4[3] + bias_6;
  let add_31 = sum_5[3] + bias_7;
  let add_32 = sum_6[3] + bias_8;
  let add_33 = sum_7[3] + bias_9;
  if (i32(column_tile * 4u + 3u) < 6) {
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u] = add_26;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 30u] = add_27;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 60u] = add_28;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 90u] = add_29;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 120u] = add_30;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 150u] = add_31;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 180u] = add_32;
    add_2[clamp(column_tile * 4u + 3u, 0u, 5u) + y * 6u + 210u] = add_33;
  }
}
