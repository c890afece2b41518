// ---- kernel 1 of 3
// contraction: contract
// _ = contract "h i c, h j c -> h i j"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 75u) { return; }
  let h = thread / 25u;
  let row_tile = (thread / 5u) % 5u;
  let column_tile = thread % 5u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  if (i32(row_tile * 4u + 3u - column_tile * 4u) >= 0) {
    for (var c = id.z; c < 2u; c++) {
      let q_2 = q[c + h * 40u + row_tile * 8u];
      let q_3 = q[c + h * 40u + row_tile * 8u + 2u];
      let q_4 = q[c + h * 40u + row_tile * 8u + 4u];
      let q_5 = q[c + h * 40u + row_tile * 8u + 6u];
      let k_2 = k[c + column_tile * 8u + h * 40u];
      let k_3 = k[c + column_tile * 8u + h * 40u + 2u];
      let k_4 = k[c + column_tile * 8u + h * 40u + 4u];
      let k_5 = k[c + column_tile * 8u + h * 40u + 6u];
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
  }
  contract[column_tile + h * 100u + row_tile * 20u] = select(vec4<f32>(0.0), sum_0, ((vec4<i32>(i32(row_tile * 4u - column_tile * 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)));
  contract[column_tile + h * 100u + row_tile * 20u + 5u] = select(vec4<f32>(0.0), sum_1, ((vec4<i32>(i32(row_tile * 4u + 1u - column_tile * 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)));
  contract[column_tile + h * 100u + row_tile * 20u + 10u] = select(vec4<f32>(0.0), sum_2, ((vec4<i32>(i32(row_tile * 4u + 2u - column_tile * 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)));
  contract[column_tile + h * 100u + row_tile * 20u + 15u] = select(vec4<f32>(0.0), sum_3, ((vec4<i32>(i32(row_tile * 4u + 3u - column_tile * 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)));
}

// ---- kernel 2 of 3
// contraction: contract
// _ = contract "h i j, h j c -> h i c"

@group(0) @binding(0) var<storage, read_write> contract: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> v_2: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract_6: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 30u) { return; }
  let h = thread / 10u;
  let row_tile = (thread / 2u) % 5u;
  let column_tile = thread % 2u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  for (var j = id.z; j < row_tile + 1u; j++) {
    let contract_2 = contract[h * 100u + j + row_tile * 20u];
    let contract_3 = contract[h * 100u + j + row_tile * 20u + 5u];
    let contract_4 = contract[h * 100u + j + row_tile * 20u + 10u];
    let contract_5 = contract[h * 100u + j + row_tile * 20u + 15u];
    let v_3 = v_2[column_tile + h * 40u + j * 8u];
    let v_4 = v_2[column_tile + h * 40u + j * 8u + 2u];
    let v_5 = v_2[column_tile + h * 40u + j * 8u + 4u];
    let v_6 = v_2[column_tile + h * 40u + j * 8u + 6u];
    sum_0 += (select(0.0, contract_2[0], (i32(row_tile * 4u - j * 4u) >= 0)) * v_3);
    sum_1 += (select(0.0, contract_3[0], (i32(row_tile * 4u + 1u - j * 4u) >= 0)) * v_3);
    sum_2 += (select(0.0, contract_4[0], (i32(row_tile * 4u + 2u - j * 4u) >= 0)) * v_3);
    sum_3 += (select(0.0, contract_5[0], (i32(row_tile * 4u + 3u - j * 4u) >= 0)) * v_3);
    sum_0 += (select(0.0, contract_2[1], (i32(row_tile * 4u - j * 4u - 1u) >= 0)) * v_4);
    sum_1 += (select(0.0, contract_3[1], (i32(row_tile * 4u - j * 4u) >= 0)) * v_4);
    sum_2 += (select(0.0, contract_4[1], (i32(row_tile * 4u + 1u - j * 4u) >= 0)) * v_4);
    sum_3 += (select(0.0, contract_5[1], (i32(row_tile * 4u + 2u - j * 4u) >= 0)) * v_4);
    sum_0 += (select(0.0, contract_2[2], (i32(row_tile * 4u - j * 4u - 2u) >= 0)) * v_5);
    sum_1 += (select(0.0, contract_3[2], (i32(row_tile * 4u - j * 4u - 1u) >= 0)) * v_5);
    sum_2 += (select(0.0, contract_4[2], (i32(row_tile * 4u - j * 4u) >= 0)) * v_5);
    sum_3 += (select(0.0, contract_5[2], (i32(row_tile * 4u + 1u - j * 4u) >= 0)) * v_5);
    sum_0 += (select(0.0, contract_2[3], (i32(row_tile * 4u - j * 4u - 3u) >= 0)) * v_6);
    sum_1 += (select(0.0, contract_3[3], (i32(row_tile * 4u - j * 4u - 2u) >= 0)) * v_6);
    sum_2 += (select(0.0, contract_4[3], (i32(row_tile * 4u - j * 4u - 1u) >= 0)) * v_6);
    sum_3 += (select(0.0, contract_5[3], (i32(row_tile * 4u - j * 4u) >= 0)) * v_6);
  }
  contract_6[column_tile + h * 40u + row_tile * 8u] = sum_0;
  contract_6[column_tile + h * 40u + row_tile * 8u + 2u] = sum_1;
  contract_6[column_tile + h * 40u + row_tile * 8u + 4u] = sum_2;
  contract_6[column_tile + h * 40u + row_tile * 8u + 6u] = sum_3;
}

// ---- kernel 3 of 3
// rows: sum
// _ = sum "h i j -> h i"

@group(0) @binding(0) var<storage, read_write> contract: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sum_3: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 60u) { return; }
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var k = 0u; k < ((row % 20u) / 4u) + 1u; k++) {
    sum += select(vec4<f32>(0.0), contract[k + row * 5u], ((vec4<i32>(i32((row % 20u) - k * 4u)) + vec4<i32>(0, -1, -2, -3)) >= vec4<i32>(0)));
  }
  sum_3[row] = ((sum[0] + sum[1]) + sum[2]) + sum[3];
}
