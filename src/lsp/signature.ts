/** What a call is given, while its arguments are being written. */
import { parse } from "../frontend/index.ts";
import { calledDeclaration, symbolAt } from "./completion.ts";
import { completionPlace } from "./completion-context.ts";
import { describe } from "./describe.ts";
import { lineAround } from "./text-place.ts";
import type { Workspace } from "./workspace.ts";

export interface Signature {
  readonly label: string;
  readonly doc?: string;
  /** Texts of the parameters, as they stand in the label. */
  readonly parameters: readonly string[];
  /** The parameter being written, when it is known. */
  readonly active?: number;
}

/** The signature of the call around an offset. */
export function signatureAt(workspace: Workspace, path: string, offset: number): Signature | undefined {
  const text = workspace.text(path);
  if (text === undefined) return undefined;
  const { call } = completionPlace(text, offset);
  if (call === undefined) return undefined;
  // A line that cannot be read yet is left out: what it calls is declared elsewhere.
  const isReadable = parse(path, text).diagnostics.length === 0;
  const line = lineAround(text, offset);
  const source = isReadable
    ? text
    : text.slice(0, line.start) + " ".repeat(line.end - line.start) + text.slice(line.end);
  const view = isReadable ? workspace.quickView(path) : workspace.quickView(path, source);
  const names = view?.names.of(path);
  if (view === undefined || names === undefined) return undefined;
  const called = calledDeclaration(names, symbolAt(names, call.callee, offset));
  if (called === undefined || !("declaration" in called.node) || called.node.kind === "preset") return undefined;
  const { declaration, doc } = describe(view, called);
  const { parameters } = called.node.declaration;
  const texts = parameters.map(({ span }) =>
    (view.program.sources.get(span.file)?.slice(span.start, span.end) ?? "").replace(/\s+/g, " "),
  );
  const label = /([\p{L}_][\p{L}\p{N}\p{M}_]*)\s*:\s*[^,()]*$/u.exec(text.slice(line.start, offset))?.[1];
  const named = parameters.findIndex(({ name }) => name.name === label);
  const active = named >= 0 ? named : call.argument < parameters.length ? call.argument : undefined;
  return {
    label: declaration,
    parameters: texts,
    ...(doc === undefined ? {} : { doc }),
    ...(active === undefined ? {} : { active }),
  };
}
