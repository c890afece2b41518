/** The face of the exporters: graphs in the formats of other engines. */
export {
  type ExternalParameter,
  exportedParameters,
  exportOnnx,
  type OnnxExport,
  type OnnxRequest,
  onnxVersions,
  parameterBytes,
  type Renamed,
} from "./export-onnx.ts";
export { type Unsupported, unsupportedIn } from "./unsupported.ts";
