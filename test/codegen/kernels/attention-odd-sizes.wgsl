// ---- kernel 1 of 1
// online-softmax: div
// _ = contract "h i c, h j c -> h i j"
// _ = maximum "h i k -> h i"
// _ = sum "h i k -> h i"
// _ = contract "h i j, h j c -> h i c"

@group(0) @binding(0) var<storage, read> Q: array<f32>;
@group(0) @binding(1) var<storage, read> K: array<f32>;
@group(0) @binding(2) var<storage, read> V: array<f32>;
@group(0) @binding(3) var<storage, read_write> div_2: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 33u) { return; }
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
    for (var c_ = 0u; c_ < 7u; c_++) {
      let Q_2 = Q[c_ + thread * 28u];
      let Q_3 = Q[c_ + thread * 28u + 7u];
      let Q_4 = Q[c_ + thread * 28u + 14u];
      let Q_5 = Q[c_ + clamp(thread * 4u + 3u, 0u, 130u) * 7u];
      let K_2 = vec4<f32>(K[c_ + j * 56u], K[c_ + j * 56u + 7u], K[c_ + j * 56u + 14u], K[c_ + j * 56u + 21u]);
      let K_3 = vec4<f32>(K[c_ + j * 56u + 28u], K[c_ + j * 56u + 35u], K[c_ + j * 56u + 42u], K[c_ + clamp(j * 8u + 7u, 0u, 126u) * 7u]);
      score_00 += (Q_2 * K_2);
      score_01 += (Q_2 * K_3);
      score_10 += (Q_3 * K_2);
      score_11 += (Q_3 * K_3);
      score_20 += (Q_4 * K_2);
      score_21 += (Q_4 * K_3);
      score_30 += (Q_5 * K_2);
      score_31 += (Q_5 * K_3);
    }
    let score = select(vec4<f32>(-3.4028234663852886e+38), score_01, ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    let largest = max(max(max(max(max(max(max(max(maximum_0, score_00[0]), score_00[1]), score_00[2]), score_00[3]), score[0]), score[1]), score[2]), score[3]);
    let correction = exp((maximum_0 - largest));
    let weight = exp((score_00 - vec4<f32>(largest)));
    let weight_2 = select(vec4<f32>(0.0), exp((score - vec4<f32>(largest))), ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    total_0 = ((((((((total_0 * correction) + weight[0]) + weight[1]) + weight[2]) + weight[3]) + weight_2[0]) + weight_2[1]) + weight_2[2]) + weight_2[3];
    maximum_0 = largest;
    let score_2 = select(vec4<f32>(-3.4028234663852886e+38), score_11, ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    let largest_2 = max(max(max(max(max(max(max(max(maximum_1, score_10[0]), score_10[1]), score_10[2]), score_10[3]), score_2[0]), score_2[1]), score_2[2]), score_2[3]);
    let correction_2 = exp((maximum_1 - largest_2));
    let weight_3 = exp((score_10 - vec4<f32>(largest_2)));
    let weight_4 = select(vec4<f32>(0.0), exp((score_2 - vec4<f32>(largest_2))), ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    total_1 = ((((((((total_1 * correction_2) + weight_3[0]) + weight_3[1]) + weight_3[2]) + weight_3[3]) + weight_4[0]) + weight_4[1]) + weight_4[2]) + weight_4[3];
    maximum_1 = largest_2;
    let score_3 = select(vec4<f32>(-3.4028234663852886e+38), score_21, ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    let largest_3 = max(max(max(max(max(max(max(max(maximum_2, score_20[0]), score_20[1]), score_20[2]), score_20[3]), score_3[0]), score_3[1]), score_3[2]), score_3[3]);
    let correction_3 = exp((maximum_2 - largest_3));
    let weight_5 = exp((score_20 - vec4<f32>(largest_3)));
    let weight_6 = select(vec4<f32>(0.0), exp((score_3 - vec4<f32>(largest_3))), ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    total_2 = ((((((((total_2 * correction_3) + weight_5[0]) + weight_5[1]) + weight_5[2]) + weight_5[3]) + weight_6[0]) + weight_6[1]) + weight_6[2]) + weight_6[3];
    maximum_2 = largest_3;
    let score_4 = select(vec4<f32>(-3.4028234663852886e+38), score_31, ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    let largest_4 = max(max(max(max(max(max(max(max(maximum_3, score_30[0]), score_30[1]), score_30[2]), score_30[3]), score_4[0]), score_4[1]), score_4[2]), score_4[3]);
    let correction_4 = exp((maximum_3 - largest_4));
    let weight_7 = exp((score_30 - vec4<f32>(largest_4)));
    let weight_8 = select(vec4<f32>(0.0), exp((score_4 - vec4<f32>(largest_4))), ((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(127)));
    total_3 = ((((((((total_3 * correction_4) + weight_7[0]) + weight_7[1]) + weight_7[2]) + weight_7[3]) + weight_8[0]) + weight_8[1]) + weight_8[2]) + weight_8[3];
    maximum_3 = largest_4;
    for (var c = 0u; c < 2u; c++) {
      let V_2 = vec4<f32>(V[c * 4u + j * 48u], V[c * 4u + j * 48u + 1u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u]);
      let V_3 = vec4<f32>(V[c * 4u + j * 48u + 6u], V[c * 4u + j * 48u + 7u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 6u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 6u]);
      let V_4 = vec4<f32>(V[c * 4u + j * 48u + 12u], V[c * 4u + j * 48u + 13u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 12u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 12u]);
      let V_5 = vec4<f32>(V[c * 4u + j * 48u + 18u], V[c * 4u + j * 48u + 19u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 18u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 18u]);
      let V_6 = vec4<f32>(V[c * 4u + j * 48u + 24u], V[c * 4u + j * 48u + 25u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 24u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 24u]);
      let V_7 = vec4<f32>(V[c * 4u + j * 48u + 30u], V[c * 4u + j * 48u + 31u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 30u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 30u]);
      let V_8 = vec4<f32>(V[c * 4u + j * 48u + 36u], V[c * 4u + j * 48u + 37u], V[clamp(c * 4u + 2u, 0u, 5u) + j * 48u + 36u], V[clamp(c * 4u + 3u, 0u, 5u) + j * 48u + 36u]);
      let V_9 = vec4<f32>(V[c * 4u + clamp(j * 8u + 7u, 0u, 126u) * 6u], V[c * 4u + clamp(j * 8u + 7u, 0u, 126u) * 6u + 1u], V[clamp(c * 4u + 2u, 0u, 5u) + clamp(j * 8u + 7u, 0u, 126u) * 6u], V[clamp(c * 4u + 3u, 0u, 5u) + clamp(j * 8u + 7u, 0u, 126u) * 6u]);
      weighted[c] = ((((((((correction * weighted[c]) + (weight[0] * V_2)) + (weight[1] * V_3)) + (weight[2] * V_4)) + (weight[3] * V_5)) + (weight_2[0] * V_6)) + (weight_2[1] * V_7)) + (weight_2[2] * V_8)) + (weight_2[3] * V_9);
      weighted[c + 2u] = ((((((((correction_2 * weighted[c + 2u]) + (weight_3[0] * V_2)) + (weight_3[1] * V_3)) + (weight_3[2] * V_4)) + (weight_3[3] * V_5)) + (weight_4[0] * V_6)) + (weight_4[1] * V_7)) + (weight_4[2] * V_8)) + (weight_4[3] * V_9);
      weighted[c + 4u] = ((((((((correction_3 * weighted[c + 4u]) + (weight_5[0] * V_2)) + (weight_5[1] * V_3)) + (weight_5[2] * V_4)) + (weight_5[3] * V_5)) + (weight_6[0] * V_6)) + (weight_6[1] * V_7)) + (weight_6[2] * V_8)) + (weight_6[3] * V_9);
      weighted[c + 6u] = ((((((((correction_4 * weighted[c + 6u]) + (weight_7[0] * V_2)) + (weight_7[1] * V_3)) + (weight_7[2] * V_4)) + (weight_7[3] * V_5)) + (weight_8[0] * V_6)) + (weight_8[1] * V_7)) + (weight_8[2] * V_8)) + (weight_8[3] * V_9);
    }
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    let sum = weighted[c_2];
    div_2[c_2 * 4u + thread * 24u] = sum[0] / total_0;
    div_2[c_2 * 4u + thread * 24u + 1u] = sum[1] / total_0;
    let div_4 = sum[2] / total_0;
    if (i32(c_2 * 4u + 2u) < 6) {
      div_2[clamp(c_2 * 4u + 2u, 0u, 5u) + thread * 24u] = div_4;
    }
    let div_5 = sum[3] / total_0;
    if (i32(c_2 * 4u + 3u) < 6) {
      div_2[clamp(c_2 * 4u + 3u, 0u, 5u) + thread * 24u] = div_5;
    }
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    let sum_2 = weighted[c_2 + 2u];
    div_2[c_2 * 4u + thread * 24u + 6u] = sum_2[0] / total_1;
    div_2[c_2 * 4u + thread * 24u + 7u] = sum_2[1] / total_1;
    let div_8 = sum_2[2] / total_1;
    if (i32(c_2 * 4u + 2u) < 6) {
      div_2[clamp(c_2 * 4u + 2u, 0u, 5u) + thread * 24u + 6u] = div_8;
    }
    let div_9 = sum_2[3] / total_1;
    if (i32(c_2 * 4u + 3u) < 6) {
      div_2[clamp(c_2 * 4u + 3u, 0u, 5u) + thread * 24u + 6u] = div_9;
    }
  }
  for (var c_2 = 0u; c_2 < 2u; c_2++) {
    let sum_3 = weighted[c_2 + 4u];
    div_2[c_2 * 4u + thread * 24u + 12u] = sum_3[0] / total_2;
    div_2[c_2 * 4u + thread * 24u + 13u] = sum_3[1] / total_2;
    let div_12 = sum_3[2] / total_2;
    if (i32(c_2 * 4u + 2u) < 6) {
      div_2[clamp(c_2 * 4u + 2u, 0u, 5u) + thread * 24u + 12u] = div_12;
    }
    let div_13 = sum_3[3] / total_2;
    if (i32(c_2 * 4u + 3u) < 6) {
      div_2[clamp(c_2 * 4u + 3u, 0u, 5u) + thread * 24u + 12u] = div_13;
    }
  }
  if (i32(thread * 4u + 3u) < 131) {
    for (var c_2 = 0u; c_2 < 2u; c_2++) {
      let sum_4 = weighted[c_2 + 6u];
      div_2[c_2 * 4u + clamp(thread * 4u + 3u, 0u, 130u) * 6u] = sum_4[0] / total_3;
      div_2[c_2 * 4u + clamp(thread * 4u + 3u, 0u, 130u) * 6u + 1u] = sum_4[1] / total_3;
      let div_16 = sum_4[2] / total_3;
      if (i32(c_2 * 4u + 2u) < 6) {
        div_2[clamp(c_2 * 4u + 2u, 0u, 5u) + clamp(thread * 4u + 3u, 0u, 130u) * 6u] = div_16;
      }
      let div_17 = sum_4[3] / total_3;
      if (i32(c_2 * 4u + 3u) < 6) {
        div_2[clamp(c_2 * 4u + 3u, 0u, 5u) + clamp(thread * 4u + 3u, 0u, 130u) * 6u] = div_17;
      }
    }
  }
}
