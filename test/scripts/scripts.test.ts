/** The scripts behind `npm start` and `npm test`, where a mistake would show only on other people's machines. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The scripts are plain JavaScript without declarations, hence the types given here. */
const load = <T>(name: string) => import(join(root, "scripts", name)) as Promise<T>;

interface Mirror {
  readonly uri: string;
  readonly signedBy: string | undefined;
}
type FindMirror = (texts: readonly string[], codename: string) => Mirror | undefined;
type CountTests = (report: unknown) => { passed: number; failed: number; skipped: number };

describe("finding the mirror of a Debian machine", async () => {
  const { findMirror } = await load<{ findMirror: FindMirror }>("software-vulkan.mjs");

  it("reads deb822 stanzas", () => {
    const text = [
      "Types: deb-src\nURIs: http://mirror.example/sources\nSuites: bookworm\n",
      "Enabled: no\nTypes: deb\nURIs: http://mirror.example/off\nSuites: bookworm\n",
      "# a comment\nTypes: deb\nURIs: http://mirror.example/debian http://other.example\nSuites: bookworm bookworm-updates\nSigned-By: /keys/a.gpg",
    ].join("\n");
    expect(findMirror([text], "bookworm")).toEqual({ uri: "http://mirror.example/debian", signedBy: "/keys/a.gpg" });
    expect(findMirror([text], "bookworm-backports")).toBeUndefined();
  });

  it("reads one-line sources", () => {
    const text =
      "# deb http://no.example/debian bookworm main\ndeb [arch=amd64 signed-by=/keys/b.gpg] https://yes.example/debian bookworm main\n";
    expect(findMirror([text], "bookworm")).toEqual({ uri: "https://yes.example/debian", signedBy: "/keys/b.gpg" });
    expect(findMirror(["deb http://plain.example bookworm main"], "bookworm")?.signedBy).toBeUndefined();
  });
});

describe("counting tests", async () => {
  const { countTests } = await load<{ countTests: CountTests }>("count-tests.mjs");

  it("counts a file that broke before its first test as a failure", () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] },
        { status: "failed", assertionResults: [] },
        { status: "passed", assertionResults: [{ status: "passed" }] },
      ],
    };
    expect(countTests(report)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });
});

describe("the command in a source checkout", () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "weft-checkout-"));
    for (const name of ["bin", "scripts", "package.json", "package-lock.json"]) {
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    mkdirSync(join(copy, "src", "cli"), { recursive: true });
    mkdirSync(join(copy, "src", "inspect", "page"), { recursive: true });
    for (const name of ["main.ts", "style.css"]) writeFileSync(join(copy, "src", "inspect", "page", name), "");
    mkdirSync(join(copy, "src", "runtime", "standalone"), { recursive: true });
    for (const name of ["index.ts", "node.ts", "runtime.d.ts"]) {
      writeFileSync(join(copy, "src", "runtime", "standalone", name), "");
    }
    writeFileSync(join(copy, "src", "index.ts"), "export const answer: number = 42;\n");
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  const weft = () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, "bin", "weft.mjs")], {
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  it("builds itself, again after a change, and reports a build that fails", () => {
    const main = join(copy, "src", "cli", "main.ts");
    writeFileSync(main, 'import { answer } from "../index.ts";\nconsole.log("first", answer);\n');
    expect(weft()).toEqual({ status: 0, stdout: "first 42\n", stderr: "" });
    writeFileSync(main, 'console.log("second");\n');
    utimesSync(main, new Date(Date.now() + 5000), new Date(Date.now() + 5000));
    expect(weft().stdout).toBe("second\n");
    writeFileSync(main, "this is not a program");
    utimesSync(main, new Date(Date.now() + 60_000), new Date(Date.now() + 60_000));
    const broken = weft();
    expect([broken.status, broken.stdout]).toEqual([70, ""]);
    expect(broken.stderr).toMatch(/weft: the build failed/);
  });
});
