/** Names of parameters in older checkpoints of torchvision's detectors (before 0.13, which the published files still have). */

/** From what an old name begins with to the present one. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/^rpn\.head\.conv\.(weight|bias)$/, "rpn.head.conv.0.0.$1"],
  [/^(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)$/, "$1.0.$2"],
];

/**
 * The name of a parameter in mask-rcnn.weft for a name in a checkpoint of torchvision; `undefined` for what the networks do not have, the
 * counters of batch normalisation.
 */
export function presentName(name: string): string | undefined {
  if (name.endsWith(".num_batches_tracked")) return undefined;
  const layer = name.match(/^roi_heads\.mask_head\.mask_fcn(\d)\.(weight|bias)$/);
  if (layer !== null) return `roi_heads.mask_head.${Number(layer[1]) - 1}.0.${layer[2]}`;
  return renamed.reduce((current, [old, present]) => current.replace(old, present), name);
}
