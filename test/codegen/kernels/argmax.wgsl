// ---- kernel 1 of 2
// rows: argmax
// _ = argmax "i k -> i"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> argmax_2: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 6u) { return; }
  var argmax: f32 = -3.4028234663852886e+38;
  var argmax_at: i32 = 0;
  for (var k = 0u; k < 16u; k++) {
    let x_2 = x[k + row * 16u];
    let better = x_2 > argmax;
    argmax = select(argmax, x_2, better);
    argmax_at = select(argmax_at, i32(k), better);
  }
  argmax_2[row] = argmax_at;
}

// ---- kernel 2 of 2
// rows: argmin
// _ = argmin "i k -> k"

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> argmin_2: array<vec4<i32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= 4u) { return; }
  var argmin: vec4<f32> = vec4<f32>(3.4028234663852886e+38);
  var argmin_at: vec4<i32> = vec4<i32>(0);
  for (var k = 0u; k < 6u; k++) {
    let x_2 = x[k * 4u + row];
    let better = x_2 < argmin;
    argmin = select(argmin, x_2, better);
    argmin_at = select(argmin_at, vec4<i32>(i32(k)), better);
  }
  argmin_2[row] = argmin_at;
}
