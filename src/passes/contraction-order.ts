/**
 * Contraction order: the cheapest way to compute sums of products.
 *
 * Each product of the graph (product.ts) is searched for its cheapest order (order-search.ts), restricted sums also for
 * their prefix forms (prefix.ts). What the author wrote is kept unless another form is cheaper by the measure of
 * region-cost.ts, takes no more floating-point work and needs no larger value in between. Linear in the size of the graph,
 * apart from the search, which is remembered for equal products.
 */
import { elementCount, type Graph, makeBuilder, mergeOrigins, type Node } from "../ir/index.ts";
import { describeRegion } from "./contraction/describe.ts";
import { emitProduct, makeOrderFinder, type OrderFinder } from "./contraction/emit.ts";
import { prefixForms } from "./contraction/prefix.ts";
import { type ExpandedProduct, isSumming, isTransparent } from "./contraction/product.ts";
import { type RegionCost, regionCost } from "./contraction/region-cost.ts";
import { findRegions, type Regions } from "./contraction/regions.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import type { RewriteTrace } from "./trace.ts";
import { makeValueNumbers, type ValueNumbers } from "./value-numbers.ts";

export const contractionOrder: Pass = {
  name: "contraction-order",
  summary:
    "Finds the cheapest order of every sum of products, so that (Q K) V is computed as Q (K V) where that is less work.",
  run: orderContractions,
};

/** Up to this many shared products, every combination of reading through or not is tried. */
const exhaustiveChoices = 4;

/** One way to compute a product. */
interface Form {
  readonly rule: "as written" | "reassociated" | "prefix sum" | "chunked prefix";
  readonly detail: string;
  readonly node: Node;
  readonly cost: RegionCost;
  /** Nodes that compute it, down to the factors. */
  readonly members: ReadonlySet<Node>;
}

/** What the search shares over one graph. */
interface Search {
  readonly regions: Regions;
  readonly finder: OrderFinder;
  readonly numbers: ValueNumbers;
  readonly context: PassContext;
  readonly forms: Map<ExpandedProduct, Forms>;
}

/** The forms of a product that are no worse than what was written. */
interface Forms {
  /** The cheapest by itself. */
  readonly best: Form;
  /** All, with the best and what was written among them. */
  readonly all: readonly Form[];
}

/** Forms of all products that are needed under one choice, and what they cost together. */
interface Solution {
  readonly forms: ReadonlyMap<Node, Form>;
  readonly cost: RegionCost;
}

function orderContractions(graph: Graph, context: PassContext): PassResult {
  const regions = findRegions(graph);
  const search: Search = {
    regions,
    finder: makeOrderFinder(context.flopsPerByte),
    numbers: makeValueNumbers(),
    context,
    forms: new Map(),
  };
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const group of groupProducts(regions)) {
    const written = solve(group.starts, new Set(), search);
    const through = chooseShared(group, written, search);
    const solution = through.size === 0 ? written : solve(group.starts, through, search);
    const changed = [...solution.forms].filter(([node, form]) => form.node !== node);
    if (changed.length === 0) continue;
    for (const [node, form] of changed) replacements.set(node, named(form.node, node));
    rewrites.push(traceOf(group, changed, solution, search));
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

function named(node: Node, old: Node): Node {
  return old.name === undefined || node.name === old.name ? node : { ...node, name: old.name };
}

function weigh(cost: RegionCost, context: PassContext): number {
  return cost.flops + cost.bytes * context.flopsPerByte;
}

/** True when the candidate is cheaper by more than rounding. */
function isCheaper(candidate: RegionCost, current: RegionCost, context: PassContext, margin = 1e-9): boolean {
  return weigh(candidate, context) < weigh(current, context) * (1 - margin);
}

/** A form must save this part of what was written: less is within what the measure can tell. */
const rewritingMargin = 0.01;

/** Doing the work of a shared product apart must save this part at least: it gives up a value that others may use. */
const sharingMargin = 0.02;

/** Products that meet in shared products, directly or over others. */
interface Group {
  /** Products that must exist. */
  readonly starts: readonly Node[];
  readonly choices: readonly Node[];
}

function groupProducts(regions: Regions): Group[] {
  const members = [...new Set([...regions.roots, ...regions.choices])];
  const parent = new Map<Node, Node>(members.map((node) => [node, node]));
  const find = (node: Node) => {
    let root = node;
    while (parent.get(root) !== root) root = parent.get(root) as Node;
    for (let at = node; at !== root; ) {
      const next = parent.get(at) as Node;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  for (const node of members) {
    for (const choice of choicesIn(node, new Set(), regions)) parent.set(find(choice), find(node));
  }
  const groups = new Map<Node, { starts: Node[]; choices: Node[] }>();
  for (const node of members) {
    const root = find(node);
    let group = groups.get(root);
    if (group === undefined) {
      group = { starts: [], choices: [] };
      groups.set(root, group);
    }
    if (regions.choices.has(node)) group.choices.push(node);
    if (!regions.choices.has(node) || regions.required.has(node)) group.starts.push(node);
  }
  return [...groups.values()];
}

/** Shared products that a product has as factors, when it passes through the given ones. */
function choicesIn(node: Node, through: ReadonlySet<Node>, regions: Regions): Node[] {
  const leaves = regions.expand(node, through)?.leaves ?? node.operands;
  return leaves.filter((leaf) => regions.choices.has(leaf));
}

/** The best form of every product that is needed when the choices in `through` are read through. */
function solve(starts: readonly Node[], through: ReadonlySet<Node>, search: Search): Solution {
  const { regions } = search;
  const isStart = new Set(starts);
  const forms = new Map<Node, Form>();
  const waiting = [...starts].reverse();
  while (waiting.length > 0) {
    const node = waiting.pop() as Node;
    if (forms.has(node)) continue;
    forms.set(node, formsOf(node, through, search).best);
    // A factor that is a product itself is needed as well: a shared one, or one where a region was cut.
    const leaves = regions.expand(node, through)?.leaves ?? node.operands;
    for (const leaf of leaves) if (regions.sums(leaf) && !isOtherRoot(leaf, regions)) waiting.push(leaf);
  }
  return shareWork(forms, isStart, through, search);
}

/** More products than this are not compared form by form. */
const comparedProducts = 6;

/**
 * Exchanges forms for others that share work with the rest: the cheapest by itself need not be the cheapest in company.
 * One product at a time, until nothing improves.
 */
function shareWork(
  forms: Map<Node, Form>,
  starts: ReadonlySet<Node>,
  through: ReadonlySet<Node>,
  search: Search,
): Solution {
  let cost = costTogether(forms, starts, search);
  if (through.size === 0 || forms.size < 2 || forms.size > comparedProducts) return { forms, cost };
  for (let improved = true; improved; ) {
    improved = false;
    for (const node of forms.keys()) {
      for (const form of formsOf(node, through, search).all) {
        const exchanged = new Map(forms).set(node, form);
        const candidate = costTogether(exchanged, starts, search);
        if (!isCheaper(candidate, cost, search.context)) continue;
        forms.set(node, form);
        cost = candidate;
        improved = true;
      }
    }
  }
  return { forms, cost };
}

/** Roots are solved with their own group. */
function isOtherRoot(node: Node, regions: Regions): boolean {
  return regions.required.has(node) && !regions.choices.has(node);
}

/** Cost of several forms at once; values of those that are not `starts` are stored for the others. */
function costTogether(forms: ReadonlyMap<Node, Form>, starts: ReadonlySet<Node>, search: Search): RegionCost {
  const members = new Set<Node>();
  for (const form of forms.values()) for (const member of form.members) members.add(member);
  const roots: Node[] = [];
  const shared: Node[] = [];
  for (const [node, form] of forms) (starts.has(node) ? roots : shared).push(form.node);
  return regionCost(roots, shared, (node) => members.has(node), search.numbers);
}

function asWritten(node: Node, members: ReadonlySet<Node>, search: Search): Form {
  const cost = regionCost([node], [], (other) => members.has(other), search.numbers);
  return { rule: "as written", detail: "", node, members, cost };
}

/** The forms of one product. What is written stands unless a form is better in every respect. */
function formsOf(node: Node, through: ReadonlySet<Node>, search: Search): Forms {
  const expanded = search.regions.expand(node, through);
  if (expanded === undefined) return onlyForm(asWritten(node, new Set([node]), search));
  const remembered = search.forms.get(expanded);
  if (remembered !== undefined) return remembered;
  const written = asWritten(node, new Set(expanded.interior), search);
  const forms = isSettled(expanded) ? onlyForm(written) : searchForms(expanded, written, search);
  search.forms.set(expanded, forms);
  return forms;
}

function onlyForm(form: Form): Forms {
  return { best: form, all: [form] };
}

/** One contraction of two factors has no other order. */
function isSettled({ product, interior }: ExpandedProduct): boolean {
  const work = interior.filter((node) => !isTransparent(node));
  return work.length === 1 && product.factors.length <= 2 && product.constraints.length === 0;
}

function searchForms(expanded: ExpandedProduct, written: Form, search: Search): Forms {
  const { product, origins, interior, shared } = expanded;
  const { finder, numbers, context } = search;
  // A value in between may be as large as one that was there before, or as what is there in any case.
  const present = [...product.factors.map((factor) => factor.node), written.node, ...interior.filter(isSumming)];
  const largestValue = Math.max(...present.map((node) => elementCount(node.type.shape)));
  const builder = makeBuilder(origins);
  const leaves = new Set(product.factors.map((factor) => factor.node));
  const candidates: { readonly rule: Form["rule"]; readonly detail: string; readonly node: Node }[] = [];
  const direct = emitProduct(product, largestValue, finder, builder);
  if (direct !== undefined) candidates.push({ rule: "reassociated", detail: "", node: direct });
  candidates.push(...prefixForms(product, shared, { finder, builder, largestValue }));
  const all = [written];
  let best = written;
  for (const candidate of candidates) {
    const members = membersAbove(candidate.node, leaves);
    const cost = regionCost([candidate.node], [], (node) => members.has(node), numbers);
    if (cost.flops > written.cost.flops || cost.peak > Math.max(largestValue, written.cost.peak)) continue;
    const form: Form = { ...candidate, cost, members };
    all.push(form);
    if (isCheaper(cost, best.cost, context, best === written ? rewritingMargin : undefined)) best = form;
  }
  return { best, all };
}

/** All nodes from `root` down to, but without, the leaves. */
function membersAbove(root: Node, leaves: ReadonlySet<Node>): Set<Node> {
  const members = new Set<Node>();
  const stack = [root];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (members.has(node) || leaves.has(node)) continue;
    members.add(node);
    stack.push(...node.operands);
  }
  return members;
}

/** Which shared products to read through: all combinations of a few, one after another of many. */
function chooseShared(group: Group, written: Solution, search: Search): ReadonlySet<Node> {
  const choices = choicesUnderSums(group, search.regions);
  const { starts } = group;
  if (choices.length > exhaustiveChoices) return chooseOneByOne(group, choices, search);
  let best: { readonly through: ReadonlySet<Node>; readonly cost: RegionCost } = {
    through: new Set(),
    cost: written.cost,
  };
  for (let combination = 1; combination < 2 ** choices.length; combination++) {
    const through = new Set(choices.filter((_, k) => combination & (1 << k)));
    const { cost } = solve(starts, through, search);
    const limit = best.through.size === 0 ? sharingMargin : undefined;
    if (cost.flops <= written.cost.flops && isCheaper(cost, best.cost, search.context, limit)) best = { through, cost };
  }
  return best.through;
}

/**
 * Shared products that some reader sums over. Where all readers keep every index, reading through would only repeat work.
 */
function choicesUnderSums(group: Group, regions: Regions): Node[] {
  const summed = new Set<Node>();
  for (const reader of new Set([...group.starts, ...group.choices])) {
    const expanded = regions.expand(reader, new Set());
    if (expanded === undefined) continue;
    const { factors, result } = expanded.product;
    for (const { node, indices } of factors) if (indices.some((name) => !result.includes(name))) summed.add(node);
  }
  return group.choices.filter((choice) => summed.has(choice));
}

/** Decides each shared product with only the products around it in view. */
function chooseOneByOne(group: Group, choices: readonly Node[], search: Search): ReadonlySet<Node> {
  const { regions, context } = search;
  const through = new Set<Node>();
  /** Products that have a shared product as a factor, under the choices so far. */
  const readers = new Map<Node, Set<Node>>();
  const note = (reader: Node) => {
    for (const choice of choicesIn(reader, through, regions)) {
      const known = readers.get(choice);
      if (known === undefined) readers.set(choice, new Set([reader]));
      else known.add(reader);
    }
  };
  for (const node of new Set([...group.starts, ...group.choices])) note(node);
  for (const choice of choices) {
    const around = [...(readers.get(choice) ?? [])];
    const starts = new Set(regions.required.has(choice) ? [...around, choice] : around);
    const local = () => {
      const needed = through.has(choice) ? [...starts] : [...new Set([...starts, choice])];
      return costTogether(new Map(needed.map((node) => [node, formsOf(node, through, search).best])), starts, search);
    };
    const kept = local();
    through.add(choice);
    const passed = local();
    if (passed.flops <= kept.flops && isCheaper(passed, kept, context, sharingMargin)) around.forEach(note);
    else through.delete(choice);
  }
  return through;
}

function traceOf(
  group: Group,
  changed: readonly (readonly [Node, Form])[],
  after: Solution,
  search: Search,
): RewriteTrace {
  const { regions } = search;
  const untouched = new Set<Node>();
  // What was written: every product of the group for itself, shared ones computed once.
  const written = new Map<Node, Form>();
  const waiting = [...new Set([...group.starts, ...group.choices, ...after.forms.keys()])];
  for (const node of waiting) {
    const expanded = regions.expand(node, untouched);
    written.set(node, asWritten(node, new Set(expanded?.interior ?? [node]), search));
  }
  const before = costTogether(written, new Set(group.starts), search);
  const [, first] = changed[0] as readonly [Node, Form];
  const ranked = (["chunked prefix", "prefix sum", "reassociated"] as const).find((rule) =>
    changed.some(([, form]) => form.rule === rule),
  );
  const all = new Set([...written.values()].flatMap((form) => [...form.members]));
  const details = [...new Set(changed.map(([, form]) => form.detail).filter((detail) => detail !== ""))];
  return {
    pass: "contraction-order",
    rule: ranked ?? first.rule,
    reason: `another order of the same sums and products is cheaper${details.length === 0 ? "" : ` (${details.join(", ")})`}`,
    before: changed.map(([node]) => describeRegion(node, (other) => all.has(other))).join("; "),
    after: changed.map(([, form]) => describeRegion(form.node, (other) => form.members.has(other))).join("; "),
    origins: mergeOrigins(
      ...changed.flatMap(([node]) => [...(written.get(node) as Form).members].map((member) => member.origins)),
    ),
    flopsBefore: before.flops,
    flopsAfter: after.cost.flops,
    bytesBefore: before.bytes,
    bytesAfter: after.cost.bytes,
  };
}
