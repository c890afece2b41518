/**
 * Pyramidal histograms of characters: what a word is spelt like, as 604 numbers that are 0 or 1 (Almazán, Gordo, Fornés & Valveny 2014,
 * section 3; the levels and bigrams are those of the released code of TAP).
 */

/** Length of a histogram: 36 characters in the 2 + 3 + 4 + 5 regions of four levels, 50 bigrams in 2 regions. */
export const phocLength = 604;

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
const levels = [2, 3, 4, 5];
const bigrams = (
  "th he in er an re es on st nt en at ed nd to or ea ti ar te ng al it as is ha et se ou of le sa ve ro ra ri hi ne me de co ta ec si ll " +
  "so na li la el"
).split(" ");
const bigramRegions = 2;

/** Whether half of what stands from place `from` to `to` of `length` lies in a region. Ties are decided by rounding to f32, as in the C code. */
function mostlyInside(from: number, to: number, length: number, region: number, regions: number): boolean {
  const f32 = Math.fround;
  const [start, end] = [f32(from / length), f32(to / length)];
  const [low, high] = [f32(region / regions), f32((region + 1) / regions)];
  const overlap = f32(Math.min(end, high) - Math.max(start, low));
  return f32(overlap / f32(end - start)) >= 0.5;
}

/** The histogram of a word: only a-z and 0-9 of it count, in lower case; without any of them it is 0 everywhere. f32[604]. */
export function phoc(word: string): Float32Array {
  const histogram = new Float32Array(phocLength);
  const characters = word.toLowerCase().replace(/[^a-z0-9]/g, "");
  const { length } = characters;
  let first = 0;
  for (const regions of levels) {
    for (let region = 0; region < regions; region++, first += alphabet.length) {
      for (let place = 0; place < length; place++) {
        if (mostlyInside(place, place + 1, length, region, regions)) {
          histogram[first + alphabet.indexOf(characters.charAt(place))] = 1;
        }
      }
    }
  }
  for (let region = 0; region < bigramRegions; region++, first += bigrams.length) {
    for (let place = 0; place + 1 < length; place++) {
      const bigram = bigrams.indexOf(characters.slice(place, place + 2));
      if (bigram >= 0 && mostlyInside(place, place + 2, length, region, bigramRegions)) histogram[first + bigram] = 1;
    }
  }
  return histogram;
}
