/** Functions with an axis of examples, `fn forward<batch B>(x: f32[B, C])`: mapping one while training would split the batch. */
import type { Elaboration } from "./elaboration.ts";
import type { Axis } from "./indexed-value.ts";
import type { CallExpression, FunctionDeclaration } from "./syntax-tree.ts";

/** Refuses a call that maps such a function over axes while training. */
export function refuseMappedBatch(
  context: Elaboration,
  call: Pick<CallExpression, "span">,
  declaration: FunctionDeclaration,
  axes: readonly Axis[],
): void {
  const batch = declaration.generics.find(({ isBatch }) => isBatch === true);
  const [first] = axes;
  if (!context.training || batch === undefined || first === undefined) return;
  const lengths = [...new Set(axes)]
    .map(({ name, size }) => (name === "b" ? String(size) : `${name} < ${size}`))
    .join(", ");
  context
    .at(call.span)
    .refuse(
      "module/batch-mapped",
      `\`${declaration.name.name}\` takes the statistics of a batch and is mapped over examples`,
      {
        label: `mapped over ${lengths}`,
        secondary: [{ span: batch.span, text: `\`${batch.name}\` is the axis of examples` }],
        notes: ["While training, every batch would be normalised by itself, which is something else."],
        help: ["Give it the whole batch: write the axis in the functions around it too, `<B>(x: f32[B, …])`."],
      },
    );
}
