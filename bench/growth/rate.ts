/** How fast one quantity grows with another. */

/**
 * The exponent of y in x: the slope of log y over log x, by least squares over the larger half of the points, since at small sizes what
 * is fixed dominates. 1 for linear; NaN for less than two points.
 */
export function exponentOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const larger = points.slice(Math.max(0, Math.floor(points.length / 2) - 1)).filter(({ y }) => y > 0);
  const x = larger.map((point) => Math.log(point.x));
  const y = larger.map((point) => Math.log(point.y));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0);
  return covariance / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}

/** Each value over the one before it. */
export function ratiosOf(values: readonly number[]): readonly number[] {
  return values.slice(1).map((value, i) => value / (values[i] as number));
}
