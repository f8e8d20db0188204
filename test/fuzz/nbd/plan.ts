/**
 * A session as it is going to happen: everything that a client sends and everything that the other sides do meanwhile,
 * as a list that can be played again, cut shorter, and printed.
 */
import { type Status, statusName } from '../../../protocols/codes.ts';

export type Step =
  /** Bytes of the client arrive together. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The volume ends one of its I/Os. */
  | { readonly kind: 'end'; readonly which: number; readonly status: Status }
  /** From now on the client takes no replies. */
  | { readonly kind: 'stuck' }
  /** It takes all that there are, and those to come. */
  | { readonly kind: 'drain' }
  /** A turn of the event loop passes. */
  | { readonly kind: 'turn' }
  /** Another client of the same volume writes. */
  | { readonly kind: 'neighbour'; readonly offset: number; readonly lengthBytes: number }
  | { readonly kind: 'lost' }
  /** The server goes down. */
  | { readonly kind: 'stop' };

export interface Plan {
  readonly steps: readonly Step[];
  /** True: at the end the volume ends all I/O and the client takes all replies, so each request must be answered. */
  readonly endsWell: boolean;
  /** What the generator did to the bytes. */
  readonly damage: readonly string[];
}

const shownBytesMax = 256;
const shownStepsMax = 40;

/** The steps for people, one a line. */
export function planText({ steps, endsWell }: Plan): string {
  const lines = steps.map((step, index) => `  ${index}: ${stepText(step)}`);
  const end = endsWell ? 'everything ends, and the client takes all replies' : 'connection lost';
  const hidden = lines.length - shownStepsMax;
  const shown = hidden > 0 ? [...lines.slice(-shownStepsMax), `  (and ${hidden} before)`] : lines;
  return [...shown, `  then: ${end}`].join('\n');
}

function stepText(step: Step): string {
  switch (step.kind) {
    case 'bytes': {
      const { bytes } = step;
      const shown = Buffer.from(bytes.subarray(0, shownBytesMax)).toString('hex');
      const rest = bytes.length > shownBytesMax ? `… (${bytes.length} bytes)` : '';
      return `the client sends ${shown}${rest}`;
    }
    case 'end':
      return `I/O ${step.which} (modulo those that are open) ends with ${statusName(step.status)}`;
    case 'stuck':
      return 'the client takes no more replies';
    case 'drain':
      return 'the client takes all replies';
    case 'turn':
      return 'a turn of the event loop passes';
    case 'neighbour':
      return `another client writes ${step.lengthBytes} bytes at ${step.offset}`;
    case 'lost':
      return 'the connection is lost';
    case 'stop':
      return 'the server goes down';
  }
}
