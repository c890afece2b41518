/**
 * Names of parameters in checkpoints of other programs: torchvision's detectors before 0.13, which the published files still have, and the
 * port of Detectron to PyTorch that the detector of NS-VQA was trained with (kexinyi/ns-vqa, scene_parse/mask_rcnn).
 */

/** What an old name begins with, and what the present one does; what follows is the same. */
type Renaming = readonly [old: RegExp, present: (part: string) => string];

const torchvision: readonly Renaming[] = [
  [/^rpn\.head\.conv(?=\.(?:weight|bias)$)/, () => "rpn.head.conv.0.0"],
  [/^(backbone\.fpn\.(?:inner|layer)_blocks\.\d)(?=\.(?:weight|bias)$)/, (block) => `${block}.0`],
  [/^roi_heads\.mask_head\.mask_fcn(\d)/, (layer) => `roi_heads.mask_head.${Number(layer) - 1}.0`],
];

/** Stage l is layer l - 1, levels of the pyramid go from the coarsest to the finest, convolutions stand between activations. */
const detectron: readonly Renaming[] = [
  [/^Conv_Body\.conv_body\.res1/, () => "backbone.body"],
  [/^Conv_Body\.conv_body\.res([2-5])/, (stage) => `backbone.body.layer${Number(stage) - 1}`],
  [/^Conv_Body\.conv_top/, () => "backbone.fpn.inner_blocks.3.0"],
  [
    /^Conv_Body\.topdown_lateral_modules\.([0-2])\.conv_lateral/,
    (level) => `backbone.fpn.inner_blocks.${2 - Number(level)}.0`,
  ],
  [/^Conv_Body\.posthoc_modules\.([0-3])/, (level) => `backbone.fpn.layer_blocks.${3 - Number(level)}.0`],
  [/^RPN\.FPN_RPN_conv/, () => "rpn.head.conv.0.0"],
  [/^RPN\.FPN_RPN_cls_score/, () => "rpn.head.cls_logits"],
  [/^RPN\.FPN_RPN_bbox_pred/, () => "rpn.head.bbox_pred"],
  [/^Box_Head\.fc([12])/, (layer) => `roi_heads.box_head.fc${5 + Number(layer)}`],
  [/^Box_Outs\.(cls_score|bbox_pred)/, (head) => `roi_heads.box_predictor.${head}`],
  [/^Mask_Head\.conv_fcn\.([0246])/, (place) => `roi_heads.mask_head.${Number(place) / 2}.0`],
  [/^Mask_Head\.upconv/, () => "roi_heads.mask_predictor.conv5_mask"],
  [/^Mask_Outs\.classify/, () => "roi_heads.mask_predictor.mask_fcn_logits"],
];

/**
 * The name of a parameter in mask-rcnn.weft and faster-rcnn.weft for a name in a checkpoint of torchvision or Detectron; `undefined` for what
 * the networks do not have, the counters of batch normalisation.
 */
export function presentName(name: string): string | undefined {
  if (name.endsWith(".num_batches_tracked")) return undefined;
  const renaming = [...torchvision, ...detectron].find(([old]) => old.test(name));
  return renaming === undefined ? name : name.replace(renaming[0], (_, part) => renaming[1](part));
}

/**
 * What Detectron's checkpoints lack, since their normalisation is y = weight x + bias: the statistics that leave it so when `eps` is 0.
 *
 * @returns 0 or 1, or `undefined` for parameters that a checkpoint must have
 */
export function impliedValue(path: string): number | undefined {
  if (path.endsWith(".running_mean")) return 0;
  return path.endsWith(".running_var") ? 1 : undefined;
}
