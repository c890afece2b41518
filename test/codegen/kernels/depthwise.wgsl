// ---- kernel 1 of 1
// contraction: contract
// _ = contract "c ky kx, c ky kx y x -> c y x"

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> contract: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let thread = id.x;
  if (thread >= 144u) { return; }
  var sum: vec4<f32> = vec4<f32>(0.0);
  for (var ky = id.z; ky < 3u; ky++) {
    for (var kx = 0u; kx < 3u; kx++) {
      sum += (vec4<f32>(weight[(thread / 36u) * 9u + kx + ky * 3u]) * select(vec4<f32>(0.0), vec4<f32>(x[(thread / 36u) * 144u + (clamp(((thread / 4u) % 9u) + ky * 2u, 2u, 10u) - 2u) * 16u + (clamp((thread % 4u) * 4u + kx * 2u, 2u, 17u) - 2u)], x[(thread / 36u) * 144u + (clamp(((thread / 4u) % 9u) + ky * 2u, 2u, 10u) - 2u) * 16u + (clamp((thread % 4u) * 4u + kx * 2u, 1u, 16u) - 1u)], x[(thread / 36u) * 144u + (clamp(((thread / 4u) % 9u) + ky * 2u, 2u, 10u) - 2u) * 16u + clamp((thread % 4u) * 4u + kx * 2u, 0u, 15u)], x[(thread / 36u) * 144u + (clamp(((thread / 4u) % 9u) + ky * 2u, 2u, 10u) - 2u) * 16u + clamp((thread % 4u) * 4u + kx * 2u + 1u, 0u, 15u)]), ((vec4<bool>((i32(((thread / 4u) % 9u) + ky * 2u - 2u) >= 0) & (i32(((thread / 4u) % 9u) + ky * 2u - 2u) <= 8)) & ((vec4<i32>(i32((thread % 4u) * 4u + kx * 2u - 2u)) + vec4<i32>(0, 1, 2, 3)) >= vec4<i32>(0))) & ((vec4<i32>(i32((thread % 4u) * 4u + kx * 2u - 2u)) + vec4<i32>(0, 1, 2, 3)) <= vec4<i32>(15)))));
    }
  }
  contract[thread] = sum;
}
