/** Element types of the safetensors format that Weft reads and writes, with the bytes of an element. */
export const storedSizes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  U16: 2,
  U32: 4,
  BOOL: 1,
} as const;

export type StoredType = keyof typeof storedSizes;
