/**
 * The video loop of SSTVOS: from the masks of the first frame to those of all others, one frame after another. It keeps the features of the
 * reference frames and of the most recent ones, however long the video is.
 */

/** What the network keeps of a frame. */
export interface FrameFeatures {
  /** f32[pyramid, h, w] at stride 4. */
  readonly features: Float32Array<ArrayBuffer>;
  /** f32[low, h, w] of the first residual stage, needed only while the frame is the current one. */
  readonly low: Float32Array<ArrayBuffer>;
}

/** A frame that has been segmented. */
interface Known {
  readonly number: number;
  readonly features: Float32Array<ArrayBuffer>;
  /** i32[H0, W0] at the size of the picture. */
  readonly labels: Int32Array;
}

/** What `decode` of sstvos.weft takes, before its frames are put side by side. */
export interface DecodeRequest {
  /** Of the window: history and, last, the current frame. */
  readonly features: readonly Float32Array[];
  readonly low: Float32Array<ArrayBuffer>;
  readonly frameIndex: readonly number[];
  readonly keyValid: readonly boolean[];
  /** Of the history. */
  readonly labels: readonly Int32Array[];
  readonly references: readonly Float32Array[];
  readonly referenceLabels: readonly Int32Array[];
}

/** The two entries of the network that the loop runs. */
export interface VideoNetwork {
  encode(frame: number): Promise<FrameFeatures>;
  /** Labels i32[H0, W0] of the current frame. */
  decode(request: DecodeRequest): Promise<Int32Array>;
}

export interface VideoSettings {
  /** Number of frames. */
  readonly frames: number;
  /** Frames of the window with the current one; at least 2. */
  readonly window: number;
  /** Given labels by frame, 0 where none is given. The first frame must be there; objects that appear later come with theirs. */
  readonly given: ReadonlyMap<number, Int32Array>;
}

/**
 * Labels of each frame in turn, given ones first of all.
 *
 * The window holds the first frame and the `window` - 2 most recent ones before the current; places for which the video is still too short
 * repeat the first frame and are not valid as keys. With a window of 2 it holds the previous frame alone. Where labels are given for a
 * later frame, their pixels replace the prediction, and the frame becomes one more reference.
 */
export async function* segmentVideo(
  network: VideoNetwork,
  { frames, window, given }: VideoSettings,
): AsyncGenerator<Int32Array> {
  const firstLabels = given.get(0);
  if (firstLabels === undefined) throw new RangeError("the first frame has no labels");
  if (!Number.isInteger(window) || window < 2) throw new RangeError(`a window of ${window} frames has no history`);
  const first: Known = { number: 0, features: (await network.encode(0)).features, labels: firstLabels };
  const references: Known[] = [first];
  let recent: readonly Known[] = [first];
  yield firstLabels;
  for (let number = 1; number < frames; number++) {
    const { features, low } = await network.encode(number);
    const history = historyOf(first, recent, window);
    const predicted = await network.decode({
      features: [...history.map(({ known }) => known.features), features],
      low,
      frameIndex: [...history.map(({ known }) => known.number), number],
      keyValid: [...history.map(({ valid }) => valid), true],
      labels: history.map(({ known }) => known.labels),
      references: references.map((known) => known.features),
      referenceLabels: references.map((known) => known.labels),
    });
    const added = given.get(number);
    const labels = added === undefined ? predicted : predicted.map((label, pixel) => added[pixel] || label);
    const known: Known = { number, features, labels };
    if (added !== undefined) references.push(known);
    recent = [...recent, known].slice(-Math.max(window - 2, 1));
    yield labels;
  }
}

/** The history of a window: the first frame, padding while the video is short, the most recent frames. */
function historyOf(first: Known, recent: readonly Known[], window: number): { known: Known; valid: boolean }[] {
  if (window === 2) return recent.slice(-1).map((known) => ({ known, valid: true }));
  const later = recent.filter(({ number }) => number > 0).map((known) => ({ known, valid: true }));
  const padding = Array.from({ length: window - 2 - later.length }, () => ({ known: first, valid: false }));
  return [{ known: first, valid: true }, ...padding, ...later];
}
