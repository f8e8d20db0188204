/**
 * A session without a socket: a test gives it bytes and takes bytes. Nothing happens unless the test makes it: work
 * that the session asked for runs in `run`, the end of an event loop's turn is `passTurn`.
 */
import { catalogueOf, type ExportCatalogue } from '../../../cluster/nbd/exports.ts';
import { defaultSessionLimits, type SessionLimits } from '../../../cluster/nbd/limits.ts';
import { NbdSession } from '../../../cluster/nbd/session.ts';
import { VolumeShares } from '../../../cluster/nbd/volume-shares.ts';
import type { AttachedVolume } from '../../../protocols/attached-volume.ts';
import { TestClient } from './test-client.ts';

export interface HarnessOptions {
  readonly volume?: AttachedVolume;
  readonly catalogue?: ExportCatalogue;
  readonly limits?: Partial<SessionLimits>;
  /** What connections share: given to several harnesses, they are connections to one server. */
  readonly shares?: VolumeShares;
}

export class SessionHarness {
  readonly session: NbdSession;
  /** How the session ended: the violation, or null for a clean end; undefined while it has not. */
  hungUp: string | null | undefined;
  /** Called with all output, instead of keeping it for `output`. */
  onOutput: ((bytes: Uint8Array) => void) | null = null;
  /** All pieces of output, as they would go to the socket. */
  readonly pieces: Uint8Array[] = [];
  #awake = true;
  #afterTurn: (() => void)[] = [];

  constructor(options: HarnessOptions) {
    const volumes =
      options.volume === undefined ? [] : [[options.volume.name, options.volume] as const];
    this.session = new NbdSession({
      catalogue: options.catalogue ?? catalogueOf(new Map(volumes)),
      limits: { ...defaultSessionLimits, ...options.limits },
      shares: options.shares ?? new VolumeShares(),
      port: {
        wake: () => {
          this.#awake = true;
        },
        hangUp: (violation) => {
          this.hungUp = violation;
          this.#awake = true;
        },
        afterTurn: (run) => this.#afterTurn.push(run),
      },
    });
  }

  /** Bytes arrive, and the session does what it wants to do about them. */
  send(bytes: Uint8Array, emptied = true): void {
    this.session.receive(bytes, emptied);
    this.run();
  }

  /** Runs what the session asked for. */
  run(): void {
    while (this.#awake) {
      this.#awake = false;
      this.session.turn();
      this.pieces.push(...this.session.takeOutput());
    }
    if (this.onOutput !== null && this.pieces.length > 0) this.onOutput(this.output());
  }

  /** A turn of the event loop passes in which nothing else arrived. */
  passTurn(): void {
    const due = this.#afterTurn;
    this.#afterTurn = [];
    for (const run of due) run();
    this.run();
  }

  /** Everything that the session said since the last call. */
  output(): Uint8Array {
    return Buffer.concat(this.pieces.splice(0));
  }

  /** A client that keeps to the standard at the other end. */
  client(): TestClient {
    const client = new TestClient({
      send: (bytes) => this.send(bytes),
      close: () => {
        this.session.connectionLost();
        client.lost();
      },
    });
    this.onOutput = (bytes) => client.received(bytes);
    this.run();
    return client;
  }
}
