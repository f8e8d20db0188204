/**
 * The bytes of messages on their way, as unkind as NATS's: many messages are views of one shared piece of memory, at
 * any alignment, plain `Uint8Array`s. A second copy of everything is kept aside and compared, so that whoever changes
 * bytes that it does not own is found: the publisher before the message has left, or a receiver at any time.
 */

/** Somebody changed bytes that belong to the bus (contract of `Bus` in protocols/ports.ts). */
export class BytesChanged extends Error {}

/** As large as the pieces in which Node reads a socket. */
const slabBytes = 64 * 1024;
/** Messages above this get memory of their own, larger than they are. */
const sharedBytesMax = slabBytes / 2;
const ownSlackBytes = 24;
/** Gaps between messages run through 1 … 7, so that alignment is never to be relied on. */
const gapBytesMax = 7;

interface Slab {
  /** What receivers see. */
  readonly shown: Buffer;
  /** What it must be. */
  readonly kept: Buffer;
  usedBytes: number;
}

/** Where one message's bytes are. */
export interface MessageBytes {
  readonly data: Uint8Array;
  readonly kept: Buffer;
  readonly startBytes: number;
}

export class MessageMemory {
  #slab = newSlab(slabBytes);
  #formerSlab = newSlab(0);
  #gapBytes = 1;

  /** Copies `source`: what its owner does with it from now on changes no message (`check` finds who does so early). */
  store(source: Uint8Array): MessageBytes {
    const length = source.length;
    const slab = length > sharedBytesMax ? newSlab(length + ownSlackBytes) : this.#slabFor(length);
    const startBytes = slab.usedBytes + this.#gapBytes;
    this.#gapBytes = 1 + (this.#gapBytes % gapBytesMax);
    slab.shown.set(source, startBytes);
    slab.kept.set(source, startBytes);
    slab.usedBytes = startBytes + length;
    const { shown, kept } = slab;
    const data = new Uint8Array(shown.buffer, shown.byteOffset + startBytes, length);
    return { data, kept, startBytes };
  }

  /** True when `bytes` (the message's own, or what it was made from) still are what was stored. */
  isUnchanged(message: MessageBytes, bytes: Uint8Array = message.data): boolean {
    const { kept, startBytes, data } = message;
    const end = startBytes + data.length;
    return (
      bytes.length === data.length && kept.compare(bytes, 0, bytes.length, startBytes, end) === 0
    );
  }

  #slabFor(lengthBytes: number): Slab {
    if (this.#slab.usedBytes + gapBytesMax + lengthBytes > slabBytes) {
      if (this.#formerSlab.shown.compare(this.#formerSlab.kept) !== 0)
        throw new BytesChanged('a receiver changed the bytes of a message after it had returned');
      this.#formerSlab = this.#slab;
      this.#slab = newSlab(slabBytes);
    }
    return this.#slab;
  }
}

function newSlab(lengthBytes: number): Slab {
  // Never from Node's pool: a stray write must not reach anything but messages.
  return { shown: Buffer.alloc(lengthBytes), kept: Buffer.alloc(lengthBytes), usedBytes: 0 };
}
