/** What stands in for Dawn, which is Node's WebGPU: a browser has its own, or none. */
export const requestDawnAdapter = async (): Promise<undefined> => undefined;
export const hostMemoryBytes = (): undefined => undefined;
export const makeNaps = undefined;
