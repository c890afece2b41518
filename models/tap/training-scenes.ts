/** The scenes of the synthetic world that are learnt from, and those that are held out. */
import { type AskedScenes, askedScenes } from "./world.ts";

/** The seed of both; their scenes have other names. */
const worldSeed = 1;
const counts = { training: 20_000, "held out": 1_024 } as const;

function part(name: keyof typeof counts): AskedScenes {
  return askedScenes(
    worldSeed,
    Array.from({ length: counts[name] }, (_, number) => `${name} ${number}`),
  );
}

let drawn: AskedScenes | undefined;

/** 20,000 scenes, drawn when first wanted: some seconds and 400 MB. */
export function trainingScenes(): AskedScenes {
  drawn ??= part("training");
  return drawn;
}

/** 1,024 scenes that training has not seen. */
export const heldOutScenes = (): AskedScenes => part("held out");
