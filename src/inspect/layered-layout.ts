/**
 * Places the nodes of an acyclic graph in layers from top to bottom (Sugiyama, Tagawa and Toda 1981): a node stands one layer below
 * the lowest of those it reads, and inside a layer near the middle of what it is joined to. Edges over several layers are led
 * between the nodes of the layers they pass. Linear in nodes and edges but for sorting.
 */

export interface LayoutBox {
  readonly width: number;
  readonly height: number;
}

export interface PlacedBox extends LayoutBox {
  readonly x: number;
  readonly y: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** One for each box given. */
  readonly boxes: readonly PlacedBox[];
  /** For each edge the points that it passes, from the foot of one box to the head of the other. */
  readonly routes: readonly (readonly Point[])[];
  readonly width: number;
  readonly height: number;
}

export interface LayoutGaps {
  readonly across: number;
  readonly down: number;
}

export type LayoutEdge = readonly [number, number];

/** Longer edges go straight: a place for them in every layer that they pass would widen the whole drawing. */
const longestRoute = 12;

/** @param edges  pairs of positions in `boxes`; an edge leads to a later position, so that there is no cycle */
export function layOut(boxes: readonly LayoutBox[], edges: readonly LayoutEdge[], gaps: LayoutGaps): Layout {
  const layerOf = layersOf(boxes.length, edges);
  const { sizes, links, passing } = withPassingPlaces(boxes, edges, layerOf);
  const layers: number[][] = [];
  layerOf.forEach((layer, i) => {
    const others = layers[layer];
    if (others === undefined) layers[layer] = [i];
    else others.push(i);
  });
  const centres = centresOf(sizes, layers, links, gaps.across);

  const placed = new Array<PlacedBox>(sizes.length);
  let y = 0;
  for (const layer of layers) {
    const height = layer.reduce((most, i) => Math.max(most, (sizes[i] as LayoutBox).height), 0);
    for (const i of layer) {
      const size = sizes[i] as LayoutBox;
      placed[i] = {
        ...size,
        height: i < boxes.length ? size.height : height,
        x: (centres[i] as number) - size.width / 2,
        y,
      };
    }
    y += height + gaps.down;
  }
  const foot = ({ x, y: top, width, height }: PlacedBox): Point => ({ x: x + width / 2, y: top + height });
  const head = ({ x, y: top, width }: PlacedBox): Point => ({ x: x + width / 2, y: top });
  const routes = edges.map(([from, to], edge) => [
    foot(placed[from] as PlacedBox),
    ...(passing[edge] ?? []).flatMap((place) => [head(placed[place] as PlacedBox), foot(placed[place] as PlacedBox)]),
    head(placed[to] as PlacedBox),
  ]);
  const width = placed.reduce((most, { x, width: own }) => Math.max(most, x + own), 0);
  return { boxes: placed.slice(0, boxes.length), routes, width, height: Math.max(0, y - gaps.down) };
}

function layersOf(count: number, edges: readonly LayoutEdge[]): number[] {
  const above: number[][] = Array.from({ length: count }, () => []);
  for (const [from, to] of edges) {
    if (from >= to) throw new RangeError(`edge ${from} → ${to} does not lead onwards`);
    above[to]?.push(from);
  }
  const layers = new Array<number>(count).fill(0);
  above.forEach((sources, i) => {
    for (const from of sources) layers[i] = Math.max(layers[i] as number, (layers[from] as number) + 1);
  });
  return layers;
}

/** Adds a narrow place for every layer that an edge passes; `layerOf` grows with them. */
function withPassingPlaces(boxes: readonly LayoutBox[], edges: readonly LayoutEdge[], layerOf: number[]) {
  const sizes = [...boxes];
  const links: LayoutEdge[] = [];
  const passing = edges.map(([from, to]) => {
    const places: number[] = [];
    let last = from;
    const span = (layerOf[to] as number) - (layerOf[from] as number);
    for (let step = 1; step < span && span <= longestRoute; step++) {
      const place = sizes.length;
      sizes.push({ width: 4, height: 0 });
      layerOf.push((layerOf[from] as number) + step);
      links.push([last, place]);
      places.push(place);
      last = place;
    }
    links.push([last, to]);
    return places;
  });
  return { sizes, links, passing };
}

/** Orders every layer and gives each box its centre; the leftmost box ends at 0. */
function centresOf(
  sizes: readonly LayoutBox[],
  layers: readonly number[][],
  links: readonly LayoutEdge[],
  across: number,
): number[] {
  const above: number[][] = sizes.map(() => []);
  const below: number[][] = sizes.map(() => []);
  for (const [from, to] of links) {
    above[to]?.push(from);
    below[from]?.push(to);
  }
  const centres = new Array<number>(sizes.length).fill(0);
  const widthOf = (i: number) => (sizes[i] as LayoutBox).width;
  const settle = (layer: number[], neighbours: readonly (readonly number[])[]) => {
    const wishes = new Map(
      layer.map((i) => [i, mean((neighbours[i] ?? []).map((j) => centres[j] as number)) ?? (centres[i] as number)]),
    );
    const wish = (i: number) => wishes.get(i) as number;
    layer.sort((i, j) => wish(i) - wish(j) || i - j);
    let edge = Number.NEGATIVE_INFINITY;
    let moved = 0;
    for (const i of layer) {
      const centre = Math.max(wish(i), edge + across + widthOf(i) / 2);
      centres[i] = centre;
      edge = centre + widthOf(i) / 2;
      moved += centre - wish(i);
    }
    // What does not fit was pushed to the right; the layer as a whole goes back to where it wished to be.
    for (const i of layer) centres[i] = (centres[i] as number) - moved / layer.length;
  };
  for (let sweep = 0; sweep < 3; sweep++) {
    for (const layer of layers) settle(layer, above);
    if (sweep < 2) for (const layer of [...layers].reverse()) settle(layer, below);
  }
  const left = centres.reduce((least, centre, i) => Math.min(least, centre - widthOf(i) / 2), Number.POSITIVE_INFINITY);
  return centres.map((centre) => centre - left);
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
