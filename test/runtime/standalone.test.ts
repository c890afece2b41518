/** What the runtime of built modules does of its own: making tensors, and reading weights from addresses. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { writeWeights } from "../../src/runtime/node.ts";
import { openWeightsAnywhere } from "../../src/runtime/standalone/files.ts";
import { tensor } from "../../src/runtime/standalone/tensors.ts";

describe("tensor", () => {
  it("takes data that already lies right as it is, and converts the rest", () => {
    const data = Float32Array.of(1, 2);
    expect(tensor("f32", [2], data).data).toBe(data);
    expect(tensor("f16", [2, 1], [1, 0.1])).toEqual({ dtype: "f16", shape: [2, 1], data: Float32Array.of(1, 0.1) });
    expect(tensor("u32", [1], [2 ** 32 - 1]).data).toEqual(Uint32Array.of(2 ** 32 - 1));
    expect(tensor("bool", [], [1]).data).toEqual(Uint8Array.of(1));
    expect(tensor("i32", [0, 3], []).data).toEqual(new Int32Array(0));
  });

  it.each([
    [() => tensor("f32", [2, 2], [1]), "f32[2, 2] has 4 elements, but 1 were given"],
    [() => tensor("f32", [-1], [1]), "a tensor's sizes are whole numbers, but this is f32[-1]"],
    [
      () => tensor("i32", [2], [1, 1.5]),
      "i32[2]: element 1 is 1.5, but whole numbers from -2147483648 to 2147483647 fit",
    ],
    [
      () => tensor("u32", [1], Int32Array.of(-1)),
      "u32[1]: element 0 is -1, but whole numbers from 0 to 4294967295 fit",
    ],
    [() => tensor("bool", [1], Uint8Array.of(2)), "bool[1]: element 0 is 2, but whole numbers from 0 to 1 fit"],
  ])("refuses what does not fit %#", (work, message) => expect(work).toThrow(message));
});

describe("weights from addresses", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-addresses-"));
  // More than one block of reading ahead, so that tensors lie in blocks and across them.
  const large = Float32Array.from({ length: 1_500_000 }, (_, i) => i);
  const small = Float32Array.of(1, 2, 3);
  await writeWeights(join(folder, "all.safetensors"), [
    { name: "large", dtype: "f32", shape: [large.length], data: large },
    { name: "small", dtype: "f32", shape: [3], data: small },
  ]);
  await writeWeights(join(folder, "shard.safetensors"), [{ name: "small", dtype: "f32", shape: [3], data: small }]);
  const files: Record<string, Buffer> = {
    "/all.safetensors": readFileSync(join(folder, "all.safetensors")),
    "/shard.safetensors": readFileSync(join(folder, "shard.safetensors")),
    "/index.json": Buffer.from('{ "weight_map": { "small": "shard.safetensors", "large": "all.safetensors" } }'),
    "/outside.json": Buffer.from('{ "weight_map": { "small": "https://elsewhere.example/shard.safetensors" } }'),
  };
  const asked: string[] = [];
  const server = createServer(({ url = "", headers }, response) => {
    const file = files[url.replace("/whole", "")];
    const range = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "");
    asked.push(`${url} ${headers.range ?? "all"}`);
    if (file === undefined) response.writeHead(404).end();
    else if (range === null || url.startsWith("/whole")) response.end(file);
    else {
      const [start, end] = [Number(range[1]), Math.min(Number(range[2]) + 1, file.length)];
      response.writeHead(206, { "Content-Range": `bytes ${start}-${end - 1}/${file.length}` });
      response.end(file.subarray(start, end));
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  afterAll(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["ranges of one file", `${base}/all.safetensors`],
    ["a server without ranges", new URL(`${base}/whole/all.safetensors`)],
    ["shards beside their index", `${base}/index.json`],
    ["a Blob", new Blob([new Uint8Array(files["/all.safetensors"]!)])],
    ["a file's address", pathToFileURL(join(folder, "all.safetensors"))],
    ["a path", join(folder, "all.safetensors")],
  ])("come as %s", async (_, from) => {
    const weights = await openWeightsAnywhere(from);
    expect([...weights.tensors.keys()].sort()).toEqual(["large", "small"]);
    expect(await weights.read("small", "f32")).toEqual({ shape: [3], data: small });
    const { data } = await weights.read("large", "f32");
    expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(Buffer.from(large.buffer))).toBe(true);
    await weights.close();
  });

  it("asks for small tensors together, and only for what is read", async () => {
    asked.length = 0;
    const weights = await openWeightsAnywhere(`${base}/all.safetensors`);
    await weights.read("small", "f32");
    await weights.read("small", "f32");
    await weights.close();
    expect(asked).toEqual([
      "/all.safetensors bytes=0-4194303",
      `/all.safetensors bytes=4194304-${files["/all.safetensors"]!.length - 1}`,
    ]);
  });

  it("say what is wrong", async () => {
    await expect(openWeightsAnywhere(`${base}/none.safetensors`)).rejects.toThrow(
      /none\.safetensors cannot be fetched: 404/,
    );
    await expect(openWeightsAnywhere(`${base}/outside.json`)).rejects.toThrow(/is not a file beside the index/);
    await expect(openWeightsAnywhere(new Blob(["abc"]))).rejects.toThrow(/the Blob is no safetensors file/);
  });
});
