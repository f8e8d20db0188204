/** JSON texts as the bytes of messages. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** JSON text as bytes. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** The value of a JSON text; undefined when it is none. */
export function decodeJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}
