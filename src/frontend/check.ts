/**
 * The static checker: from a path to a checked program.
 *
 * Files are loaded and parsed, names declared, modules and signatures resolved, then bodies checked, each step for all files,
 * so that the order of declarations never matters. Nothing here reads files: `readSource` supplies texts.
 */
import { checkBodies } from "./check-bodies.ts";
import { type Checker, type FileInfo, newTables } from "./check-context.ts";
import { visitExpression } from "./check-expression.ts";
import { checkExtern } from "./check-extern.ts";
import { declareFunction } from "./check-function.ts";
import { checkInitialisers, checkPreset, declareModule, resolveMembers } from "./check-module.ts";
import type { CheckedProgram, CheckOptions, Definition } from "./checked-program.ts";
import { errorAt, sortDiagnostics } from "./diagnostic.ts";
import { tensorOfType } from "./element-types.ts";
import { constantNames, preludePath, resolveImport, suggestion } from "./names.ts";
import { parse } from "./parse.ts";
import { newScope, type Scope } from "./scope.ts";
import { prepareSource } from "./source-text.ts";
import type {
  Declaration,
  ExternDeclaration,
  FunctionDeclaration,
  ImportDeclaration,
  ModuleDeclaration,
} from "./syntax-tree.ts";

type Named = FunctionDeclaration | ModuleDeclaration | ExternDeclaration;

function builtinScope(options: CheckOptions): Scope {
  const scope = newScope(undefined, false);
  for (const name of options.builtins.keys())
    scope.names.set(name, { kind: "callable", definition: { kind: "builtin", name } });
  for (const [name, dtype] of constantNames) {
    scope.names.set(name, {
      kind: "value",
      definition: { kind: "constant", name },
      type: tensorOfType({ dtype }, [], true),
    });
  }
  return scope;
}

function definitionOf(declaration: Declaration): Definition | undefined {
  if (declaration.kind === "function") return { kind: "function", declaration };
  if (declaration.kind === "module") return { kind: "module", declaration };
  return declaration.kind === "extern" ? { kind: "extern", declaration } : undefined;
}

/** Puts a file's own declarations in its scope. */
function declareNames(checker: Checker, info: FileInfo): void {
  for (const declaration of info.file.declarations) {
    const definition = definitionOf(declaration);
    if (definition === undefined) continue;
    const { name, span } = declaration.name;
    const present = info.scope.names.get(name);
    if (present !== undefined) {
      checker.diagnostics.push(
        errorAt(span, "name/duplicate", `\`${name}\` is already defined in this file`, {
          label: "second definition",
          secondary:
            present.kind === "callable" && present.span ? [{ span: present.span, text: "first definition" }] : [],
        }),
      );
    } else {
      info.scope.names.set(name, { kind: "callable", definition, span });
    }
    checker.tables.uses.set(declaration.name, definition);
  }
}

interface Loader {
  readonly checker: Checker;
  readonly files: Map<string, FileInfo>;
  /** Files being loaded, outermost first: an import of one of them closes a circle. */
  readonly loading: string[];
  readonly sources: Map<string, string>;
  outermost: Scope;
}

function load(loader: Loader, path: string, text: string): FileInfo {
  const { checker } = loader;
  const result = parse(path, text);
  checker.diagnostics.push(...result.diagnostics);
  const info: FileInfo = {
    file: result.file,
    text: result.source.text,
    scope: newScope(loader.outermost, false),
    skippedNames: result.skippedNames,
    readText: result.readText,
  };
  loader.files.set(path, info);
  loader.sources.set(path, text);
  loader.loading.push(path);
  declareNames(checker, info);
  for (const declaration of info.file.imports) importNames(loader, info, declaration);
  loader.loading.pop();
  return info;
}

/** The file that an import names, loaded; undefined after a report. */
function importedFile(loader: Loader, info: FileInfo, declaration: ImportDeclaration): FileInfo | undefined {
  const { checker } = loader;
  const path = resolveImport(info.file.path, declaration.path);
  const reject = (code: string, title: string, help: readonly string[] = []): undefined => {
    checker.diagnostics.push(errorAt(declaration.pathSpan, code, title, { help }));
  };
  if (path === undefined) {
    return reject("import/path", `\`${declaration.path}\` is no place to import from`, [
      "Write `std/…` for the library, `./…` or `../…` for files of your own.",
    ]);
  }
  const start = loader.loading.indexOf(path);
  if (start >= 0) {
    const circle = [...loader.loading.slice(start), path].map((each) => `\`${each}\``).join(" uses ");
    return reject("import/cycle", "files that use each other in a circle", [
      `${circle}. Move what they share into a file of its own.`,
    ]);
  }
  const loaded = loader.files.get(path);
  if (loaded !== undefined) return loaded;
  const text = checker.options.readSource(path);
  return text === undefined ? reject("import/not-found", `there is no file \`${path}\``) : load(loader, path, text);
}

function importNames(loader: Loader, info: FileInfo, declaration: ImportDeclaration): void {
  const { checker } = loader;
  const target = importedFile(loader, info, declaration);
  if (target === undefined) {
    // Nothing should be said about the names that the file would have given.
    for (const { name } of declaration.names) {
      if (!info.scope.names.has(name)) info.scope.names.set(name, { kind: "unknown" });
    }
    return;
  }
  for (const name of declaration.names) {
    const exported = target.file.declarations.find((each) => each.kind !== "preset" && each.name.name === name.name);
    const definition = exported === undefined ? undefined : definitionOf(exported);
    if (definition === undefined) {
      if (!target.skippedNames.has(name.name)) {
        const known = target.file.declarations.filter((each) => each.kind !== "preset").map((each) => each.name.name);
        checker.diagnostics.push(
          errorAt(name.span, "import/name", `\`${declaration.path}\` has no \`${name.name}\``, {
            help: suggestion(name.name, known),
          }),
        );
      }
      if (!info.scope.names.has(name.name)) info.scope.names.set(name.name, { kind: "unknown" });
      continue;
    }
    checker.tables.uses.set(name, definition);
    const present = info.scope.names.get(name.name);
    if (present !== undefined) {
      checker.diagnostics.push(
        errorAt(name.span, "name/duplicate", `\`${name.name}\` is already defined in this file`, {
          label: "imported here",
          secondary: present.kind === "callable" && present.span ? [{ span: present.span, text: "defined here" }] : [],
        }),
      );
      continue;
    }
    info.scope.names.set(name.name, { kind: "callable", definition, span: name.span });
  }
}

/** Functions that call themselves and modules that contain themselves: both would never end. */
function findRecursion(checker: Checker): void {
  const outgoing = new Map<object, (typeof checker.edges)[number][]>();
  for (const edge of checker.edges) {
    const edges = outgoing.get(edge.from);
    if (edges === undefined) outgoing.set(edge.from, [edge]);
    else edges.push(edge);
  }
  const state = new Map<object, "open" | "done">();
  for (const root of outgoing.keys()) {
    if (state.has(root)) continue;
    const stack = [{ node: root, next: 0 }];
    state.set(root, "open");
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: object; next: number };
      const edge = outgoing.get(top.node)?.[top.next++];
      if (edge === undefined) {
        state.set(top.node, "done");
        stack.pop();
      } else if (state.get(edge.to) === "open") {
        const isModule = checker.modules.has(edge.to as ModuleDeclaration);
        checker.diagnostics.push(
          errorAt(
            edge.span,
            "call/recursive",
            isModule ? `\`${edge.name}\` contains itself` : `\`${edge.name}\` comes back to itself`,
            {
              label: isModule ? "so it would have infinitely many parameters" : "so this would never end",
              help: isModule ? [] : ["A computation that uses its own earlier results along an index is a recurrence."],
            },
          ),
        );
      } else if (state.get(edge.to) === undefined) {
        state.set(edge.to, "open");
        stack.push({ node: edge.to, next: 0 });
      }
    }
  }
}

function checkPresets(checker: Checker, info: FileInfo): void {
  const names = new Map<ModuleDeclaration, Set<string>>();
  const namesOf = (model: ModuleDeclaration) => {
    const set = names.get(model) ?? new Set<string>();
    names.set(model, set);
    return set;
  };
  let above: ModuleDeclaration | undefined;
  for (const declaration of info.file.declarations) {
    if (declaration.kind === "module") {
      if (declaration.role === "model") above = declaration;
      for (const member of declaration.members) {
        if (member.kind === "preset" && declaration.role === "model")
          checkPreset(checker, info, member, declaration, namesOf(declaration));
      }
    }
    if (declaration.kind !== "preset") continue;
    const wanted = declaration.model?.name;
    const model =
      wanted === undefined
        ? above
        : info.file.declarations.find(
            (each) => each.kind === "module" && each.role === "model" && each.name.name === wanted,
          );
    if (model?.kind === "module") {
      checkPreset(checker, info, declaration, model, namesOf(model));
    } else if (wanted === undefined || !info.skippedNames.has(wanted)) {
      const models = info.file.declarations.flatMap((each) =>
        each.kind === "module" && each.role === "model" ? [each.name.name] : [],
      );
      const title =
        wanted === undefined
          ? `no model stands above the preset \`${declaration.name.name}\``
          : `there is no model \`${wanted}\` in this file`;
      checker.diagnostics.push(
        errorAt((declaration.model ?? declaration.name).span, "preset/model", title, {
          help:
            wanted === undefined
              ? [`Say which: \`preset ${declaration.name.name} of Name { … }\`.`]
              : suggestion(wanted, models),
        }),
      );
    }
  }
}

/**
 * Checks the file at `path` and everything it uses.
 *
 * Never throws for what an author wrote: every mistake is a diagnostic, and each independent one is found in the same run.
 */
export function check(path: string, options: CheckOptions): CheckedProgram {
  const checker: Checker = {
    options,
    tables: newTables(),
    diagnostics: [],
    modules: new Map(),
    signatures: new Map(),
    homes: new Map(),
    edges: [],
    nextIndex: 0,
    visit: visitExpression,
  };
  const loader: Loader = {
    checker,
    files: new Map(),
    loading: [],
    sources: new Map(),
    outermost: builtinScope(options),
  };
  const prelude = path === preludePath ? undefined : options.readSource(preludePath);
  if (prelude !== undefined) loader.outermost = load(loader, preludePath, prelude).scope;
  const text = options.readSource(path);
  if (text === undefined) {
    const { span } = prepareSource(path, "");
    checker.diagnostics.push(errorAt(span(0, 0), "import/not-found", `there is no file \`${path}\``));
  } else {
    load(loader, path, text);
  }
  const files = [...loader.files.values()];
  const all = <T>(select: (declaration: Declaration, info: FileInfo) => T | undefined): T[] =>
    files.flatMap((info) => info.file.declarations.flatMap((declaration) => select(declaration, info) ?? []));
  all((declaration, info) => (declaration.kind === "module" ? declareModule(checker, declaration, info) : undefined));
  for (const info of checker.modules.values()) resolveMembers(checker, info);
  all((declaration, info) => {
    if (declaration.kind === "function" || declaration.kind === "extern") declareFunction(checker, declaration, info);
  });
  all((declaration, info) => (declaration.kind === "extern" ? checkExtern(checker, declaration, info) : undefined));
  for (const info of checker.modules.values()) checkInitialisers(checker, info);
  const bodies = checkBodies(checker, files);
  for (const info of files) checkPresets(checker, info);
  findRecursion(checker);
  const main = loader.files.get(path);
  const ordered = main === undefined ? files : [main, ...files.filter((info) => info !== main)];
  const declarations = new Map<string, Named>();
  for (const declaration of main?.file.declarations ?? []) {
    if (declaration.kind !== "preset" && !declarations.has(declaration.name.name))
      declarations.set(declaration.name.name, declaration);
  }
  return {
    files: ordered.map((info) => info.file),
    sources: loader.sources,
    declarations,
    tables: checker.tables,
    diagnostics: sortDiagnostics(checker.diagnostics),
    ...bodies,
  };
}
