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
  if (thread >= 66u) { return; }
  let h = thread / 33u;
  let row_tile = thread % 33u;
  var maximum_0: f32 = -3.4028234663852886e+38;
  var maximum_1: f32 = -3.4028234663852886e+38;
  var maximum_2: f32 = -3.4028234663852886e+38;
  var maximum_3: f32 = -3.4028234663852886e+38;
  var total_0: f32 = 0.0;
  var total_1: f32 = 0.0;
  var total_2: f32 = 0.0;
  var total_3: f32 = 0.0;
  var weighted_0: vec4<f32> = vec4<f32>(0.0);
  var weighted_1: vec4<f32> = vec4<f32>(0.0);
  var weighted_2: vec4<f32> = vec4<f32>(0.0);
  var weighted_3: vec4<f32> = vec4<f32>(0.0);
  var weighted_4: vec4<f32> = vec4<f32>(0.0);
  var weighted_5: vec4<f32> = vec4<f32>(0.0);
  var weighted_6: vec4<f32> = vec4<f32>(0.0);
  var weighted_7: vec4<f32> = vec4<f32>(0.0);
  var weighted_8: vec4<f32> = vec4<f32>(0.0);
  var weighted_9: vec4<f32> = vec4<f32>(0.0);
  var weighted_10: vec4<f32> = vec4<f32>(0.0);
  var weighted_11: vec4<f32> = vec4<f32>(0.0);
  for (var j = id.z; j < (row_tile / 2u) + 1u; j++) {
    var score_00: vec4<f32> = vec4<f32>(0.0);
    var score_01: vec4<f32> = vec4<f32>(0.0);
    var score_10: vec4<f32> = vec4<f32>(0.0);
    var score_11: vec4<f32> = vec4<f32>(0.0);
    var score_20: vec4<f32> = vec4<f32>(0.0);
    var score_21: vec4<f32> = vec4<f32>(0.0);
    var score_30: vec4<f32> = vec4<f32>(0.0);
    var score_31: vec4<f32> = vec4<f32>(0.0);
    for (var c_ = 0u; c_ < 2u; c_++) {
      let Q_2 = Q[c_ + h * 260u + row_tile * 8u];
      let Q_3 = Q[c_ + h * 260u + row_tile * 8u + 2u];
      let Q_4 = Q[c_ + clamp(row_tile * 4u + 2u, 0u, 129u) * 2u + h * 260u];
      let Q_5 = Q[c_ + clamp(row_tile * 4u + 3u, 0u, 129u) * 2u + h * 260u];
      let K_2 = K[c_ + h * 260u + j * 16u];
      let K_3 = K[c_ + h * 260u + j * 16u + 2u];
      let K_4 = K[c_ + clamp(j * 8u + 2u, 0u, 129u) * 2u + h * 260u];
      let K_5 = K[c_ + clamp(j * 8u + 3u, 0u, 129u) * 2u + h * 260u];
      let K_6 = K[c_ + clamp(j * 8u + 4u, 0u, 129u) * 2u + h * 260u];
      let K_7 = K[c_ + clamp(j * 8u + 5u, 0u, 129u) * 2u + h * 260u];
      let K_8 = K[c_ + clamp(j * 8u + 6u, 0u, 129u) * 2u + h * 260u];
      let K_9 = K[c_ + clamp(j * 8u + 7u, 0u, 129u) * 2u + h * 260u];
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
    let score = select(vec4<f32>(-3.4028234663852886e+38), score_00, (((vec4<i32>(i32(row_tile * 4u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let score_2 = select(vec4<f32>(-3.4028234663852886e+38), score_01, (((vec4<i32>(i32(row_tile * 4u - j * 8u - 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let largest = max(max(max(max(max(max(max(max(maximum_0, score[0]), score[1]), score[2]), score[3]), score_2[0]), score_2[1]), score_2[2]), score_2[3]);
    let correction = exp((maximum_0 - largest));
    let weight = select(vec4<f32>(0.0), exp((score - vec4<f32>(largest))), (((vec4<i32>(i32(row_tile * 4u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let weight_2 = select(vec4<f32>(0.0), exp((score_2 - vec4<f32>(largest))), (((vec4<i32>(i32(row_tile * 4u - j * 8u - 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    total_0 = ((((((((total_0 * correction) + weight[0]) + weight[1]) + weight[2]) + weight[3]) + weight_2[0]) + weight_2[1]) + weight_2[2]) + weight_2[3];
    maximum_0 = largest;
    let score_3 = select(vec4<f32>(-3.4028234663852886e+38), score_10, (((vec4<i32>(i32(row_tile * 4u + 1u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let score_4 = select(vec4<f32>(-3.4028234663852886e+38), score_11, (((vec4<i32>(i32(row_tile * 4u - j * 8u - 3u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let largest_2 = max(max(max(max(max(max(max(max(maximum_1, score_3[0]), score_3[1]), score_3[2]), score_3[3]), score_4[0]), score_4[1]), score_4[2]), score_4[3]);
    let correction_2 = exp((maximum_1 - largest_2));
    let weight_3 = select(vec4<f32>(0.0), exp((score_3 - vec4<f32>(largest_2))), (((vec4<i32>(i32(row_tile * 4u + 1u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let weight_4 = select(vec4<f32>(0.0), exp((score_4 - vec4<f32>(largest_2))), (((vec4<i32>(i32(row_tile * 4u - j * 8u - 3u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    total_1 = ((((((((total_1 * correction_2) + weight_3[0]) + weight_3[1]) + weight_3[2]) + weight_3[3]) + weight_4[0]) + weight_4[1]) + weight_4[2]) + weight_4[3];
    maximum_1 = largest_2;
    let score_5 = select(vec4<f32>(-3.4028234663852886e+38), score_20, (((vec4<i32>(i32(row_tile * 4u + 2u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let score_6 = select(vec4<f32>(-3.4028234663852886e+38), score_21, (((vec4<i32>(i32(row_tile * 4u - j * 8u - 2u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let largest_3 = max(max(max(max(max(max(max(max(maximum_2, score_5[0]), score_5[1]), score_5[2]), score_5[3]), score_6[0]), score_6[1]), score_6[2]), score_6[3]);
    let correction_3 = exp((maximum_2 - largest_3));
    let weight_5 = select(vec4<f32>(0.0), exp((score_5 - vec4<f32>(largest_3))), (((vec4<i32>(i32(row_tile * 4u + 2u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let weight_6 = select(vec4<f32>(0.0), exp((score_6 - vec4<f32>(largest_3))), (((vec4<i32>(i32(row_tile * 4u - j * 8u - 2u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    total_2 = ((((((((total_2 * correction_3) + weight_5[0]) + weight_5[1]) + weight_5[2]) + weight_5[3]) + weight_6[0]) + weight_6[1]) + weight_6[2]) + weight_6[3];
    maximum_2 = largest_3;
    let score_7 = select(vec4<f32>(-3.4028234663852886e+38), score_30, (((vec4<i32>(i32(row_tile * 4u + 3u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let score_8 = select(vec4<f32>(-3.4028234663852886e+38), score_31, (((vec4<i32>(i32(row_tile * 4u - j * 8u - 1u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let largest_4 = max(max(max(max(max(max(max(max(maximum_3, score_7[0]), score_7[1]), score_7[2]), score_7[3]), score_8[0]), score_8[1]), score_8[2]), score_8[3]);
    let correction_4 = exp((maximum_3 - largest_4));
    let weight_7 = select(vec4<f32>(0.0), exp((score_7 - vec4<f32>(largest_4))), (((vec4<i32>(i32(row_tile * 4u + 3u - j * 8u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    let weight_8 = select(vec4<f32>(0.0), exp((score_8 - vec4<f32>(largest_4))), (((vec4<i32>(i32(row_tile * 4u - j * 8u - 1u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)) & ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(130))));
    total_3 = ((((((((total_3 * correction_4) + weight_7[0]) + weight_7[1]) + weight_7[2]) + weight_7[3]) + weight_8[0]) + weight_8[1]) + weight_8[2]) + weight_8[3];
    maximum_3 = largest_4;
    let V_2 = V[h * 390u + j * 24u];
    let V_3 = V[h * 390u + j * 24u + 3u];
    let V_4 = V[clamp(j * 8u + 2u, 0u, 129u) * 3u + h * 390u];
    let V_5 = V[clamp(j * 8u + 3u, 0u, 129u) * 3u + h * 390u];
    let V_6 = V[clamp(j * 8u + 4u, 0u, 129u) * 3u + h * 390u];
    let V_7 = V[clamp(j * 8u + 5u, 0u, 129u) * 3u + h * 390u];
    let V_8 = V[clamp(j * 8u + 6u, 0u, 129u) * 3u + h * 390u];
    let V_9 = V[clamp(j * 8u + 7u, 0u, 129u) * 3u + h * 390u];
    weighted_0 = ((((((((correction * weighted_0) + (weight[0] * V_2)) + (weight[1] * V_3)) + (weight[2] * V_4)) + (weight[3] * V_5)) + (weight_2[0] * V_6)) + (weight_2[1] * V_7)) + (weight_2[2] * V_8)) + (weight_2[3] * V_9);
    weighted_3 = ((((((((correction_2 * weighted_3) + (weight_3[0] * V_2)) + (weight_3[1] * V_3)) + (weight_3[2] * V_4)) + (weight_3[3] * V_5)) + (weight_4[0] * V_6)) + (weight_4[1] * V_7)) + (weight_4[2] * V_8)) + (weight_4[3] * V_9);
    weighted_6 = ((((((((correction_3 * weighted_6) + (weight_5[0] * V_2)) + (weight_5[1] * V_3)) + (weight_5[2] * V_4)) + (weight_5[3] * V_5)) + (weight_6[0] * V_6)) + (weight_6[1] * V_7)) + (weight_6[2] * V_8)) + (weight_6[3] * V_9);
    weighted_9 = ((((((((correction_4 * weighted_9) + (weight_7[0] * V_2)) + (weight_7[1] * V_3)) + (weight_7[2] * V_4)) + (weight_7[3] * V_5)) + (weight_8[0] * V_6)) + (weight_8[1] * V_7)) + (weight_8[2] * V_8)) + (weight_8[3] * V_9);
    let V_10 = V[h * 390u + j * 24u + 1u];
    let V_11 = V[h * 390u + j * 24u + 4u];
    let V_12 = V[clamp(j * 8u + 2u, 0u, 129u) * 3u + h * 390u + 1u];
    let V_13 = V[clamp(j * 8u + 3u, 0u, 129u) * 3u + h * 390u + 1u];
    let V_14 = V[clamp(j * 8u + 4u, 0u, 129u) * 3u + h * 390u + 1u];
    let V_15 = V[clamp(j * 8u + 5u, 0u, 129u) * 3u + h * 390u + 1u];
    let V_16 = V[clamp(j * 8u + 6u, 0u, 129u) * 3u + h * 390u + 1u];
    let V_17 = V[clamp(j * 8u + 7u, 0u, 129u) * 3u + h * 390u + 1u];
    weighted_1 = ((((((((correction * weighted_1) + (weight[0] * V_10)) + (weight[1] * V_11)) + (weight[2] * V_12)) + (weight[3] * V_13)) + (weight_2[0] * V_14)) + (weight_2[1] * V_15)) + (weight_2[2] * V_16)) + (weight_2[3] * V_17);
    weighted_4 = ((((((((correction_2 * weighted_4) + (weight_3[0] * V_10)) + (weight_3[1] * V_11)) + (weight_3[2] * V_12)) + (weight_3[3] * V_13)) + (weight_4[0] * V_14)) + (weight_4[1] * V_15)) + (weight_4[2] * V_16)) + (weight_4[3] * V_17);
    weighted_7 = ((((((((correction_3 * weighted_7) + (weight_5[0] * V_10)) + (weight_5[1] * V_11)) + (weight_5[2] * V_12)) + (weight_5[3] * V_13)) + (weight_6[0] * V_14)) + (weight_6[1] * V_15)) + (weight_6[2] * V_16)) + (weight_6[3] * V_17);
    weighted_10 = ((((((((correction_4 * weighted_10) + (weight_7[0] * V_10)) + (weight_7[1] * V_11)) + (weight_7[2] * V_12)) + (weight_7[3] * V_13)) + (weight_8[0] * V_14)) + (weight_8[1] * V_15)) + (weight_8[2] * V_16)) + (weight_8[3] * V_17);
    let V_18 = V[h * 390u + j * 24u + 2u];
    let V_19 = V[h * 390u + j * 24u + 5u];
    let V_20 = V[clamp(j * 8u + 2u, 0u, 129u) * 3u + h * 390u + 2u];
    let V_21 = V[clamp(j * 8u + 3u, 0u, 129u) * 3u + h * 390u + 2u];
    let V_22 = V[clamp(j * 8u + 4u, 0u, 129u) * 3u + h * 390u + 2u];
    let V_23 = V[clamp(j * 8u + 5u, 0u, 129u) * 3u + h * 390u + 2u];
    let V_24 = V[clamp(j * 8u + 6u, 0u, 129u) * 3u + h * 390u + 2u];
    let V_25 = V[clamp(j * 8u + 7u, 0u, 129u) * 3u + h * 390u + 2u];
    weighted_2 = ((((((((correction * weighted_2) + (weight[0] * V_18)) + (weight[1] * V_19)) + (weight[2] * V_20)) + (weight[3] * V_21)) + (weight_2[0] * V_22)) + (weight_2[1] * V_23)) + (weight_2[2] * V_24)) + (weight_2[3] * V_25);
    weighted_5 = ((((((((correction_2 * weighted_5) + (weight_3[0] * V_18)) + (weight_3[1] * V_19)) + (weight_3[2] * V_20)) + (weight_3[3] * V_21)) + (weight_4[0] * V_22)) + (weight_4[1] * V_23)) + (weight_4[2] * V_24)) + (weight_4[3] * V_25);
    weighted_8 = ((((((((correction_3 * weighted_8) + (weight_5[0] * V_18)) + (weight_5[1] * V_19)) + (weight_5[2] * V_20)) + (weight_5[3] * V_21)) + (weight_6[0] * V_22)) + (weight_6[1] * V_23)) + (weight_6[2] * V_24)) + (weight_6[3] * V_25);
    weighted_11 = ((((((((correction_4 * weighted_11) + (weight_7[0] * V_18)) + (weight_7[1] * V_19)) + (weight_7[2] * V_20)) + (weight_7[3] * V_21)) + (weight_8[0] * V_22)) + (weight_8[1] * V_23)) + (weight_8[2] * V_24)) + (weight_8[3] * V_25);
  }
  div_2[h * 390u + row_tile * 12u] = weighted_0 / vec4<f32>(total_0);
  div_2[h * 390u + row_tile * 12u + 1u] = weighted_1 / vec4<f32>(total_0);
  div_2[h * 390u + row_tile * 12u + 2u] = weighted_2 / vec4<f32>(total_0);
  div_2[h * 390u + row_tile * 12u + 3u] = weighted_3 / vec4<f32>(total_1);
  div_2[h * 390u + row_tile * 12u + 4u] = weighted_4 / vec4<f32>(total_1);
  div_2[h * 390u + row_tile * 12u + 5u] = weighted_5 / vec4<f32>(total_1);
  let div_8 = weighted_6 / vec4<f32>(total_2);
  let div_9 = weighted_7 / vec4<f32>(total_2);
  let div_10 = weighted_8 / vec4<f32>(total_2);
  if (i32(row_tile * 4u + 2u) < 130) {
    div_2[clamp(row_tile * 4u + 2u, 0u, 129u) * 3u + h * 390u] = div_8;
    div_2[clamp(row_tile * 4u + 2u, 0u, 129u) * 3u + h * 390u + 1u] = div_9;
    div_2[clamp(row_tile * 4u + 2u, 0u, 129u) * 3u + h * 390u + 2u] = div_10;
  }
  let div_11 = weighted_9 / vec4<f32>(total_3);
  let div_12 = weighted_10 / vec4<f32>(total_3);
  let div_13 = weighted_11 / vec4<f32>(total_3);
  if (i32(row_tile * 4u + 3u) < 130) {
    div_2[clamp(row_tile * 4u + 3u, 0u, 129u) * 3u + h * 390u] = div_11;
    div_2[clamp(row_tile * 4u + 3u, 0u, 129u) * 3u + h * 390u + 1u] = div_12;
    div_2[clamp(row_tile * 4u + 3u, 0u, 129u) * 3u + h * 390u + 2u] = div_13;
  }
}
