/** The tree of module instances: every `sub` with numbers for its parameters, every tensor with its path and shape. */
import { elementCount, type Span, tensorType } from "../ir/index.ts";
import type { SubResolution } from "./checked-program.ts";
import { verifyRequirement } from "./elaborate-statement.ts";
import {
  constantIn,
  type Elaboration,
  extentIn,
  type Frame,
  type Instance,
  type InstanceArray,
  type InstanceTensor,
  newFrame,
  type Setting,
  sizeIn,
  sizeNotes,
} from "./elaboration.ts";
import { greatestElementCount } from "./node-emitter.ts";
import { pathWithSizes } from "./path-name.ts";
import type { ModuleDeclaration, Parameter, SubMember, TensorMember } from "./syntax-tree.ts";

/** More instances than this come from a wrong number, not from a network. */
const greatestInstanceCount = 100_000;
const greatestModuleDepth = 100;

interface Building {
  readonly context: Elaboration;
  instances: number;
}

function isSize(parameter: Parameter): boolean {
  return parameter.type.element.kind === "named" && parameter.type.element.name === "size";
}

/** Values of a module's parameters while they are being found: later defaults may use earlier parameters. */
export interface ParameterValues {
  readonly sizes: Map<string, number>;
  readonly settings: Map<string, Setting>;
}

/** Records the value of a parameter; refuses what cannot be one. */
export function setParameter(
  context: Elaboration,
  values: ParameterValues,
  parameter: Parameter,
  value: number,
  span: Span,
): void {
  const name = parameter.name.name;
  if (!isSize(parameter)) {
    const isBool = parameter.type.element.kind === "named" && parameter.type.element.name === "bool";
    values.settings.set(name, { value: isBool ? Number(value !== 0) : value, dtype: isBool ? "bool" : "f32" });
    return;
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    context
      .at(span)
      .refuse("size/not-a-size", `\`${name}\` must be a whole number, not ${value}`, { label: "this is a size" });
  }
  values.sizes.set(name, value);
}

/** The instance of a model and of everything in it, with all `require`s of modules verified. */
export function buildInstances(
  context: Elaboration,
  model: ModuleDeclaration,
  values: ParameterValues,
  chain: readonly string[],
): Instance {
  return buildInstance({ context, instances: 0 }, model, values, "", chain);
}

/** A frame in which module parameters found so far can be read. */
export function frameOf(
  values: ParameterValues,
  module: ModuleDeclaration | undefined,
  chain: readonly string[],
): Frame {
  const instance =
    module === undefined
      ? undefined
      : {
          module,
          path: "",
          chain,
          sizes: values.sizes,
          settings: values.settings,
          subs: new Map(),
          tensors: new Map(),
        };
  const frame = newFrame(instance, values.sizes, 0);
  return { ...frame, chain };
}

function buildInstance(
  building: Building,
  module: ModuleDeclaration,
  values: ParameterValues,
  path: string,
  chain: readonly string[],
): Instance {
  const { context } = building;
  if (++building.instances > greatestInstanceCount || chain.length > greatestModuleDepth) {
    context.at(module.name.span).refuse("size/too-many-modules", "the model has too many modules", {
      notes: [`reached through ${chain.slice(0, 4).join(" → ")} …`],
    });
  }
  const subs = new Map<SubMember, InstanceArray>();
  const tensors = new Map<TensorMember, InstanceTensor>();
  const instance: Instance = { module, path, chain, sizes: values.sizes, settings: values.settings, subs, tensors };
  const frame = newFrame(instance, values.sizes, 0);
  for (const member of module.members) {
    if (member.kind === "require") verifyRequirement(context, member.condition, frame);
    else if ((member.kind === "sub" || member.kind === "tensor") && isAbsent(context, member, frame)) continue;
    else if (member.kind === "sub") subs.set(member, buildSub(building, member, instance, frame));
    else if (member.kind === "tensor") tensors.set(member, buildTensor(context, member, path, frame));
  }
  return instance;
}

const isAbsent = (context: Elaboration, { presence }: SubMember | TensorMember, frame: Frame): boolean =>
  presence !== undefined && constantIn(context, presence, frame) === 0;

const pathName = ({ path, name }: SubMember | TensorMember, { sizes }: Frame): string =>
  pathWithSizes(path?.value ?? name.name, sizes);

const joinPath = (...parts: readonly string[]) => parts.filter((part) => part !== "").join(".");

function buildTensor(context: Elaboration, member: TensorMember, path: string, frame: Frame): InstanceTensor {
  const declared = context.tables.declared.get(member.type);
  if (declared === undefined) throw new Error(`${member.name.name} has no type`);
  const shape = declared.dims.map((dim) => extentIn(context, dim, frame, member.type.span));
  if (elementCount(shape) > greatestElementCount) {
    context
      .at(member.type.span)
      .refuse(
        "size/too-large",
        `\`${member.name.name}\` would have ${elementCount(shape).toLocaleString("en")} elements`,
        {
          label: `shape [${shape.join(", ")}]`,
          notes: sizeNotes(frame),
        },
      );
  }
  const { dtype, below } = declared.element;
  const plain = dtype === "integer" ? "i32" : dtype === "real" ? "f32" : dtype;
  const bound = below === undefined ? undefined : sizeIn(context, below, frame, member.type.span);
  return {
    path: joinPath(path, pathName(member, frame)),
    type: tensorType(plain, shape, bound),
    member,
  };
}

function buildSub(building: Building, member: SubMember, owner: Instance, frame: Frame): InstanceArray {
  const { context } = building;
  const resolution = context.tables.subs.get(member);
  if (resolution === undefined) throw new Error(`${member.name.name} has no module`);
  const starts = resolution.counts.map(({ start }) => sizeIn(context, start, frame, member.span));
  const ends = resolution.counts.map(({ end }) => sizeIn(context, end, frame, member.span));
  const counts = ends.map((end, k) => end - (starts[k] as number));
  const total = counts.reduce((product, count) => product * count, 1);
  if (!(total <= greatestInstanceCount) || counts.some((count) => count < 0)) {
    context.at(member.span).refuse("size/too-many-modules", `\`${member.name.name}\` would be ${total} modules`, {
      notes: sizeNotes(frame),
    });
  }
  const name = pathName(member, frame);
  const elements = Array.from({ length: total }, (_, position) => {
    const place = unravel(position, counts)
      .map((k, axis) => k + (starts[axis] as number))
      .join(".");
    const label = `${joinPath(member.name.name, place)}: ${resolution.module.name.name}`;
    const chain = [...owner.chain, label];
    const values = subValues(context, resolution, frame, chain, member.span);
    return buildInstance(building, resolution.module, values, joinPath(owner.path, name, place), chain);
  });
  return { counts, starts, elements };
}

function unravel(position: number, counts: readonly number[]): number[] {
  let rest = position;
  const place: number[] = [];
  for (const count of [...counts].reverse()) {
    place.unshift(rest % count);
    rest = Math.floor(rest / count);
  }
  return place;
}

function subValues(
  context: Elaboration,
  resolution: SubResolution,
  outer: Frame,
  chain: readonly string[],
  span: Span,
): ParameterValues {
  const values: ParameterValues = { sizes: new Map(), settings: new Map() };
  for (const parameter of resolution.module.parameters) {
    const name = parameter.name.name;
    const size = resolution.sizes.get(name);
    if (isSize(parameter) && size !== undefined) {
      setParameter(context, values, parameter, sizeIn(context, size, outer, span), span);
      continue;
    }
    const given = resolution.values.get(name);
    if (given === undefined) throw new Error(`${name} of ${resolution.module.name.name} has no value`);
    const frame = given.isDefault ? frameOf(values, resolution.module, chain) : outer;
    setParameter(context, values, parameter, constantIn(context, given.expression, frame), given.expression.span);
  }
  return values;
}
