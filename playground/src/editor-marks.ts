/** Words, marks and costs of the text in the editor. */
import { type Range, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  GutterMarker,
  gutter,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { tokenise } from "../../src/inspect/page/index.ts";

/** Words by their role, coloured as in the inspector; only of the lines in view. */
export const colouredWords = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = wordsInView(view);
    }
    update({ docChanged, viewportChanged, view }: ViewUpdate) {
      if (docChanged || viewportChanged) this.decorations = wordsInView(view);
    }
  },
  { decorations: ({ decorations }) => decorations },
);

function wordsInView({ state, visibleRanges }: EditorView): DecorationSet {
  const pieces: Range<Decoration>[] = [];
  for (const { from, to } of visibleRanges) {
    for (let line = state.doc.lineAt(from); ; line = state.doc.line(line.number + 1)) {
      let offset = line.from;
      for (const { kind, text } of tokenise(line.text, "weft")) {
        if (kind !== "blank") pieces.push(Decoration.mark({ class: kind }).range(offset, offset + text.length));
        offset += text.length;
      }
      if (line.to >= to || line.number === state.doc.lines) break;
    }
  }
  return Decoration.set(pieces, true);
}

/** A stretch of the text that belongs to what is chosen or pointed at. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  readonly kind: "marked" | "pointed";
}

const setMarks = StateEffect.define<readonly Mark[]>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (old, { changes, docChanged, effects }) => {
    // An edit makes them wrong: they speak of the text that was compiled.
    let next = docChanged ? Decoration.none : old.map(changes);
    for (const effect of effects) {
      if (!effect.is(setMarks)) continue;
      const ranges = effect.value.map(({ from, to, kind }) => Decoration.mark({ class: kind }).range(from, to));
      next = Decoration.set(ranges, true);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** What a line costs. */
export interface LineCost {
  /** 1-based. */
  readonly line: number;
  /** Share of the dearest line, from 0 to 1. */
  readonly share: number;
  readonly title: string;
}

class CostMarker extends GutterMarker {
  constructor(private readonly cost: LineCost) {
    super();
  }
  override eq(other: CostMarker): boolean {
    return other.cost === this.cost;
  }
  override toDOM(): HTMLElement {
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.title = this.cost.title;
    bar.style.setProperty("--share", String(this.cost.share));
    return bar;
  }
}

const setCosts = StateEffect.define<readonly LineCost[]>();

const costs = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update: (old, { state, changes, effects }) => {
    let next = old.map(changes);
    for (const effect of effects) {
      if (!effect.is(setCosts)) continue;
      const ranges = effect.value
        .filter(({ line }) => line <= state.doc.lines)
        .map((cost) => new CostMarker(cost).range(state.doc.line(cost.line).from));
      next = RangeSet.of(ranges, true);
    }
    return next;
  },
});

/** Fields and gutter for `showMarks` and `showCosts`. */
export const marksAndCosts = [
  marks,
  costs,
  gutter({ class: "cost-gutter", markers: (view) => view.state.field(costs) }),
];

export function showMarks(view: EditorView, shown: readonly Mark[]): void {
  view.dispatch({ effects: setMarks.of(shown) });
}

export function showCosts(view: EditorView, shown: readonly LineCost[]): void {
  view.dispatch({ effects: setCosts.of(shown) });
}
