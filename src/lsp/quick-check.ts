/**
 * Checking after an edit without looking again at what cannot have changed. A function whose text was without mistakes stays so
 * while everything outside of the bodies of functions is the same: signatures, modules, imports. What is skipped leaves no types
 * behind, and calls in a circle are not found; a whole check follows when the author pauses.
 */
import { languageBuiltins } from "../builtins.ts";
import { type CheckedProgram, check, type FunctionDeclaration, type SourceFile } from "../frontend/index.ts";

/** What the last checks of a file found to be without mistakes. */
export interface SoundParts {
  /** Text of the file outside of the bodies of functions. */
  readonly surroundings: string;
  /** Functions of the file, by module and text. */
  readonly functions: ReadonlySet<string>;
  /** Texts of the other files of the program. */
  readonly others: ReadonlyMap<string, string>;
  /** Those of them that have no mistakes. */
  readonly soundOthers: ReadonlySet<string>;
}

const builtins = languageBuiltins();

/** Functions of a file with the module they belong to. */
function functionsOf(file: SourceFile): { readonly declaration: FunctionDeclaration; readonly module: string }[] {
  return file.declarations.flatMap((each) => {
    if (each.kind === "function") return [{ declaration: each, module: "" }];
    if (each.kind !== "module") return [];
    return each.members.flatMap((member) =>
      member.kind === "function" ? [{ declaration: member, module: each.name.name }] : [],
    );
  });
}

function surroundingsOf(file: SourceFile, text: string): string {
  const parts: string[] = [];
  let copied = 0;
  const bodies = functionsOf(file).flatMap(({ declaration }) => {
    const [first, last] = [declaration.body[0], declaration.body.at(-1)];
    return first === undefined || last === undefined ? [] : [{ start: first.span.start, end: last.span.end }];
  });
  for (const { start, end } of bodies) {
    parts.push(text.slice(copied, start));
    copied = end;
  }
  return [...parts, text.slice(copied)].join("\0").replace(/\s*\0\s*/g, "\0");
}

const keyOf = (module: string, { span }: FunctionDeclaration, text: string): string =>
  `${module}\0${text.slice(span.start, span.end)}`;

/** What a check found to be sound; undefined while the file cannot be read, because then much is left unchecked. */
export function soundPartsOf({ files, sources, diagnostics }: CheckedProgram): SoundParts | undefined {
  const [file] = files;
  const text = file && sources.get(file.path);
  if (file === undefined || text === undefined) return undefined;
  if (diagnostics.some(({ code }) => /^(?:syntax|limit|import)\//.test(code))) return undefined;
  const places = diagnostics.map(({ primary }) => primary.span);
  const isSound = ({ span }: FunctionDeclaration) =>
    !places.some(({ file: path, start, end }) => path === span.file && start <= span.end && end >= span.start);
  const sound = functionsOf(file).filter(({ declaration }) => isSound(declaration));
  const others = new Map([...sources].filter(([path]) => path !== file.path));
  return {
    surroundings: surroundingsOf(file, text),
    functions: new Set(sound.map(({ declaration, module }) => keyOf(module, declaration, text))),
    others,
    soundOthers: new Set([...others.keys()].filter((path) => !places.some(({ file: each }) => each === path))),
  };
}

/**
 * Checks a file against what was sound before: all diagnostics but those about calls in a circle, and the types of whatever is
 * not known to be sound. Undefined when too much has changed for that.
 */
export function checkAgain(
  path: string,
  readSource: (path: string) => string | undefined,
  known: SoundParts,
): CheckedProgram | undefined {
  const text = readSource(path);
  if (text === undefined || [...known.others].some(([other, source]) => readSource(other) !== source)) return undefined;
  const modules = new Map<FunctionDeclaration, string>();
  let isSame: boolean | undefined;
  const program = check(path, {
    builtins,
    readSource,
    isKnownSound: (declaration, file) => {
      if (file.path !== path) return known.soundOthers.has(file.path);
      if (isSame === undefined) {
        isSame = surroundingsOf(file, text) === known.surroundings;
        for (const each of functionsOf(file)) modules.set(each.declaration, each.module);
      }
      return isSame && known.functions.has(keyOf(modules.get(declaration) ?? "", declaration, text));
    },
  });
  return program;
}
