// ---- kernel 1 of 1
// online-softmax: contract
// _ = contract "p c, p n c -> p n"
// _ = maximum "p k -> p"
// _ = sum "p k -> p"
// _ = contract "p n, p n c -> p c"

@group(0) @binding(0) var<storage, read> Q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> I: array<i32>;
@group(0) @binding(2) var<storage, read> K: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> V: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> contract: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 1025u) { return; }
  var maximum_0: f32 = -3.4028234663852886e+38;
  var total_0: f32 = 0.0;
  var weighted_0: vec4<f32> = vec4<f32>(0.0);
  var weighted_1: vec4<f32> = vec4<f32>(0.0);
  for (var n = id.z; n < 3u; n++) {
    var score_00: vec4<f32> = vec4<f32>(0.0);
    var score_01: vec4<f32> = vec4<f32>(0.0);
    let I_2 = I[n * 8u + thread * 17u];
    let I_3 = I[clamp(n * 8u + 1u, 0u, 16u) + thread * 17u];
    let I_4 = I[clamp(n * 8u + 2u, 0u, 16u) + thread * 17u];
    let I_5 = I[clamp(n * 8u + 3u, 0u, 16u) + thread * 17u];
    let I_6 = I[clamp(n * 8u + 4u, 0u, 16u) + thread * 17u];
    let I_7 = I[clamp(n * 8u + 5u, 0u, 16u) + thread * 17u];
    let I_8 = I[clamp(n * 8u + 6u, 0u, 16u) + thread * 17u];
    let I_9 = I[clamp(n * 8u + 7u, 0u, 16u) + thread * 17u];
    for (var c_ = 0u; c_ < 2u; c_++) {
      let Q_2 = Q[c_ + thread * 2u];
      let K_2 = K[u32(I_2) * 2u + c_];
      let K_3 = K[u32(I_3) * 2u + c_];
      let K_4 = K[u32(I_4) * 2u + c_];
      let K_5 = K[u32(I_5) * 2u + c_];
      let K_6 = K[u32(I_6) * 2u + c_];
      let K_7 = K[u32(I_7) * 2u + c_];
      let K_8 = K[u32(I_8) * 2u + c_];
      let K_9 = K[u32(I_9) * 2u + c_];
      score_00 += (Q_2[0] * vec4<f32>(K_2[0], K_3[0], K_4[0], K_5[0]));
      score_01 += (Q_2[0] * vec4<f32>(K_6[0], K_7[0], K_8[0], K_9[0]));
      score_00 += (Q_2[1] * vec4<f32>(K_2[1], K_3[1], K_4[1], K_5[1]));
      score_01 += (Q_2[1] * vec4<f32>(K_6[1], K_7[1], K_8[1], K_9[1]));
      score_00 += (Q_2[2] * vec4<f32>(K_2[2], K_3[2], K_4[2], K_5[2]));
      score_01 += (Q_2[2] * vec4<f32>(K_6[2], K_7[2], K_8[2], K_9[2]));
      score_00 += (Q_2[3] * vec4<f32>(K_2[3], K_3[3], K_4[3], K_5[3]));
      score_01 += (Q_2[3] * vec4<f32>(K_6[3], K_7[3], K_8[3], K_9[3]));
    }
    let score = select(vec4<f32>(-3.4028234663852886e+38), score_00, ((vec4<i32>(i32(n * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(17)));
    let score_2 = select(vec4<f32>(-3.4028234663852886e+38), score_01, ((vec4<i32>(i32(n * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(17)));
    let largest = max(max(max(max(max(max(max(max(maximum_0, score[0]), score[1]), score[2]), score[3]), score_2[0]), score_2[1]), score_2[2]), score_2[3]);
    let correction = exp((maximum_0 - largest));
    let weight = select(vec4<f32>(0.0), exp((score - vec4<f32>(largest))), ((vec4<i32>(i32(n * 8u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(17)));
    let weight_2 = select(vec4<f32>(0.0), exp((score_2 - vec4<f32>(largest))), ((vec4<i32>(i32(n * 8u + 4u)) + vec4<i32>(0, 1, 2, 3)) < vec4<i32>(17)));
    total_0 = ((((((((total_0 * correction) + weight[0]) + weight[1]) + weight[2]) + weight[3]) + weight_2[0]) + weight_2[1]) + weight_2[2]) + weight_2[3];
    maximum_0 = largest;
    weighted_0 = ((((((((correction * weighted_0) + (weight[0] * V[u32(I_2) * 2u])) + (weight[1] * V[u32(I_3) * 2u])) + (weight[2] * V[u32(I_4) * 2u])) + (weight[3] * V[u32(I_5) * 2u])) + (weight_2[0] * V[u32(I_6) * 2u])) + (weight_2[1] * V[u32(I_7) * 2u])) + (weight_2[2] * V[u32(I_8) * 2u])) + (weight_2[3] * V[u32(I_9) * 2u]);
    weighted_1 = ((((((((correction * weighted_1) + (weight[0] * V[u32(I_2) * 2u + 1u])) + (weight[1] * V[u32(I_3) * 2u + 1u])) + (weight[2] * V[u32(I_4) * 2u + 1u])) + (weight[3] * V[u32(I_5) * 2u + 1u])) + (weight_2[0] * V[u32(I_6) * 2u + 1u])) + (weight_2[1] * V[u32(I_7) * 2u + 1u])) + (weight_2[2] * V[u32(I_8) * 2u + 1u])) + (weight_2[3] * V[u32(I_9) * 2u + 1u]);
  }
  contract[thread * 2u] = weighted_0 / vec4<f32>(total_0);
  contract[thread * 2u + 1u] = weighted_1 / vec4<f32>(total_0);
}
