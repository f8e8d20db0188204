/**
 * Messages as `nats sub --dump=-` prints them: one JSON text each, `{ Subject, Reply, Header, Data }` with the data in
 * base64, ended by a NUL byte. Whatever comes, memory stays bounded: a message that never ends is skipped.
 */
import { z } from 'zod';

/** More than any dump of a message that a NATS server takes by default (1 MiB). */
export const dumpedMessageBytesMax = 8 * 1024 * 1024;

const dumpedSchema = z.object({
  Subject: z.string().min(1),
  Reply: z.string().nullish(),
  Data: z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .nullish(),
});

export interface DumpedMessage {
  readonly subject: string;
  /** '' when there is none. */
  readonly replySubject: string;
  readonly data: Uint8Array;
}

/** What was found in the input: a message, or why a part of it is none. */
export type Dumped =
  | { readonly ok: true; readonly message: DumpedMessage }
  | { readonly ok: false; readonly problem: string };

const messageEnd = 0;
/** Codes up to this one are white space and control characters: an end of line behind the last message is none. */
const spaceCode = 32;

/** Reads messages from a stream of bytes, cut anywhere. */
export async function* readDump(input: AsyncIterable<Uint8Array>): AsyncGenerator<Dumped> {
  const gathered = new GatheredBytes();
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(messageEnd); end !== -1; end = chunk.indexOf(messageEnd, start)) {
      gathered.add(chunk.subarray(start, end));
      yield dumpedOf(gathered.take());
      start = end + 1;
    }
    gathered.add(chunk.subarray(start));
  }
  const rest = gathered.take();
  if (rest === null || rest.some((byte) => byte > spaceCode)) yield dumpedOf(rest);
}

/** The bytes of one message, as long as they are no more than a message may have. */
class GatheredBytes {
  #bytes = Buffer.alloc(64 * 1024);
  #length = 0;

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length <= dumpedMessageBytesMax) {
      if (length > this.#bytes.length) this.#grow(length);
      this.#bytes.set(piece, this.#length);
    }
    this.#length = length;
  }

  /** What was gathered, valid until more is added; null when it was too much. Then begins anew. */
  take(): Buffer | null {
    const taken = this.#bytes.subarray(0, this.#length);
    const isTooLong = this.#length > dumpedMessageBytesMax;
    this.#length = 0;
    return isTooLong ? null : taken;
  }

  #grow(lengthBytes: number): void {
    const larger = Buffer.alloc(Math.max(lengthBytes, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

const tooLong: Dumped = {
  ok: false,
  problem: `a message longer than ${dumpedMessageBytesMax} bytes was skipped`,
};

function dumpedOf(text: Buffer | null): Dumped {
  if (text === null) return tooLong;
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch {
    return { ok: false, problem: 'not JSON; expected is what `nats sub --dump=-` prints' };
  }
  const parsed = dumpedSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') || 'the message';
    return { ok: false, problem: `not a dumped message: ${where}: ${issue?.message}` };
  }
  const { Subject, Reply, Data } = parsed.data;
  const data = Buffer.from(Data ?? '', 'base64');
  return { ok: true, message: { subject: Subject, replySubject: Reply ?? '', data } };
}
