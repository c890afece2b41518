/**
 * Places the nodes of an acyclic graph in layers from top to bottom (Sugiyama, Tagawa and Toda 1981): a node stands one layer below
 * the lowest of those it reads, and inside a layer near the middle of what it is joined to. Linear in nodes and edges but for sorting.
 */

export interface LayoutBox {
  readonly width: number;
  readonly height: number;
}

export interface PlacedBox extends LayoutBox {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** One for each box given. */
  readonly boxes: readonly PlacedBox[];
  readonly width: number;
  readonly height: number;
}

export interface LayoutGaps {
  readonly across: number;
  readonly down: number;
}

/** @param edges  pairs of positions in `boxes`; an edge leads to a later position, so that there is no cycle */
export function layOut(
  boxes: readonly LayoutBox[],
  edges: readonly (readonly [number, number])[],
  { across, down }: LayoutGaps,
): Layout {
  const above: number[][] = boxes.map(() => []);
  const below: number[][] = boxes.map(() => []);
  for (const [from, to] of edges) {
    if (from >= to) throw new RangeError(`edge ${from} → ${to} does not lead onwards`);
    above[to]?.push(from);
    below[from]?.push(to);
  }
  const layerOf = new Array<number>(boxes.length).fill(0);
  boxes.forEach((_, i) => {
    for (const from of above[i] ?? []) layerOf[i] = Math.max(layerOf[i] as number, (layerOf[from] as number) + 1);
  });
  const layers: number[][] = [];
  layerOf.forEach((layer, i) => {
    (layers[layer] ??= []).push(i);
  });

  const place = new Array<number>(boxes.length).fill(0);
  const widthOf = (layer: readonly number[]) =>
    layer.reduce((sum, i) => sum + (boxes[i] as LayoutBox).width, 0) + across * (layer.length - 1);
  const width = layers.reduce((most, layer) => Math.max(most, widthOf(layer)), 0);
  /** Centres of a layer's boxes, packed in the order of the layer around the middle of the drawing. */
  const pack = (layer: readonly number[]) => {
    let x = (width - widthOf(layer)) / 2;
    for (const i of layer) {
      const box = boxes[i] as LayoutBox;
      place[i] = x + box.width / 2;
      x += box.width + across;
    }
  };
  for (const layer of layers) pack(layer);
  const order = (layer: number[], neighbours: readonly (readonly number[])[]) => {
    const wish = new Map(layer.map((i) => [i, mean((neighbours[i] ?? []).map((j) => place[j] as number)) ?? place[i]]));
    layer.sort((i, j) => (wish.get(i) as number) - (wish.get(j) as number) || i - j);
    pack(layer);
  };
  for (let sweep = 0; sweep < 3; sweep++) {
    for (const layer of layers) order(layer, above);
    for (const layer of [...layers].reverse()) order(layer, below);
  }

  let y = 0;
  const placed = new Array<PlacedBox>(boxes.length);
  for (const layer of layers) {
    const height = layer.reduce((most, i) => Math.max(most, (boxes[i] as LayoutBox).height), 0);
    for (const i of layer) {
      const box = boxes[i] as LayoutBox;
      placed[i] = { ...box, x: (place[i] as number) - box.width / 2, y };
    }
    y += height + down;
  }
  return { boxes: placed, width, height: Math.max(0, y - down) };
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
