// ---- kernel 1 of 1
// contraction: mul
// _ = contract "i k, k j -> i j"

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> c: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> mul_2: array<vec4<f32>>;

fn weft_erf4(x: vec4<f32>) -> vec4<f32> {
  let s = x * x;
  let inner = x * ((((((7.875874871388078e-05 * s - 0.000801686430349946) * s + 0.005189087241888046) * s
    - 0.02685421146452427) * s + 0.11283594369888306) * s - 0.3761262595653534) * s + 1.1283791065216064);
  let a = min(abs(x), vec4<f32>(4.0));
  let t = 1.0 / (1.0 + 0.5 * a);
  let r = (((((((0.012768429704010487 * t + 0.06918572634458542) * t - 0.3857789933681488) * t + 0.48092642426490784) * t
    - 0.05446767807006836) * t + 0.32920607924461365) * t + 0.2640456557273865) * t + 0.2843341827392578) * t - 0.00012089477968402207;
  return select(sign(x) * (1.0 - exp(-a * a) * r), inner, abs(x) < vec4<f32>(1.0));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 18u) { return; }
  let row_tile = thread / 6u;
  let column_tile = thread % 6u;
  var sum_0: vec4<f32> = vec4<f32>(0.0);
  var sum_1: vec4<f32> = vec4<f32>(0.0);
  var sum_2: vec4<f32> = vec4<f32>(0.0);
  var sum_3: vec4<f32> = vec4<f32>(0.0);
  for (var k = id.z; k < 4u; k++) {
    let a_2 = a[k + row_tile * 16u];
    let a_3 = a[k + row_tile * 16u + 4u];
    let a_4 = a[k + row_tile * 16u + 8u];
    let a_5 = a[k + row_tile * 16u + 12u];
    let b_2 = b[column_tile + k * 24u];
    let b_3 = b[column_tile + k * 24u + 6u];
    let b_4 = b[column_tile + k * 24u + 12u];
    let b_5 = b[column_tile + k * 24u + 18u];
    sum_0 += (a_2[0] * b_2);
    sum_1 += (a_3[0] * b_2);
    sum_2 += (a_4[0] * b_2);
    sum_3 += (a_5[0] * b_2);
    sum_0 += (a_2[1] * b_3);
    sum_1 += (a_3[1] * b_3);
    sum_2 += (a_4[1] * b_3);
    sum_3 += (a_5[1] * b_3);
    sum_0 += (a_2[2] * b_4);
    sum_1 += (a_3[2] * b_4);
    sum_2 += (a_4[2] * b_4);
    sum_3 += (a_5[2] * b_4);
    sum_0 += (a_2[3] * b_5);
    sum_1 += (a_3[3] * b_5);
    sum_2 += (a_4[3] * b_5);
    sum_3 += (a_5[3] * b_5);
  }
  let c_2 = c[column_tile];
  let add = sum_0 + c_2;
  mul_2[column_tile + row_tile * 24u] = weft_erf4(add) * add;
  let add_2 = sum_1 + c_2;
  mul_2[column_tile + row_tile * 24u + 6u] = weft_erf4(add_2) * add_2;
  let add_3 = sum_2 + c_2;
  mul_2[column_tile + row_tile * 24u + 12u] = weft_erf4(add_3) * add_3;
  let add_4 = sum_3 + c_2;
  mul_2[column_tile + row_tile * 24u + 18u] = weft_erf4(add_4) * add_4;
}
