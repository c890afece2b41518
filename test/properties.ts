import fc from "fast-check";

/**
 * Property tests draw the same cases in every run, so that a failure belongs to the change that made it. A run with
 * WEFT_PROPERTY_SEED=random (or a number) looks further; fast-check prints the seed of what it finds.
 */
const asked = process.env.WEFT_PROPERTY_SEED;
const seed = asked === undefined ? 20_260_101 : asked === "random" ? Date.now() : Number(asked);
if (!Number.isSafeInteger(seed)) throw new Error(`WEFT_PROPERTY_SEED is ${asked}: give a whole number or "random"`);
fc.configureGlobal({ seed });
