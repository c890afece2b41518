/** Every way in which a verb can fail, as text for people or JSON for programs, and as an exit status. */
import picocolors from "picocolors";
import { type Diagnostic, type DiagnosticPart, renderDiagnostic } from "../frontend/index.ts";
import { GraphValueError, ReferenceTooLarge } from "../ir/index.ts";
import { DeviceError, InputError, WeightsError } from "../runtime/index.ts";
import {
  type ExitStatus,
  exitStatus,
  InputProblems,
  InternalFailure,
  SourceErrors,
  UsageError,
} from "./exit-status.ts";
import { printPlural } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** What `--json` prints on standard output when a verb fails. */
interface FailureReport {
  readonly error: {
    readonly kind: "input" | "usage" | "device" | "internal";
    readonly message: string;
    readonly [detail: string]: unknown;
  };
  readonly diagnostics?: readonly Diagnostic[];
}

/** Tells the user why a verb failed. Errors of no known kind are bugs of Weft. */
export function reportFailure(error: unknown, terminal: Terminal): ExitStatus {
  terminal.endProgress();
  if (error instanceof SourceErrors) {
    reportDiagnostics(error.diagnostics, error.sources, terminal);
    report(terminal, {
      error: { kind: "input", message: countErrors(error.diagnostics) },
      diagnostics: error.diagnostics,
    });
    return exitStatus.inputErrors;
  }
  if (error instanceof UsageError) return fail(terminal, "usage", error.message, exitStatus.usage);
  if (error instanceof InputProblems) {
    for (const problem of error.problems) terminal.note(`error: ${problem}`);
    report(terminal, { error: { kind: "input", message: error.message, problems: error.problems } });
    return exitStatus.inputErrors;
  }
  if (isInputError(error)) return fail(terminal, "input", error.message, exitStatus.inputErrors);
  if (error instanceof DeviceError) {
    return fail(terminal, "device", error.message, exitStatus.device, {
      code: error.code,
      ...(error.kernel === undefined ? {} : { kernel: error.kernel }),
    });
  }
  if (error instanceof RangeError && /array buffer allocation|invalid typed array length/i.test(error.message)) {
    return fail(
      terminal,
      "device",
      `this machine's memory does not suffice: ${error.message}; use smaller sizes`,
      exitStatus.device,
    );
  }
  return reportBug(error, terminal);
}

function isInputError(error: unknown): error is Error {
  return (
    error instanceof InputError ||
    error instanceof WeightsError ||
    error instanceof GraphValueError ||
    error instanceof ReferenceTooLarge
  );
}

function fail(
  terminal: Terminal,
  kind: FailureReport["error"]["kind"],
  message: string,
  status: ExitStatus,
  details: Readonly<Record<string, unknown>> = {},
): ExitStatus {
  terminal.note(`error: ${message}`);
  report(terminal, { error: { kind, message, ...details } });
  return status;
}

function reportBug(error: unknown, terminal: Terminal): ExitStatus {
  const failure = error instanceof InternalFailure ? error : new InternalFailure("the command", error, undefined);
  terminal.note(`error: a bug in Weft, in ${failure.stage}: ${failure.message}`);
  if (failure.reproducer !== undefined) {
    terminal.note(`What a maintainer needs to see it again is in ${failure.reproducer}; please attach it to a report.`);
  } else if (failure.cause instanceof Error && failure.cause.stack !== undefined) {
    terminal.note(failure.cause.stack);
  }
  report(terminal, {
    error: { kind: "internal", message: failure.message, stage: failure.stage, reproducer: failure.reproducer },
  });
  return exitStatus.internal;
}

function report(terminal: Terminal, value: FailureReport): void {
  if (terminal.json) terminal.printJson(value);
}

/** Writes diagnostics to standard error, a blank line between them. */
export function reportDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  terminal: Terminal,
): void {
  const options = terminal.colours ? { paint } : {};
  for (const diagnostic of diagnostics) {
    terminal.note(`${renderDiagnostic(diagnostic, sources, options).trimEnd()}\n\n`);
  }
}

/** Colours repeat what the text says anyway. */
function paint(part: DiagnosticPart, text: string): string {
  switch (part) {
    case "severity":
    case "primary":
      return picocolors.red(text);
    case "title":
      return picocolors.bold(text);
    case "code":
    case "place":
      return picocolors.dim(text);
    case "secondary":
      return picocolors.blue(text);
    case "help":
      return picocolors.green(text);
    case "plain":
      return text;
    default:
      return part satisfies never;
  }
}

/** `2 errors, 1 warning` */
export function countErrors(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const warnings = diagnostics.length - errors;
  return [printPlural(errors, "error"), ...(warnings > 0 ? [printPlural(warnings, "warning")] : [])].join(", ");
}
