/**
 * Memory for frames: small ones are cut from a slab, because allocating 4 KiB alone costs more than copying it. A
 * slab lives as long as any frame in it; frames live as long as an I/O, and I/Os in flight are bounded.
 */

const slabBytes = 256 * 1024;
const slabShareMax = 1 / 8;

let slab = new ArrayBuffer(0);
let used = 0;

/** Memory for one frame, never handed out again; its contents mean nothing. */
export function allocateFrame(lengthBytes: number): Uint8Array<ArrayBuffer> {
  if (lengthBytes > slabBytes * slabShareMax) return new Uint8Array(lengthBytes);
  if (used + lengthBytes > slab.byteLength) {
    slab = new ArrayBuffer(slabBytes);
    used = 0;
  }
  const frame = new Uint8Array(slab, used, lengthBytes);
  used += (lengthBytes + 7) & ~7;
  return frame;
}
