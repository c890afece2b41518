/**
 * WGSL functions for what WGSL lacks or grants too little accuracy.
 *
 * WGSL promises sin and cos only 2^-11 absolute within [-pi, pi], tanh inherits a cancelling formula, and erf does not
 * exist. The polynomials below are Chebyshev fits made for Weft; the errors quoted were measured in emulated f32.
 * Each helper has a scalar and a vec4 form; `T` stands for the type and `B` for its boolean.
 */

export interface WgslHelper {
  readonly name: string;
  /** Body with `T` for f32 or vec4<f32>, `I` for i32 or vec4<i32>, and `U` for u32 or vec4<u32>. */
  readonly text: string;
}

const helpers: readonly WgslHelper[] = [
  {
    // erf(x) = x P(x^2) below 1, else 1 - exp(-x^2) R(1 / (1 + x/2)); |error| <= 1.5e-7, <= 1.5 ULP of the result.
    name: "weft_erf",
    text: `fn weft_erf(x: T) -> T {
  let s = x * x;
  let inner = x * ((((((7.875874871388078e-05 * s - 0.000801686430349946) * s + 0.005189087241888046) * s
    - 0.02685421146452427) * s + 0.11283594369888306) * s - 0.3761262595653534) * s + 1.1283791065216064);
  let a = min(abs(x), T(4.0));
  let t = 1.0 / (1.0 + 0.5 * a);
  let r = (((((((0.012768429704010487 * t + 0.06918572634458542) * t - 0.3857789933681488) * t + 0.48092642426490784) * t
    - 0.05446767807006836) * t + 0.32920607924461365) * t + 0.2640456557273865) * t + 0.2843341827392578) * t - 0.00012089477968402207;
  return select(sign(x) * (1.0 - exp(-a * a) * r), inner, abs(x) < T(1.0));
}`,
  },
  {
    // tanh(x) = x P(x^2) below 0.6, else 1 - 2 / (exp(2x) + 1); <= 1.7 ULP, and no overflow for large |x|.
    name: "weft_tanh",
    text: `fn weft_tanh(x: T) -> T {
  let s = x * x;
  let inner = x * (((((-0.005599785130470991 * s + 0.02053697220981121) * s - 0.05370427668094635) * s
    + 0.13330917060375214) * s - 0.33333250880241394) * s + 1.0);
  let outer = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), T(10.0))) + 1.0));
  return select(outer, inner, abs(x) < T(0.6));
}`,
  },
  {
    // Cody-Waite reduction by pi/2 in four parts, then polynomials on [-pi/4, pi/4]; |error| <= 8e-8 to |x| = 10, 5e-7 to 40,000.
    name: "weft_sin",
    text: `fn weft_sin(x: T) -> T {
  let k = round(x * 0.63661977);
  let r = (((x - k * 1.5703125) - k * 0.0004837512969970703) - k * 7.549533620476723e-08) - k * 2.5632829192545614e-12;
  let s = r * r;
  let sine = r * (((-0.00019502194481901824 * s + 0.008332022465765476) * s - 0.16666650772094727) * s + 1.0);
  let cosine = (((2.4377693989663385e-05 * s - 0.001388659467920661) * s + 0.04166661575436592) * s - 0.5) * s + 1.0;
  let quadrant = I(k) & I(3);
  let value = select(sine, cosine, (quadrant & I(1)) == I(1));
  return select(value, -value, quadrant >= I(2));
}`,
  },
  {
    name: "weft_cos",
    text: `fn weft_cos(x: T) -> T {
  let k = round(x * 0.63661977);
  let r = (((x - k * 1.5703125) - k * 0.0004837512969970703) - k * 7.549533620476723e-08) - k * 2.5632829192545614e-12;
  let s = r * r;
  let sine = r * (((-0.00019502194481901824 * s + 0.008332022465765476) * s - 0.16666650772094727) * s + 1.0);
  let cosine = (((2.4377693989663385e-05 * s - 0.001388659467920661) * s + 0.04166661575436592) * s - 0.5) * s + 1.0;
  let quadrant = (I(k) + I(1)) & I(3);
  let value = select(cosine, sine, (quadrant & I(1)) == I(0));
  return select(value, -value, quadrant >= I(2));
}`,
  },
  {
    // WGSL's pow is undefined for a negative base; whole exponents are defined here as in mathematics.
    name: "weft_pow",
    text: `fn weft_pow(x: T, y: T) -> T {
  let magnitude = pow(abs(x), y);
  let odd = abs(y - 2.0 * floor(0.5 * y)) == T(1.0);
  return select(magnitude, -magnitude, odd & (x < T(0.0)));
}`,
  },
  {
    // Philox4x32-10 (Salmon et al. 2011); WGSL has no high word of a product, so it is added up from halves.
    name: "weft_random",
    text: `fn weft_random(position: U, stream: U, seed: U) -> T {
  var a = position;
  var b = U(0u);
  var c = stream;
  var d = U(0u);
  var key0 = seed;
  var key1 = U(0u);
  for (var round = 0; round < 10; round++) {
    let aLow = a & U(0xffffu);
    let aHigh = a >> U(16u);
    let aMiddle = aHigh * 0x1f53u + ((aLow * 0x1f53u) >> U(16u));
    let aCross = aLow * 0xd251u + (aMiddle & U(0xffffu));
    let aProduct = aHigh * 0xd251u + (aMiddle >> U(16u)) + (aCross >> U(16u));
    let cLow = c & U(0xffffu);
    let cHigh = c >> U(16u);
    let cMiddle = cHigh * 0x8d57u + ((cLow * 0x8d57u) >> U(16u));
    let cCross = cLow * 0xcd9eu + (cMiddle & U(0xffffu));
    let cProduct = cHigh * 0xcd9eu + (cMiddle >> U(16u)) + (cCross >> U(16u));
    let nextA = cProduct ^ b ^ key0;
    let nextC = aProduct ^ d ^ key1;
    b = c * 0xcd9e8d57u;
    d = a * 0xd2511f53u;
    a = nextA;
    c = nextC;
    key0 += U(0x9e3779b9u);
    key1 += U(0xbb67ae85u);
  }
  return T((a >> U(8u)) | U(1u)) * 5.9604644775390625e-08;
}`,
  },
];

const byName = new Map(helpers.map((helper) => [helper.name, helper]));

/** WGSL text of a helper for f32 scalars or, with `vector`, for vec4<f32>. WGSL overloads nothing, so the vec4 form has the suffix `4`. */
export function wgslHelper(name: string, vector: boolean): string {
  const helper = byName.get(name);
  if (helper === undefined) throw new Error(`no WGSL helper named ${name}`);
  const typed = helper.text
    .replace(/\bT\b/g, vector ? "vec4<f32>" : "f32")
    .replace(/\bI\b/g, vector ? "vec4<i32>" : "i32")
    .replace(/\bU\b/g, vector ? "vec4<u32>" : "u32");
  return vector ? typed.replace(`fn ${name}(`, `fn ${name}4(`) : typed;
}
