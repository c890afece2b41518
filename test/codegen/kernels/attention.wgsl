// ---- kernel 1 of 1
// online-softmax: div
// _ = contract "h i c, h j c -> h i j"
// _ = maximum "h i k -> h i"
// _ = sum "h i k -> h i"
// _ = contract "h i j, h j c -> h i c"

@group(0) @binding(0) var<storage, read> Q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> K: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> V: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> div_2: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 48u) { return; }
  let h = thread / 24u;
  let row_tile = thread % 24u;
  var maximum_0: f32 = -3.4028234663852886e+38;
  var maximum_1: f32 = -3.4028234663852886e+38;
  var maximum_2: f32 = -3.4028234663852886e+38;
  var maximum_3: f32 = -3.4028234663852886e+38;
  var total_0: f32 = 0.0;
  var total_1: f32 = 0.0;
  var total_2: f32 = 0.0;
  var total_3: f32 = 0.0;
  var weighted: array<vec4<f32>, 8>;
  for (var j = 0u; j < 16u; j++) {
    var score_00: vec4<f32> = vec4<f32>(0.0);
    var score_01: vec4<f32> = vec4<f32>(0.0);
    var score_10: vec4<f32> = vec4<f32>(0.0);
    var score_11: vec4<f32> = vec4<f32>(0.0);
    var score_20: vec4<f32> = vec4<f32>(0.0);
    var score_21: vec4<f32> = vec4<f32>(0.0);
    var score_30: vec4<f32> = vec4<f32>(0.0);
    var score_31: vec4<f32> = vec4<f32>(0.0);
    for (var c_ = 0u; c_ < 4u; c_++) {
      let Q_2 = Q[c_ + h * 384u + row_tile * 16u];
      let Q_3 = Q[c_ + h * 384u + row_tile * 16u + 4u];
      let Q_4 = Q[c_ + h * 384u + row_tile * 16u + 8u];
      let Q_5 = Q[c_ + h * 384u + row_tile * 16u + 12u];
      let K_2 = K[c_ + h * 512u + j * 32u];
      let K_3 = K[c_ + h * 512u + j * 32u + 4u];
      let K_4 = K[c_ + h * 512u + j * 32u + 8u];
      let K_5 = K[c_ + h * 512u + j * 32u + 12u];
      let K_6 = K[c_ + h * 512u + j * 32u + 16u];
      let K_7 = K[c_ + h * 512u + j * 32u + 20u];
      let K_8 = K[c_ + h * 512u + j * 32u + 24u];
      let K_9 = K[c_ + h * 512u + j * 32u + 28u];
      score_00 += (Q_2[0] * vec4<f32>(K_2[0], K_3[0], K_4[0], K_5[0]));
      score_01 += (Q_2[0] * vec4<f32>(K_6[0], K_7[0], K_8[0], K_9[0]));
      score_10 += (Q_3[0] * vec4<f32>(K_2[0], K_3[0], K_4[0], K_5[0]));
      score_11 += (Q_3[0] * vec4<f32>(K_6[0], K_7[0], K_8[0], K_9[0]));
      score_20 += (Q_4[0] * vec4<f32>(K_2[0], K_3[0], K_4[0], K_5[0]));
      score_21 += (Q_4[0] * vec4<f32>(K_6[0], K_7[0], K_8[0], K_9[0]));
      score_30 += (Q_5[0] * vec4<f32>(K_2[0], K_3[0], K_4[0], K_5[0]));
      score_31 += (Q_5[0] * vec4<f32>(K_6[0], K_7[0], K_8[0], K_9[0]));
      score_00 += (Q_2[1] * vec4<f32>(K_2[1], K_3[1], K_4[1], K_5[1]));
      score_01 += (Q_2[1] * vec4<f32>(K_6[1], K_7[1], K_8[1], K_9[1]));
      score_10 += (Q_3[1] * vec4<f32>(K_2[1], K_3[1], K_4[1], K_5[1]));
      score_11 += (Q_3[1] * vec4<f32>(K_6[1], K_7[1], K_8[1], K_9[1]));
      score_20 += (Q_4[1] * vec4<f32>(K_2[1], K_3[1], K_4[1], K_5[1]));
      score_21 += (Q_4[1] * vec4<f32>(K_6[1], K_7[1], K_8[1], K_9[1]));
      score_30 += (Q_5[1] * vec4<f32>(K_2[1], K_3[1], K_4[1], K_5[1]));
      score_31 += (Q_5[1] * vec4<f32>(K_6[1], K_7[1], K_8[1], K_9[1]));
      score_00 += (Q_2[2] * vec4<f32>(K_2[2], K_3[2], K_4[2], K_5[2]));
      score_01 += (Q_2[2] * vec4<f32>(K_6[2], K_7[2], K_8[2], K_9[2]));
      score_10 += (Q_3[2] * vec4<f32>(K_2[2], K_3[2], K_4[2], K_5[2]));
      score_11 += (Q_3[2] * vec4<f32>(K_6[2], K_7[2], K_8[2], K_9[2]));
      score_20 += (Q_4[2] * vec4<f32>(K_2[2], K_3[2], K_4[2], K_5[2]));
      score_21 += (Q_4[2] * vec4<f32>(K_6[2], K_7[2], K_8[2], K_9[2]));
      score_30 += (Q_5[2] * vec4<f32>(K_2[2], K_3[2], K_4[2], K_5[2]));
      score_31 += (Q_5[2] * vec4<f32>(K_6[2], K_7[2], K_8[2], K_9[2]));
      score_00 += (Q_2[3] * vec4<f32>(K_2[3], K_3[3], K_4[3], K_5[3]));
      score_01 += (Q_2[3] * vec4<f32>(K_6[3], K_7[3], K_8[3], K_9[3]));
      score_10 += (Q_3[3] * vec4<f32>(K_2[3], K_3[3], K_4[3], K_5[3]));
      score_11 += (Q_3[3] * vec4<f32>(K_6[3], K_7[3], K_8[3], K_9[3]));
      score_20 += (Q_4[3] * vec4<f32>(K_2[3], K_3[3], K_4[3], K_5[3]));
      score_21 += (Q_4[3] * vec4<f32>(K_6[3], K_7[3], K_8[3], K_9[3]));
      score_30 += (Q_5[3] * vec4<f32>(K_2[3], K_3[3], K_4[3], K_5[3]));
      score_31 += (Q_5[3] * vec4<f32>(K_6[3], K_7[3], K_8[3], K_9[3]));
    }
    let largest = max(max(max(max(max(max(max(max(maximum_0, score_00[0]), score_00[1]), score_00[2]), score_00[3]), score_01[0]), score_01[1]), score_01[2]), score_01[3]);
    let correction = exp((maximum_0 - largest));
    let weight = exp((score_00 - vec4<f32>(largest)));
    let weight_2 = exp((score_01 - vec4<f32>(largest)));
    total_0 = ((((((((total_0 * correction) + weight[0]) + weight[1]) + weight[2]) + weight[3]) + weight_2[0]) + weight_2[1]) + weight_2[2]) + weight_2[3];
    maximum_0 = largest;
    let largest_2 = max(max(max(max(max(max(max(max(maximum_1, score_10[0]), score_10[1]), score_10[2]), score_10[3]), score_11[0]), score_11[1]), score_11[2]), score_11[3]);
    let correction_2 = exp((maximum_1 - largest_2));
    let weight_3 = exp((score_10 - vec4<f32>(largest_2)));
    let weight_4 = exp((score_11 - vec4<f32>(largest_2)));
    total_1 = ((((((((total_1 * correction_2) + weight_3[0]) + weight_3[1]) + weight_3[2]) + weight_3[3]) + weight_4[0]) + weight_4[1]) + weight_4[2]) + weight_4[3];
    maximum_1 = largest_2;
    let largest_3 = max(max(max(max(max(max(max(max(maximum_2, score_20[0]), score_20[1]), score_20[2]), score_20[3]), score_21[0]), score_21[1]), score_21[2]), score_21[3]);
    let correction_3 = exp((maximum_2 - largest_3));
    let weight_5 = exp((score_20 - vec4<f32>(largest_3)));
    let weight_6 = exp((score_21 - vec4<f32>(largest_3)));
    total_2 = ((((((((total_2 * correction_3) + weight_5[0]) + weight_5[1]) + weight_5[2]) + weight_5[3]) + weight_6[0]) + weight_6[1]) + weight_6[2]) + weight_6[3];
    maximum_2 = largest_3;
    let largest_4 = max(max(max(max(max(max(max(max(maximum_3, score_30[0]), score_30[1]), score_30[2]), score_30[3]), score_31[0]), score_31[1]), score_31[2]), score_31[3]);
    let correction_4 = exp((maximum_3 - largest_4));
    let weight_7 = exp((score_30 - vec4<f32>(largest_4)));
    let weight_8 = exp((score_31 - vec4<f32>(largest_4)));
    total_3 = ((((((((total_3 * correction_4) + weight_7[0]) + weight_7[1]) + weight_7[2]) + weight_7[3]) + weight_8[0]) + weight_8[1]) + weight_8[2]) + weight_8[3];
    maximum_3 = largest_4;
    for (var c = 0u; c < 2u; c++) {
      let V_2 = V[c + h * 256u + j * 16u];
      let V_3 = V[c + h * 256u + j * 16u + 2u];
      let V_4 = V[c + h * 256u + j * 16u + 4u];
      let V_5 = V[c + h * 256u + j * 16u + 6u];
      let V_6 = V[c + h * 256u + j * 16u + 8u];
      let V_7 = V[c + h * 256u + j * 16u + 10u];
      let V_8 = V[c + h * 256u + j * 16u + 12u];
      let V_9 = V[c + h * 256u + j * 16u + 14u];
      weighted[c] = ((((((((correction * weighted[c]) + (weight[0] * V_2)) + (weight[1] * V_3)) + (weight[2] * V_4)) + (weight[3] * V_5)) + (weight_2[0] * V_6)) + (weight_2[1] * V_7)) + (weight_2[2] * V_8)) + (weight_2[3] * V_9);
      weighted[c + 2u] = ((((((((correction_2 * weighted[c + 2u]) + (weight_3[0] * V_2)) + (weight_3[1] * V_3)) + (weight_3[2] * V_4)) + (weight_3[3] * V_5)) + (weight_4[0] * V_6)) + (weight_4[1] * V_7)) + (weight_4[2] * V_8)) + (weight_4[3] * V_9);
      weighted[c + 4u] = ((((((((correction_3 * weighted[c + 4u]) + (weight_5[0] * V_2)) + (weight_5[1] * V_3)) + (weight_5[2] * V_4)) + (weight_5[3] * V_5)) + (weight_6[0] * V_6)) + (weight_6[1] * V_7)) + (weight_6[2] * V_8)) + (weight_6[3] * V_9);
      weighted[c + 6u] = ((((((((correction_4 * weighted[c + 6u]) + (weight_7[0] * V_2)) + (weight_7[1] * V_3)) + (weight_7[2] * V_4)) + (weight_7[3] * V_5)) + (weight_8[0] * V_6)) + (weight_8[1] * V_7)) + (weight_8[2] * V_8)) + (weight_8[3] * V_9);
    }
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    div_2[c_2 + h * 192u + row_tile * 8u] = weighted[c_2] / vec4<f32>(total_0);
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    div_2[c_2 + h * 192u + row_tile * 8u + 2u] = weighted[c_2 + 2u] / vec4<f32>(total_1);
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    div_2[c_2 + h * 192u + row_tile * 8u + 4u] = weighted[c_2 + 4u] / vec4<f32>(total_2);
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    div_2[c_2 + h * 192u + row_tile * 8u + 6u] = weighted[c_2 + 6u] / vec4<f32>(total_3);
  }
}
