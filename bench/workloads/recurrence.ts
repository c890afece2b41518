import type { JaxArray } from "../peer-jax.ts";
import { transposed, type Workload } from "../workload.ts";

/** Gates in the order of the text: input, forget, cell, output. */
function lstm(steps: number, inputs: number, width: number): Workload {
  /** Gates in another order: the entries of `order` are places in the text's. */
  const inOrder = (data: Float32Array, order: readonly number[]) => {
    const each = data.length / 4;
    return Float32Array.from(
      data,
      (_, at) => data[(order[Math.floor(at / each)] as number) * each + (at % each)] as number,
    );
  };
  return {
    name: `LSTM ${width} × ${steps} steps`,
    weft: { file: "recurrence.weft", entry: "lstm", settings: { T: steps, d: inputs, n: width } },
    inputs: [
      { name: "X", shape: [steps, inputs] },
      { name: "W", shape: [4, width, inputs], weight: true, scale: 1 / Math.sqrt(width) },
      { name: "U", shape: [4, width, width], weight: true, scale: 1 / Math.sqrt(width) },
      { name: "b", shape: [4, width], weight: true, scale: 1 / Math.sqrt(width) },
    ],
    result: [steps, width],
    ort: [
      ({ graph, inputAs, constant }, data) => {
        // ONNX orders input, output, forget, cell.
        const gates = (name: string) => inOrder(data.input(name) as Float32Array, [0, 3, 1, 2]);
        const bias = new Float32Array(8 * width);
        bias.set(gates("b"));
        const operands = [
          inputAs("X", [steps, 1, inputs], data.input("X")),
          constant([1, 4 * width, inputs], gates("W")),
          constant([1, 4 * width, width], gates("U")),
          constant([1, 8 * width], bias),
        ];
        return { value: graph.apply("LSTM", operands, { hidden_size: width }), shape: [steps, 1, 1, width] };
      },
    ],
    tfjs: ({ tf, tensor }, data) => {
      // TensorFlow.js orders input, cell, forget, output, and takes one kernel for [x, h].
      const order = [0, 2, 1, 3];
      const across = (name: string, rows: number) =>
        transposed(inOrder(data.input(name) as Float32Array, order), [4 * width, rows], [1, 0]);
      const kernel = tensor(
        [inputs + width, 4 * width],
        Float32Array.from([...across("W", inputs), ...across("U", width)]),
      );
      const bias = tensor([4 * width], inOrder(data.input("b") as Float32Array, order));
      const rows = Array.from({ length: steps }, (_, t) =>
        tensor([1, inputs], data.input("X").slice(t * inputs, (t + 1) * inputs)),
      );
      const forget = tensor([], Float32Array.of(0));
      const zero = tensor([1, width], new Float32Array(width));
      return {
        run: () => {
          let [c, h] = [zero, zero];
          const outputs = rows.map((row) => {
            [c, h] = tf.basicLSTMCell(forget, kernel, bias, row, c, h);
            return h;
          });
          return tf.concat(outputs, 0);
        },
      };
    },
    jax: ({ jax: { numpy: np, nn, jit }, input, tensor }) => {
      const project = jit((x, w, b) => np.einsum("tc,gkc->tgk", x, w).add(b));
      /** State [2, width]: h, c. */
      const step = jit((p, u, state) => {
        const [h, c] = np.split(state, 2, 0) as [JaxArray, JaxArray];
        const a = p.add(np.einsum("gkl,l->gk", u, h.reshape([width])));
        const [i, f, g, o] = np.split(a, 4, 0) as [JaxArray, JaxArray, JaxArray, JaxArray];
        const cell = nn
          .sigmoid(f)
          .mul(c)
          .add(nn.sigmoid(i).mul(np.tanh(g)));
        return np.concatenate([nn.sigmoid(o).mul(np.tanh(cell.ref)), cell], 0);
      });
      const [x, w, u, b] = ["X", "W", "U", "b"].map(input) as [JaxArray, JaxArray, JaxArray, JaxArray];
      const zero = tensor([2, width], new Float32Array(2 * width));
      return {
        run: () => {
          const projected = project(x.ref, w.ref, b.ref);
          let state = zero.ref;
          const rows: JaxArray[] = [];
          for (let t = 0; t < steps; t++) {
            state = step(projected.ref.slice(t), u.ref, state);
            rows.push(state.ref.slice(0));
          }
          state.dispose();
          projected.dispose();
          return np.concatenate(
            rows.map((row) => row.reshape([1, width])),
            0,
          );
        },
      };
    },
  };
}

export const recurrenceWorkloads: readonly Workload[] = [lstm(64, 256, 256)];
