/** Runs exported models in onnxruntime, and compares what comes out with the reference evaluator. */
import { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { exportedParameters, exportOnnx, type OnnxExport } from "../../src/export/index.ts";
import { type DType, evaluateGraph, type Graph, type GraphValues, type Tensor } from "../../src/ir/index.ts";
import { f32ArrayFromF16 } from "../../src/runtime/index.ts";

/** Numbers as the bytes of a parameter in a model. */
export function parameterData(dtype: DType, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const data =
    dtype === "bool"
      ? Uint8Array.from(values)
      : dtype === "i32"
        ? Int32Array.from(values)
        : dtype === "u32"
          ? Uint32Array.from(values)
          : Float32Array.from(values);
  if (dtype === "f16" || dtype === "bf16") throw new TypeError("these tests have no parameters in half precision");
  return new Uint8Array(data.buffer);
}

/** The graph as a model, with the given parameters inside. */
export function exportWith(graph: Graph, values: GraphValues): OnnxExport {
  const bytes = exportedParameters(graph).map((node) => {
    const path = node.attributes.name as string;
    return [path, parameterData(node.type.dtype, (values.parameters[path] as Tensor).data)] as const;
  });
  return exportOnnx({ graph, version: "0.0.0", parameters: { kind: "inside", bytes: new Map(bytes) } });
}

function onnxTensor({ type, data }: Tensor): OnnxTensor {
  const { dtype, shape } = type;
  switch (dtype) {
    case "f32":
      return new OnnxTensor("float32", Float32Array.from(data), shape);
    case "i32":
      return new OnnxTensor("int32", Int32Array.from(data), shape);
    case "u32":
      return new OnnxTensor("uint32", Uint32Array.from(data), shape);
    case "bool":
      return new OnnxTensor("bool", Uint8Array.from(data), shape);
    default:
      throw new TypeError(`these tests have no inputs of ${dtype}`);
  }
}

/** Results of a model file or its bytes, by name. */
export async function runModel(
  model: Uint8Array | string,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, { readonly shape: readonly number[]; readonly data: number[] }>> {
  const options = { logSeverityLevel: 3, intraOpNumThreads: 1, interOpNumThreads: 1 } as const;
  const session =
    typeof model === "string"
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, onnxTensor(tensor)]));
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data, type }]) => {
        const numbers = type === "float16" ? f32ArrayFromF16(Uint16Array.from(data as Uint16Array)) : data;
        return [name, { shape: dims, data: Array.from(numbers as Iterable<number | bigint>, Number) }];
      }),
    );
  } finally {
    await session.release();
  }
}

/** One comparison: the greatest difference relative to the greatest magnitude of its output, which is at least 1. */
export interface Agreement {
  readonly name: string;
  readonly relative: number;
}

/** How far results are from the reference; infinite where shapes, infinities or whole numbers differ. */
export function agreementOf(
  wanted: Readonly<Record<string, Tensor>>,
  got: Awaited<ReturnType<typeof runModel>>,
): Agreement[] {
  return Object.entries(wanted).map(([name, { type, data }]) => {
    const result = got[name];
    if (result === undefined || String(result.shape) !== String(type.shape)) return { name, relative: Infinity };
    let scale = 0;
    for (const value of data) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    let worst = 0;
    data.forEach((value, i) => {
      const other = result.data[i] as number;
      if (Object.is(value, other) || value === other) return;
      const difference = Math.abs(value - other);
      worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference / scale);
    });
    return { name, relative: type.dtype === "f32" || type.dtype === "f16" ? worst : worst === 0 ? 0 : Infinity };
  });
}

/** The largest difference of all outputs between onnxruntime and the reference evaluator. */
export async function differenceOf(graph: Graph, values: GraphValues): Promise<number> {
  const exported = exportWith(graph, values);
  if (exported.kind === "unsupported") throw new Error(exported.unsupported.map(({ reason }) => reason).join("; "));
  const got = await runModel(exported.model, values.inputs);
  return Math.max(0, ...agreementOf(evaluateGraph(graph, values), got).map(({ relative }) => relative));
}
