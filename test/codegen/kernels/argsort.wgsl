// ---- kernel 1 of 2
// order: argsort
// _ = argsort "axis 1"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> argsort: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let element = id.x;
  if (element >= 84u) { return; }
  let x_2 = x[element];
  var place: i32 = 0;
  for (var other = 0u; other < 7u; other++) {
    let x_3 = x[(element % 4u) + (element / 28u) * 28u + other * 4u];
    place += select(0, 1, ((x_3 < x_2) | ((x_3 == x_2) & (i32(other) < i32((element / 4u) % 7u)))));
  }
  argsort[(element % 4u) + (element / 28u) * 28u + u32(place) * 4u] = i32((element / 4u) % 7u);
}

// ---- kernel 2 of 2
// order: argsort
// _ = argsort "axis 2"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> argsort: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let element = id.x;
  if (element >= 140u) { return; }
  let pad = select(3.0, x[(element % 28u) + (clamp(element / 28u, 1u, 3u) - 1u) * 28u], ((i32((element / 28u) - 1u) >= 0) & (i32((element / 28u) - 1u) <= 2)));
  var place: i32 = 0;
  for (var other = 0u; other < 4u; other++) {
    let pad_2 = select(3.0, x[((element / 4u) % 7u) * 4u + (clamp(element / 28u, 1u, 3u) - 1u) * 28u + other], ((i32((element / 28u) - 1u) >= 0) & (i32((element / 28u) - 1u) <= 2)));
    place += select(0, 1, ((pad_2 > pad) | ((pad_2 == pad) & (i32(other) < i32(element % 4u)))));
  }
  argsort[((element / 4u) % 7u) * 4u + (element / 28u) * 28u + u32(place)] = i32(element % 4u);
}
