/** The face of the import: an ONNX model in, a text in Weft and its weights out. */
export {
  type ImportedTensor,
  type ImportRequest,
  importOnnx,
  type OnnxImport,
  type UnsupportedNodes,
} from "./import-onnx.ts";
export { opsets } from "./onnx-model.ts";
export type { ReadExternal } from "./onnx-tensor.ts";
export { ImportError } from "./problem.ts";
