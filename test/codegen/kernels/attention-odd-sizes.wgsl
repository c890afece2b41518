// ---- kernel 1 of 1
// online-softmax: div
// _ = contract "h i c, h j c -> h i j"
// _ = maximum "h i k -> h i"
// _ = sum "h i k -> h i"
// _ = contract "h i j, h j c -> h i c"

@group(0) @binding(0) var<storage, read> Q: array<f32>;
@group(0) @binding(1) var<storage, read> K: array<f32>;
@group(0) @binding(2) var<storage, read> V: array<vec4<f32>>;
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
  var weighted_0: vec4<f32> = vec4<f32>(0.0);
  var weighted_1: vec4<f32> = vec4<f32>(0.0);
  var weighted_2: vec4<f32> = vec4<f32>(0.0);
  var weighted_3: vec4<f32> = vec4<f32>(0.0);
  var weighted_4: vec4<f32> = vec4<f32>(0.0);
  var weighted_5: vec4<f32> = vec4<f32>(0.0);
  var weighted_6: vec4<f32> = vec4<f32>(0.0);
  var weighted_7: vec4<f32> = vec4<f32>(0.0);
  for (var j = id.z; j < 16u; j++) {
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
    let V_2 = V[j * 12u];
    let V_3 = vec4<f32>(V[j * 12u + 1u][2u], V[j * 12u + 1u][3u], V[j * 12u + 2u][0u], V[j * 12u + 2u][1u]);
    let V_4 = V[j * 12u + 3u];
    let V_5 = vec4<f32>(V[j * 12u + 4u][2u], V[j * 12u + 4u][3u], V[j * 12u + 5u][0u], V[j * 12u + 5u][1u]);
    let V_6 = V[j * 12u + 6u];
    let V_7 = vec4<f32>(V[j * 12u + 7u][2u], V[j * 12u + 7u][3u], V[j * 12u + 8u][0u], V[j * 12u + 8u][1u]);
    let V_8 = V[j * 12u + 9u];
    let V_9 = vec4<f32>(V[clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u], V[clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u + 1u], V[(clamp(j * 8u + 7u, 0u, 126u) * 3u + 1u) / 2u][((clamp(j * 8u + 7u, 0u, 126u) * 3u + 1u) % 2u) * 2u], V[(clamp(j * 8u + 7u, 0u, 126u) * 3u + 1u) / 2u][((clamp(j * 8u + 7u, 0u, 126u) * 3u + 1u) % 2u) * 2u + 1u]);
    weighted_0 = ((((((((correction * weighted_0) + (weight[0] * V_2)) + (weight[1] * V_3)) + (weight[2] * V_4)) + (weight[3] * V_5)) + (weight_2[0] * V_6)) + (weight_2[1] * V_7)) + (weight_2[2] * V_8)) + (weight_2[3] * V_9);
    weighted_2 = ((((((((correction_2 * weighted_2) + (weight_3[0] * V_2)) + (weight_3[1] * V_3)) + (weight_3[2] * V_4)) + (weight_3[3] * V_5)) + (weight_4[0] * V_6)) + (weight_4[1] * V_7)) + (weight_4[2] * V_8)) + (weight_4[3] * V_9);
    weighted_4 = ((((((((correction_3 * weighted_4) + (weight_5[0] * V_2)) + (weight_5[1] * V_3)) + (weight_5[2] * V_4)) + (weight_5[3] * V_5)) + (weight_6[0] * V_6)) + (weight_6[1] * V_7)) + (weight_6[2] * V_8)) + (weight_6[3] * V_9);
    weighted_6 = ((((((((correction_4 * weighted_6) + (weight_7[0] * V_2)) + (weight_7[1] * V_3)) + (weight_7[2] * V_4)) + (weight_7[3] * V_5)) + (weight_8[0] * V_6)) + (weight_8[1] * V_7)) + (weight_8[2] * V_8)) + (weight_8[3] * V_9);
    let V_10 = vec4<f32>(V[j * 12u + 1u][0u], V[j * 12u + 1u][1u], V[j * 12u + 1u][1u], V[j * 12u + 1u][1u]);
    let V_11 = vec4<f32>(V[j * 12u + 2u][2u], V[j * 12u + 2u][3u], V[j * 12u + 2u][3u], V[j * 12u + 2u][3u]);
    let V_12 = vec4<f32>(V[j * 12u + 4u][0u], V[j * 12u + 4u][1u], V[j * 12u + 4u][1u], V[j * 12u + 4u][1u]);
    let V_13 = vec4<f32>(V[j * 12u + 5u][2u], V[j * 12u + 5u][3u], V[j * 12u + 5u][3u], V[j * 12u + 5u][3u]);
    let V_14 = vec4<f32>(V[j * 12u + 7u][0u], V[j * 12u + 7u][1u], V[j * 12u + 7u][1u], V[j * 12u + 7u][1u]);
    let V_15 = vec4<f32>(V[j * 12u + 8u][2u], V[j * 12u + 8u][3u], V[j * 12u + 8u][3u], V[j * 12u + 8u][3u]);
    let V_16 = vec4<f32>(V[j * 12u + 10u][0u], V[j * 12u + 10u][1u], V[j * 12u + 10u][1u], V[j * 12u + 10u][1u]);
    let V_17 = vec4<f32>(V[(clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u) + 1u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u], V[(clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u) + 1u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u + 1u], V[(clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u) + 1u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u + 1u], V[(clamp(j * 8u + 7u, 0u, 126u) * 3u / 2u) + 1u][(clamp(j * 8u + 7u, 0u, 126u) * 3u % 2u) * 2u + 1u]);
    weighted_1 = ((((((((correction * weighted_1) + (weight[0] * V_10)) + (weight[1] * V_11)) + (weight[2] * V_12)) + (weight[3] * V_13)) + (weight_2[0] * V_14)) + (weight_2[1] * V_15)) + (weight_2[2] * V_16)) + (weight_2[3] * V_17);
    weighted_3 = ((((((((correction_2 * weighted_3) + (weight_3[0] * V_10)) + (weight_3[1] * V_11)) + (weight_3[2] * V_12)) + (weight_3[3] * V_13)) + (weight_4[0] * V_14)) + (weight_4[1] * V_15)) + (weight_4[2] * V_16)) + (weight_4[3] * V_17);
    weighted_5 = ((((((((correction_3 * weighted_5) + (weight_5[0] * V_10)) + (weight_5[1] * V_11)) + (weight_5[2] * V_12)) + (weight_5[3] * V_13)) + (weight_6[0] * V_14)) + (weight_6[1] * V_15)) + (weight_6[2] * V_16)) + (weight_6[3] * V_17);
    weighted_7 = ((((((((correction_4 * weighted_7) + (weight_7[0] * V_10)) + (weight_7[1] * V_11)) + (weight_7[2] * V_12)) + (weight_7[3] * V_13)) + (weight_8[0] * V_14)) + (weight_8[1] * V_15)) + (weight_8[2] * V_16)) + (weight_8[3] * V_17);
  }
  div_2[thread * 24u] = weighted_0[0] / total_0;
  div_2[thread * 24u + 1u] = weighted_0[1] / total_0;
  div_2[thread * 24u + 2u] = weighted_0[2] / total_0;
  div_2[thread * 24u + 3u] = weighted_0[3] / total_0;
  div_2[thread * 24u + 4u] = weighted_1[0] / total_0;
  let div_7 = weighted_1[1] / total_0;
  div_2[thread * 24u + 5u] = div_7;
  if (i32(6u) < 6) {
    div_2[thread * 24u + 5u] = div_7;
  }
  if (i32(7u) < 6) {
    div_2[thread * 24u + 5u] = div_7;
  }
  div_2[thread * 24u + 6u] = weighted_2[0] / total_1;
  div_2[thread * 24u + 7u] = weighted_2[1] / total_1;
  div_2[thread * 24u + 8u] = weighted_2[2] / total_1;
  div_2[thread * 24u + 9u] = weighted_2[3] / total_1;
  div_2[thread * 24u + 10u] = weighted_3[0] / total_1;
  let div_13 = weighted_3[1] / total_1;
  div_2[thread * 24u + 11u] = div_13;
  if (i32(6u) < 6) {
    div_2[thread * 24u + 11u] = div_13;
  }
  if (i32(7u) < 6) {
    div_2[thread * 24u + 11u] = div_13;
  }
  div_2[thread * 24u + 12u] = weighted_4[0] / total_2;
  div_2[thread * 24u + 13u] = weighted_4[1] / total_2;
  div_2[thread * 24u + 14u] = weighted_4[2] / total_2;
  div_2[thread * 24u + 15u] = weighted_4[3] / total_2;
  div_2[thread * 24u + 16u] = weighted_5[0] / total_2;
  let div_19 = weighted_5[1] / total_2;
  div_2[thread * 24u + 17u] = div_19;
  if (i32(6u) < 6) {
    div_2[thread * 24u + 17u] = div_19;
  }
  if (i32(7u) < 6) {
    div_2[thread * 24u + 17u] = div_19;
  }
  let div_20 = weighted_6[0] / total_3;
  let div_21 = weighted_6[1] / total_3;
  let div_22 = weighted_6[2] / total_3;
  let div_23 = weighted_6[3] / total_3;
  let div_24 = weighted_7[0] / total_3;
  let div_25 = weighted_7[1] / total_3;
  if (i32(thread * 4u + 3u) < 131) {
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u] = div_20;
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 1u] = div_21;
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 2u] = div_22;
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 3u] = div_23;
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 4u] = div_24;
    div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 5u] = div_25;
    if (i32(6u) < 6) {
      div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 5u] = div_25;
    }
    if (i32(7u) < 6) {
      div_2[clamp(thread * 4u + 3u, 0u, 130u) * 6u + 5u] = div_25;
    }
  }
}
