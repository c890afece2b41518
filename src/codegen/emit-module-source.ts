/** The typed face of a built module, as TypeScript and as the JavaScript that it becomes. */
import type { OptionalKind, PropertySignatureStructure } from "ts-morph";
import { printType, type TensorType } from "../ir/index.ts";
import type { Plan, PlanTensor } from "./plan.ts";

export interface SourceRequest {
  readonly plan: Plan;
  /** Path of each kernel's WGSL, relative to the module. */
  readonly kernelPaths: readonly string[];
  /** Path of the weights, where there are any. */
  readonly weights: string | undefined;
}

const runtime = "./runtime.js";

/** Prints both forms. Loads ts-morph, which nothing else of the compiler needs. */
export async function printModuleSource(
  request: SourceRequest,
): Promise<{ readonly typescript: string; readonly javascript: string }> {
  const { Project, ts, VariableDeclarationKind } = await import("ts-morph");
  const { plan } = request;
  const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  const file = project.createSourceFile(
    "index.ts",
    `/** \`${plan.name}\`, compiled by Weft; made by \`weft build\`. */\n`,
  );
  file.addImportDeclaration({
    moduleSpecifier: runtime,
    namedImports: ["type Input", "type LoadOptions", "loadProgram", "type ModuleFiles", "type Program", "type Tensor"],
  });
  file.addExportDeclaration({
    moduleSpecifier: runtime,
    namedExports: ["DeviceError", "InputError", "openDevice", "tensor", "WeightsError"],
  });
  file.addExportDeclaration({
    moduleSpecifier: runtime,
    isTypeOnly: true,
    namedExports: ["Device", "Input", "LoadOptions", "Program", "Tensor"],
  });
  const addInterface = (name: string, doc: string, kind: "Input" | "Tensor", tensors: readonly PlanTensor[]) =>
    file.addInterface({
      name,
      isExported: true,
      docs: [doc],
      properties: tensors.map((tensor) => propertyOf(kind, tensor)),
    });
  addInterface("Inputs", "What `run` takes.", "Input", plan.inputs);
  addInterface("Outputs", "What `run` returns.", "Tensor", plan.outputs);
  addInterface("Parameters", "What the weights hold, by path.", "Tensor", plan.parameters);
  file.addVariableStatement({
    declarationKind: VariableDeclarationKind.Const,
    docs: ["Written out one by one, so that bundlers find every file."],
    declarations: [{ name: "files", type: "ModuleFiles", initializer: filesOf(request) }],
  });
  file.addFunction({
    name: "load",
    isExported: true,
    docs: [
      "Compiles the kernels on a device and uploads the parameters; the program that comes back runs as often as one likes.",
    ],
    parameters: [{ name: "options", type: "LoadOptions<Parameters>", initializer: "{}" }],
    returnType: "Promise<Program<Inputs, Outputs>>",
    statements: ["return loadProgram<Inputs, Outputs, Parameters>(files, options);"],
  });
  file.formatText({ indentSize: 2 });
  const typescript = file.getFullText();
  const { ES2022: target } = ts.ScriptTarget;
  const { ESNext: module } = ts.ModuleKind;
  const { outputText } = ts.transpileModule(typescript, {
    compilerOptions: { target, module, newLine: ts.NewLineKind.LineFeed, verbatimModuleSyntax: true },
  });
  return { typescript, javascript: outputText };
}

function propertyOf(kind: "Input" | "Tensor", { name, type }: PlanTensor): OptionalKind<PropertySignatureStructure> {
  const range = type.below === undefined ? "" : `, whole numbers from 0 to ${type.below - 1}`;
  return {
    name: propertyName(name),
    isReadonly: true,
    type: `${kind}<"${type.dtype}", ${shapeType(type)}>`,
    docs: [`\`${name}: ${printType(type)}\`${range}`],
  };
}

/** Paths such as `layers.0.weight` and names such as `x₁` are no identifiers of TypeScript. */
function propertyName(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : JSON.stringify(name);
}

function shapeType({ shape }: TensorType): string {
  return `readonly [${shape.join(", ")}]`;
}

function filesOf({ kernelPaths, weights }: SourceRequest): string {
  const url = (path: string) => `new URL("./${path}", import.meta.url)`;
  const lines = [
    `  plan: ${url("plan.json")},`,
    "  kernels: [",
    ...kernelPaths.map((path) => `    ${url(path)},`),
    "  ],",
    ...(weights === undefined ? [] : [`  weights: ${url(weights)},`]),
  ];
  return `{\n${lines.join("\n")}\n}`;
}
