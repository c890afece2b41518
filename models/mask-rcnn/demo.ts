/** `weft demo mask-rcnn`: what stands in a picture, with its boxes and masks drawn over it. */
import { writeFileSync } from "node:fs";
import type { Demo, DemoContext } from "../../src/demo.ts";
import { drawScene } from "../ns-vqa/world/scenes.ts";
import { drawPicture, pngOf } from "../ns-vqa/world.ts";
import { shareOption } from "../shared/demo-options.ts";
import { drawBox, drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { classNames } from "./class-names.ts";
import { type Detection, type DetectorOutputs, detectionsOf, pastedMask } from "./detections.ts";
import { detectorInput, publishedSize, tinySize } from "./preprocessing.ts";

export const demo: Demo = {
  name: "mask-rcnn",
  summary: "the objects of a picture, with boxes, classes and masks",
  options: [
    { flags: "--image <file>", description: "PNG or JPEG picture (default: a scene of its own)" },
    { flags: "--least <score>", description: "lowest score of what is shown, from 0 to 1 (default: 0.5)" },
  ],
  defaultPreset: "tiny",
  run,
};

async function run(context: DemoContext): Promise<void> {
  const least = shareOption(context, "least", 0.5);
  const picture = await context.stage("read", () => readOrDraw(context));
  const size = context.preset === "tiny" ? tinySize : publishedSize;
  const convention = context.preset === "detectron" ? "detectron" : "torchvision";
  const input = await context.stage("resize", () => detectorInput([picture], size, convention));
  const [placement] = input.placements;
  const [B, , H, W] = input.images.shape as [number, number, number, number];
  context.print(`picture of ${picture.width} × ${picture.height}, through the network at ${W} × ${H}`);
  const network = await context.compile({
    file: "models/mask-rcnn/mask-rcnn.weft",
    entry: "detect",
    settings: { B, H, W, ...(placement?.scale !== undefined && { scale: placement.scale }) },
  });
  const found = await network.run("detect", { images: input.images, sizes: input.sizes });
  const classes = network.parameters.find(({ path }) => path === "roi_heads.box_predictor.cls_score.bias");
  const names = classNames(classes?.type.shape[0] ?? 0);
  const all = detectionsOf(found as unknown as DetectorOutputs, input.placements);
  const detections = all.filter(({ score }) => score >= least);
  context.print(`${detections.length} of ${all.length} detections have a score of at least ${least}`);
  for (const { box, label, score } of detections) {
    context.print(`  ${score.toFixed(3)}  ${names[label]}  at ${box.map((side) => side.toFixed(1)).join(", ")}`);
  }
  const path = context.outputPath("mask-rcnn.png");
  const factor = Math.max(1, Math.floor(480 / picture.width));
  const pictures = [picture, await context.stage("draw", () => drawn(picture, detections))];
  writeFileSync(path, pngBytes(sideBySide(pictures.map((each) => enlarged(each, factor)))));
  context.print(`picture with boxes and masks: ${path}`);
  context.report(
    "detections",
    detections.map(({ box, label, score }) => ({ box, label, name: names[label], score })),
  );
  context.report("trained", context.trained);
  context.report("output", path);
}

/** The picture that the user names, or a scene of the synthetic world. */
function readOrDraw(context: DemoContext): Picture {
  const { image } = context.options;
  if (typeof image === "string") return readPicture(image, context.readFile(image));
  const scene = drawScene(context.seed, "test", 0);
  return readPicture("the scene", pngOf(drawPicture(scene, context.seed, "demo")));
}

/** The best detections last, over the others. */
function drawn(picture: Picture, detections: readonly Detection[]): Picture {
  return detections.reduceRight((current, { box, mask }, number) => {
    const color = palette[number % palette.length] as readonly [number, number, number];
    const framed = drawBox(current, box, color, 1);
    if (mask === undefined) return framed;
    const pasted = pastedMask(mask, box, picture).map((value) => Number(value > 0.5));
    return drawContour(drawMask(framed, pasted, color, 0.35), pasted, color);
  }, picture);
}
