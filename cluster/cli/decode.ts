/** `sanctor decode`: turns what travels on NATS subjects into readable lines. Reads standard input until it ends. */
import { once } from 'node:events';
import { bodyJson, bodyText, subjectText } from '../message-text.ts';
import { type Dumped, dumpedMessageBytesMax, readDump } from '../nats/message-dump.ts';

export interface DecodeOptions {
  readonly raw?: boolean;
  readonly json?: boolean;
}

/** @throws Error when a raw frame is longer than any message may be. */
export async function decode(options: DecodeOptions): Promise<void> {
  const print = options.json === true ? jsonOf : textOf;
  const output = new LineOutput();
  if (options.raw === true) {
    const data = await readWhole(process.stdin);
    await output.write(options.json === true ? JSON.stringify(bodyJson(data)) : bodyText(data));
    return;
  }
  if (process.stdin.isTTY)
    process.stderr.write("waiting for: nats sub --dump=- 'san.v1.*.io.>' | sanctor decode\n");
  for await (const dumped of readDump(process.stdin)) {
    if (!(await output.write(print(dumped)))) return;
  }
}

function textOf(dumped: Dumped): string {
  if (!dumped.ok) return `unreadable: ${dumped.problem}`;
  const { subject, data } = dumped.message;
  return `${subjectText(subject)}  ${bodyText(data)}`;
}

function jsonOf(dumped: Dumped): string {
  if (!dumped.ok) return JSON.stringify({ problem: dumped.problem });
  const { subject, replySubject, data } = dumped.message;
  return JSON.stringify({ subject, replySubject, ...bodyJson(data) });
}

async function readWhole(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const piece of input) {
    lengthBytes += piece.length;
    if (lengthBytes > dumpedMessageBytesMax)
      throw new Error(`more than ${dumpedMessageBytesMax} bytes came: that is not one frame`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Standard output, line by line, no faster than it is read. */
class LineOutput {
  #isOpen = true;

  constructor() {
    process.stdout.on('error', () => {
      this.#isOpen = false;
    });
  }

  /** False once nobody reads any more. */
  async write(line: string): Promise<boolean> {
    if (this.#isOpen && !process.stdout.write(`${line}\n`))
      await once(process.stdout, 'drain').catch(() => {});
    return this.#isOpen;
  }
}
