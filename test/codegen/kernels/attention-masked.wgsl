// ---- kernel 1 of 1
// online-softmax: contract
// _ = contract "i h c, j h c -> h i j"
// _ = maximum "h i k -> h i"
// _ = sum "h i k -> h i"
// _ = contract "h i j, j h c -> i h c"

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> v_2: array<f32>;
@group(0) @binding(4) var<storage, read_write> contract: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 52u) { return; }
  let h = thread / 26u;
  let row_tile = thread % 26u;
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
  for (var j = id.z; j < 12u; j++) {
    var score_00: vec4<f32> = vec4<f32>(0.0);
    var score_01: vec4<f32> = vec4<f32>(0.0);
    var score_10: vec4<f32> = vec4<f32>(0.0);
    var score_11: vec4<f32> = vec4<f32>(0.0);
    var score_20: vec4<f32> = vec4<f32>(0.0);
    var score_21: vec4<f32> = vec4<f32>(0.0);
    var score_30: vec4<f32> = vec4<f32>(0.0);
    var score_31: vec4<f32> = vec4<f32>(0.0);
    for (var c_ = 0u; c_ < 6u; c_++) {
      let q_2 = q[c_ + h * 6u + row_tile * 48u];
      let q_3 = q[c_ + clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u];
      let q_4 = q[c_ + clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u];
      let q_5 = q[c_ + clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u];
      let k_2 = vec4<f32>(k[c_ + h * 6u + j * 96u], k[c_ + h * 6u + j * 96u + 12u], k[c_ + clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u], k[c_ + clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u]);
      let k_3 = vec4<f32>(k[c_ + clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u], k[c_ + clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u], k[c_ + clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u], k[c_ + clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u]);
      score_00 += (q_2 * k_2);
      score_01 += (q_2 * k_3);
      score_10 += (q_3 * k_2);
      score_11 += (q_3 * k_3);
      score_20 += (q_4 * k_2);
      score_21 += (q_4 * k_3);
      score_30 += (q_5 * k_2);
      score_31 += (q_5 * k_3);
    }
    let mask_2 = vec4<bool>(mask[j * 8u] != 0u, mask[j * 8u + 1u] != 0u, mask[clamp(j * 8u + 2u, 0u, 89u)] != 0u, mask[clamp(j * 8u + 3u, 0u, 89u)] != 0u);
    let score = select(vec4<f32>(-3.4028234663852886e+38), score_00, (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let mask_3 = vec4<bool>(mask[clamp(j * 8u + 4u, 0u, 89u)] != 0u, mask[clamp(j * 8u + 5u, 0u, 89u)] != 0u, mask[clamp(j * 8u + 6u, 0u, 89u)] != 0u, mask[clamp(j * 8u + 7u, 0u, 89u)] != 0u);
    let score_2 = select(vec4<f32>(-3.4028234663852886e+38), score_01, (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    let largest = max(max(max(max(max(max(max(max(maximum_0, score[0]), score[1]), score[2]), score[3]), score_2[0]), score_2[1]), score_2[2]), score_2[3]);
    let correction = exp((maximum_0 - largest));
    let weight = select(vec4<f32>(0.0), exp((score - vec4<f32>(largest))), (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let weight_2 = select(vec4<f32>(0.0), exp((score_2 - vec4<f32>(largest))), (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    total_0 = ((((((((total_0 * correction) + weight[0]) + weight[1]) + weight[2]) + weight[3]) + weight_2[0]) + weight_2[1]) + weight_2[2]) + weight_2[3];
    maximum_0 = largest;
    let score_3 = select(vec4<f32>(-3.4028234663852886e+38), score_10, (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let score_4 = select(vec4<f32>(-3.4028234663852886e+38), score_11, (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    let largest_2 = max(max(max(max(max(max(max(max(maximum_1, score_3[0]), score_3[1]), score_3[2]), score_3[3]), score_4[0]), score_4[1]), score_4[2]), score_4[3]);
    let correction_2 = exp((maximum_1 - largest_2));
    let weight_3 = select(vec4<f32>(0.0), exp((score_3 - vec4<f32>(largest_2))), (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let weight_4 = select(vec4<f32>(0.0), exp((score_4 - vec4<f32>(largest_2))), (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    total_1 = ((((((((total_1 * correction_2) + weight_3[0]) + weight_3[1]) + weight_3[2]) + weight_3[3]) + weight_4[0]) + weight_4[1]) + weight_4[2]) + weight_4[3];
    maximum_1 = largest_2;
    let score_5 = select(vec4<f32>(-3.4028234663852886e+38), score_20, (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let score_6 = select(vec4<f32>(-3.4028234663852886e+38), score_21, (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    let largest_3 = max(max(max(max(max(max(max(max(maximum_2, score_5[0]), score_5[1]), score_5[2]), score_5[3]), score_6[0]), score_6[1]), score_6[2]), score_6[3]);
    let correction_3 = exp((maximum_2 - largest_3));
    let weight_5 = select(vec4<f32>(0.0), exp((score_5 - vec4<f32>(largest_3))), (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let weight_6 = select(vec4<f32>(0.0), exp((score_6 - vec4<f32>(largest_3))), (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    total_2 = ((((((((total_2 * correction_3) + weight_5[0]) + weight_5[1]) + weight_5[2]) + weight_5[3]) + weight_6[0]) + weight_6[1]) + weight_6[2]) + weight_6[3];
    maximum_2 = largest_3;
    let score_7 = select(vec4<f32>(-3.4028234663852886e+38), score_30, (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let score_8 = select(vec4<f32>(-3.4028234663852886e+38), score_31, (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    let largest_4 = max(max(max(max(max(max(max(max(maximum_3, score_7[0]), score_7[1]), score_7[2]), score_7[3]), score_8[0]), score_8[1]), score_8[2]), score_8[3]);
    let correction_4 = exp((maximum_3 - largest_4));
    let weight_7 = select(vec4<f32>(0.0), exp((score_7 - vec4<f32>(largest_4))), (((vec4<i32>(i32(j * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_2));
    let weight_8 = select(vec4<f32>(0.0), exp((score_8 - vec4<f32>(largest_4))), (((vec4<i32>(i32(j * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(90)) & mask_3));
    total_3 = ((((((((total_3 * correction_4) + weight_7[0]) + weight_7[1]) + weight_7[2]) + weight_7[3]) + weight_8[0]) + weight_8[1]) + weight_8[2]) + weight_8[3];
    maximum_3 = largest_4;
    let v_3 = vec4<f32>(v_2[h * 6u + j * 96u], v_2[h * 6u + j * 96u + 1u], v_2[h * 6u + j * 96u + 2u], v_2[h * 6u + j * 96u + 3u]);
    let v_4 = vec4<f32>(v_2[h * 6u + j * 96u + 12u], v_2[h * 6u + j * 96u + 13u], v_2[h * 6u + j * 96u + 14u], v_2[h * 6u + j * 96u + 15u]);
    let v_5 = vec4<f32>(v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 3u]);
    let v_6 = vec4<f32>(v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 3u]);
    let v_7 = vec4<f32>(v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 3u]);
    let v_8 = vec4<f32>(v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 3u]);
    let v_9 = vec4<f32>(v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 3u]);
    let v_10 = vec4<f32>(v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 1u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 2u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 3u]);
    weighted_0 = ((((((((correction * weighted_0) + (weight[0] * v_3)) + (weight[1] * v_4)) + (weight[2] * v_5)) + (weight[3] * v_6)) + (weight_2[0] * v_7)) + (weight_2[1] * v_8)) + (weight_2[2] * v_9)) + (weight_2[3] * v_10);
    weighted_2 = ((((((((correction_2 * weighted_2) + (weight_3[0] * v_3)) + (weight_3[1] * v_4)) + (weight_3[2] * v_5)) + (weight_3[3] * v_6)) + (weight_4[0] * v_7)) + (weight_4[1] * v_8)) + (weight_4[2] * v_9)) + (weight_4[3] * v_10);
    weighted_4 = ((((((((correction_3 * weighted_4) + (weight_5[0] * v_3)) + (weight_5[1] * v_4)) + (weight_5[2] * v_5)) + (weight_5[3] * v_6)) + (weight_6[0] * v_7)) + (weight_6[1] * v_8)) + (weight_6[2] * v_9)) + (weight_6[3] * v_10);
    weighted_6 = ((((((((correction_4 * weighted_6) + (weight_7[0] * v_3)) + (weight_7[1] * v_4)) + (weight_7[2] * v_5)) + (weight_7[3] * v_6)) + (weight_8[0] * v_7)) + (weight_8[1] * v_8)) + (weight_8[2] * v_9)) + (weight_8[3] * v_10);
    let v_11 = vec4<f32>(v_2[h * 6u + j * 96u + 4u], v_2[h * 6u + j * 96u + 5u], v_2[h * 6u + j * 96u + 5u], v_2[h * 6u + j * 96u + 5u]);
    let v_12 = vec4<f32>(v_2[h * 6u + j * 96u + 16u], v_2[h * 6u + j * 96u + 17u], v_2[h * 6u + j * 96u + 17u], v_2[h * 6u + j * 96u + 17u]);
    let v_13 = vec4<f32>(v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 2u, 0u, 89u) * 12u + h * 6u + 5u]);
    let v_14 = vec4<f32>(v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 3u, 0u, 89u) * 12u + h * 6u + 5u]);
    let v_15 = vec4<f32>(v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 4u, 0u, 89u) * 12u + h * 6u + 5u]);
    let v_16 = vec4<f32>(v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 5u, 0u, 89u) * 12u + h * 6u + 5u]);
    let v_17 = vec4<f32>(v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 6u, 0u, 89u) * 12u + h * 6u + 5u]);
    let v_18 = vec4<f32>(v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 4u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 5u], v_2[clamp(j * 8u + 7u, 0u, 89u) * 12u + h * 6u + 5u]);
    weighted_1 = ((((((((correction * weighted_1) + (weight[0] * v_11)) + (weight[1] * v_12)) + (weight[2] * v_13)) + (weight[3] * v_14)) + (weight_2[0] * v_15)) + (weight_2[1] * v_16)) + (weight_2[2] * v_17)) + (weight_2[3] * v_18);
    weighted_3 = ((((((((correction_2 * weighted_3) + (weight_3[0] * v_11)) + (weight_3[1] * v_12)) + (weight_3[2] * v_13)) + (weight_3[3] * v_14)) + (weight_4[0] * v_15)) + (weight_4[1] * v_16)) + (weight_4[2] * v_17)) + (weight_4[3] * v_18);
    weighted_5 = ((((((((correction_3 * weighted_5) + (weight_5[0] * v_11)) + (weight_5[1] * v_12)) + (weight_5[2] * v_13)) + (weight_5[3] * v_14)) + (weight_6[0] * v_15)) + (weight_6[1] * v_16)) + (weight_6[2] * v_17)) + (weight_6[3] * v_18);
    weighted_7 = ((((((((correction_4 * weighted_7) + (weight_7[0] * v_11)) + (weight_7[1] * v_12)) + (weight_7[2] * v_13)) + (weight_7[3] * v_14)) + (weight_8[0] * v_15)) + (weight_8[1] * v_16)) + (weight_8[2] * v_17)) + (weight_8[3] * v_18);
  }
  let sum = select((weighted_0 / vec4<f32>(total_0)), vec4<f32>(0.0), vec4<bool>(total_0 == 0.0));
  contract[h * 6u + row_tile * 48u] = sum[0];
  contract[h * 6u + row_tile * 48u + 1u] = sum[1];
  contract[h * 6u + row_tile * 48u + 2u] = sum[2];
  contract[h * 6u + row_tile * 48u + 3u] = sum[3];
  let sum_2 = select((weighted_1 / vec4<f32>(total_0)), vec4<f32>(0.0), vec4<bool>(total_0 == 0.0));
  contract[h * 6u + row_tile * 48u + 4u] = sum_2[0];
  contract[h * 6u + row_tile * 48u + 5u] = sum_2[1];
  if (i32(6u) < 6) {
    contract[h * 6u + row_tile * 48u + 5u] = sum_2[2];
  }
  if (i32(7u) < 6) {
    contract[h * 6u + row_tile * 48u + 5u] = sum_2[3];
  }
  let sum_3 = select((weighted_2 / vec4<f32>(total_1)), vec4<f32>(0.0), vec4<bool>(total_1 == 0.0));
  let sum_4 = select((weighted_3 / vec4<f32>(total_1)), vec4<f32>(0.0), vec4<bool>(total_1 == 0.0));
  if (i32(row_tile * 4u + 1u) < 101) {
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u] = sum_3[0];
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 1u] = sum_3[1];
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 2u] = sum_3[2];
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 3u] = sum_3[3];
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 4u] = sum_4[0];
    contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 5u] = sum_4[1];
    if (i32(6u) < 6) {
      contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 5u] = sum_4[2];
    }
    if (i32(7u) < 6) {
      contract[clamp(row_tile * 4u + 1u, 0u, 100u) * 12u + h * 6u + 5u] = sum_4[3];
    }
  }
  let sum_5 = select((weighted_4 / vec4<f32>(total_2)), vec4<f32>(0.0), vec4<bool>(total_2 == 0.0));
  let sum_6 = select((weighted_5 / vec4<f32>(total_2)), vec4<f32>(0.0), vec4<bool>(total_2 == 0.0));
  if (i32(row_tile * 4u + 2u) < 101) {
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u] = sum_5[0];
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 1u] = sum_5[1];
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 2u] = sum_5[2];
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 3u] = sum_5[3];
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 4u] = sum_6[0];
    contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 5u] = sum_6[1];
    if (i32(6u) < 6) {
      contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 5u] = sum_6[2];
    }
    if (i32(7u) < 6) {
      contract[clamp(row_tile * 4u + 2u, 0u, 100u) * 12u + h * 6u + 5u] = sum_6[3];
    }
  }
  let sum_7 = select((weighted_6 / vec4<f32>(total_3)), vec4<f32>(0.0), vec4<bool>(total_3 == 0.0));
  let sum_8 = select((weighted_7 / vec4<f32>(total_3)), vec4<f32>(0.0), vec4<bool>(total_3 == 0.0));
  if (i32(row_tile * 4u + 3u) < 101) {
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u] = sum_7[0];
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 1u] = sum_7[1];
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 2u] = sum_7[2];
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 3u] = sum_7[3];
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 4u] = sum_8[0];
    contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 5u] = sum_8[1];
    if (i32(6u) < 6) {
      contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 5u] = sum_8[2];
    }
    if (i32(7u) < 6) {
      contract[clamp(row_tile * 4u + 3u, 0u, 100u) * 12u + h * 6u + 5u] = sum_8[3];
    }
  }
}
