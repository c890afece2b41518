/** When two groups are the same but for the tensors that they read and write: equal layers then need one kernel. */
import { type Attributes, type Graph, hash64, type Node, operationOf, printType } from "../ir/index.ts";
import type { KernelGroup } from "./fusion.ts";
import { canonicalNumber, plainIndexNames, withPlainIndices } from "./value-numbers.ts";

export interface GroupStructure {
  /** Groups with equal keys differ only in which tensors lie behind their nodes. */
  readonly key: string;
  /** The group's nodes; nodes of equal groups correspond by place. */
  readonly nodes: readonly Node[];
}

/** Tables with more values than this are told apart by identity. */
const writtenOut = 16;

/**
 * Structures of groups, comparable with each other as long as they come from one call. Names count as kernels show them, origins do not.
 *
 * @param shownName  the name of a node in a kernel's text
 */
export function groupStructures(shownName: (node: Node) => string): (group: KernelGroup) => GroupStructure {
  const identities = new Map<readonly number[] | Graph, number>();
  const identity = (of: readonly number[] | Graph) => {
    const known = identities.get(of) ?? identities.size;
    identities.set(of, known);
    return known;
  };
  /** What a node is by itself; nodes are described once, however many groups read them. */
  const descriptions = new Map<Node, string>();
  const describe = (node: Node): string => {
    const known = descriptions.get(node);
    if (known !== undefined) return known;
    // The path of a parameter is in its shown name, as far as kernels show it.
    const isNamed = operationOf(node.op).family === "source" && typeof node.attributes.name === "string";
    const attributes = Object.entries(node.attributes).map(([name, value]) => {
      if (isNamed && name === "name") return [name];
      return [name, typeof value === "object" && value.length > writtenOut ? `#${identity(value)}` : value];
    });
    const regions = (node.regions ?? []).map(identity);
    const parts = [node.op, printType(node.type), attributes, node.name, shownName(node), regions];
    const text = JSON.stringify(parts, canonicalNumber);
    descriptions.set(node, text);
    return text;
  };
  return (group) => structureOf(group, describe, describe);
}

/**
 * The structure of a group as a text that is the same in every program: names of tensors, parameters and indices do not count, nor what
 * computes the tensors that it reads.
 */
export function plainStructure(group: KernelGroup): string {
  const attributes = ({ op, attributes: own }: Node) =>
    Object.entries(withPlainNames(op, own)).map(([name, value]) => [
      name,
      typeof value === "object" && value.length > writtenOut ? hash64(value.join(" ")).toString(16) : value,
    ]);
  const describe = (node: Node) => JSON.stringify([node.op, printType(node.type), attributes(node)], canonicalNumber);
  return structureOf(group, describe, (node) => printType(node.type)).key;
}

/** The attributes without names that people gave. */
function withPlainNames(op: string, attributes: Attributes): Attributes {
  if (operationOf(op).family === "source") return { ...attributes, name: "" };
  // A window's spec has arithmetic in it; its indices stand after the arrow.
  if (op !== "window") return withPlainIndices(attributes);
  const spec = attributes.spec as string;
  const plain = plainIndexNames(spec.slice(spec.indexOf("->")).split(/\s+/).slice(1));
  return { ...attributes, spec: spec.replace(/[\p{L}_][\p{L}\p{N}_']*/gu, (name) => plain.get(name) ?? name) };
}

function structureOf(
  group: KernelGroup,
  describe: (member: Node) => string,
  describeInput: (input: Node) => string,
): GroupStructure {
  const numbers = new Map<Node, number>();
  for (const node of [...group.members, ...group.inputs]) if (!numbers.has(node)) numbers.set(node, numbers.size);
  const nodes = [...numbers.keys()];
  const numbersOf = (of: readonly Node[]) => of.map((node) => numbers.get(node) ?? -1).join(" ");
  const members = group.members.map((node) => `${describe(node)} ${numbersOf(node.operands)}`);
  const inputs = group.inputs.map(describeInput);
  const roles = [group.heads, group.outputs, group.inputs].map(numbersOf);
  return { key: [group.kind, ...roles, onlineRoles(group, numbersOf), ...members, ...inputs].join("\n"), nodes };
}

function onlineRoles({ online }: KernelGroup, numbersOf: (nodes: readonly Node[]) => string): string {
  if (online === undefined) return "";
  const parts = Object.entries(online).map(([role, part]: [string, Node | ReadonlySet<Node> | number | boolean]) => {
    if (typeof part !== "object") return `${role}=${part}`;
    return `${role}=${numbersOf(part instanceof Set ? [...part] : [part as Node])}`;
  });
  return parts.join(" ");
}
