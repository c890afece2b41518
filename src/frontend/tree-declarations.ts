/** Actions of the tree builder for declarations. */
import type { ActionDict, Node as OhmNode } from "ohm-js";
import type * as tree from "./syntax-tree.ts";
import type { TreeTools } from "./tree-tools.ts";

/** One action per rule that declares something. */
export function declarationActions({ span, build, all, optional, doc }: TreeTools): ActionDict<unknown> {
  const functionLike = (
    whole: OhmNode,
    role: "function" | "entry",
    [name, generics, parameters, results, body]: readonly OhmNode[],
  ): tree.FunctionDeclaration => {
    const built = build<{ statements: tree.Statement[]; equation: boolean }>(body as OhmNode);
    return {
      kind: "function",
      role,
      name: build(name as OhmNode),
      generics: optional<tree.Generic[]>(generics as OhmNode) ?? [],
      parameters: build(parameters as OhmNode),
      results: build(results as OhmNode),
      body: built.statements,
      equation: built.equation,
      doc: doc(whole),
      span: span(whole),
    };
  };

  return {
    Import(_use, path, _colon, names) {
      return {
        kind: "import",
        path: path.sourceString,
        pathSpan: span(path),
        names: all(names),
        span: span(this),
      } satisfies tree.ImportDeclaration;
    },
    Function(_fn, name, generics, parameters, _arrow, results, body) {
      return functionLike(this, "function", [name, generics, parameters, results, body]);
    },
    Entry(_entry, name, generics, parameters, _arrow, results, body) {
      return functionLike(this, "entry", [name, generics, parameters, results, body]);
    },
    Generics: (_open, names, _close) => all(names),
    Generic_batch: (_batch, name) => ({ ...build<tree.Identifier>(name), isBatch: true }) satisfies tree.Generic,
    Parameters: (_open, parameters, _comma, _close) => all(parameters),
    Parameter(name, _colon, type, value) {
      return {
        kind: "parameter",
        name: build(name),
        type: build(type),
        default: optional(value),
        span: span(this),
      } satisfies tree.Parameter;
    },
    Default: (_equals, value) => build(value),
    Results_several: (_open, results, _close) => all(results),
    Results_one(type) {
      return [{ kind: "result", type: build(type), span: span(this) } satisfies tree.ResultDeclaration];
    },
    Result(name, type) {
      return {
        kind: "result",
        name: optional(name),
        type: build(type),
        span: span(this),
      } satisfies tree.ResultDeclaration;
    },
    ResultName: (name, _colon) => build(name),
    Body_block: (block) => ({ statements: build(block), equation: false }),
    Body_equation(_equals, value) {
      const statement: tree.ReturnStatement = { kind: "return", value: build(value), span: span(value) };
      return { statements: [statement], equation: true };
    },
    Type(element, dims) {
      return {
        kind: "type",
        element: build(element),
        dims: optional<tree.Expression[]>(dims) ?? [],
        span: span(this),
      } satisfies tree.TypeExpression;
    },
    Element_index(_idx, _open, below, _close) {
      return { kind: "index", below: build(below), span: span(this) } satisfies tree.ElementTypeExpression;
    },
    Element_named(name) {
      return { kind: "named", name: name.sourceString, span: span(this) } satisfies tree.ElementTypeExpression;
    },
    Dims: (_open, dims, _close) => all(dims),
    Module(role, name, parameters, _open, members, _separators, _close) {
      return {
        kind: "module",
        role: role.sourceString as "module" | "model",
        name: build(name),
        parameters: build(parameters),
        members: all(members),
        doc: doc(this),
        span: span(this),
      } satisfies tree.ModuleDeclaration;
    },
    Tensor(role, name, path, _colon, type, initialiser, presence) {
      return {
        kind: "tensor",
        role: role.sourceString as "param" | "buffer",
        name: build(name),
        path: optional(path),
        type: build(type),
        initialiser: optional(initialiser),
        presence: optional(presence),
        doc: doc(this),
        span: span(this),
      } satisfies tree.TensorMember;
    },
    Path: (_as, path) => build(path),
    Sub(_sub, name, path, _colon, module, args, counts, presence) {
      return {
        kind: "sub",
        name: build(name),
        path: optional(path),
        module: build(module),
        arguments: build(args),
        counts: optional<tree.InstanceCount[]>(counts) ?? [],
        presence: optional(presence),
        doc: doc(this),
        span: span(this),
      } satisfies tree.SubMember;
    },
    Counts: (_open, counts, _close) => all(counts),
    Count(start, end) {
      return { kind: "count", start: optional(start), end: build(end), span: span(this) } satisfies tree.InstanceCount;
    },
    CountStart: (start, _dots) => build(start),
    Presence: (_if, condition) => build(condition),
    Preset(_preset, name, model, _open, settings, _commas, _close) {
      return {
        kind: "preset",
        name: build(name),
        model: optional(model),
        settings: all(settings),
        doc: doc(this),
        span: span(this),
      } satisfies tree.PresetDeclaration;
    },
    PresetModel: (_of, name) => build(name),
    Setting(name, _equals, value) {
      return { kind: "setting", name: build(name), value: build(value), span: span(this) } satisfies tree.PresetSetting;
    },
    Extern(_extern, _wgsl, _fn, name, generics, parameters, _arrow, results, _open, fields, _commas, _close) {
      return {
        kind: "extern",
        name: build(name),
        generics: optional<tree.Generic[]>(generics) ?? [],
        parameters: build(parameters),
        results: build(results),
        fields: all(fields),
        doc: doc(this),
        span: span(this),
      } satisfies tree.ExternDeclaration;
    },
    Field(name, _equals, value) {
      return { kind: "field", name: build(name), value: build(value), span: span(this) } satisfies tree.ExternField;
    },
  };
}
