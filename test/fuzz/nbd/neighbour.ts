/**
 * Another client of the same volume, who does nothing wrong: whatever the sessions beside it do, its writes are
 * answered and what it reads is what it wrote.
 */
import type { SessionParts } from '../../../cluster/nbd/session.ts';
import { writeUint32 } from '../../../protocols/nbd/big-endian.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { encodeOption } from '../../../protocols/nbd/handshake.ts';
import { encodeInfoRequest } from '../../../protocols/nbd/options.ts';
import { decodeReplyHeader, simpleReplyBytes } from '../../../protocols/nbd/transmission.ts';
import { encodeRequest } from '../../cluster/nbd/test-client.ts';
import { FuzzedConnection } from './fuzzed-connection.ts';
import type { WatchedVolume } from './watched-volume.ts';

const stampBytes = 8;

export class Neighbour {
  readonly connection: FuzzedConnection;
  readonly #volume: WatchedVolume;
  #cookie = 0;
  #stamp = 0;
  /** Requests that were sent and not answered. */
  #unanswered = 0;

  constructor(volume: WatchedVolume, parts: Omit<SessionParts, 'port'>) {
    this.#volume = volume;
    this.connection = new FuzzedConnection(parts);
    const flags = new Uint8Array(4);
    writeUint32(flags, 0, nbd.NBD_FLAG_C_FIXED_NEWSTYLE | nbd.NBD_FLAG_C_NO_ZEROES);
    const request = { exportName: volume.memory.name, information: [] };
    this.connection.arrive(flags);
    this.connection.arrive(encodeOption(nbd.NBD_OPT_GO, encodeInfoRequest(request)));
    this.connection.sent.length = 0;
  }

  /** Begins a write that will end when the volume ends it. */
  write(offset: number, lengthBytes: number): void {
    const payload = new Uint8Array(lengthBytes).fill(this.#stamp);
    this.#ask({ command: nbd.NBD_CMD_WRITE, offset, payload });
  }

  /** The connections beside it are gone. @returns what is wrong, or null */
  problem(): string | null {
    this.connection.run();
    while (this.#volume.memory.pending.length > 0) {
      this.#volume.memory.endAll();
      this.connection.run();
    }
    const late = this.#takeAnswers(false);
    if (late === null) return 'the neighbour was not answered in the end';
    this.#stamp = (this.#stamp + 1) >>> 0;
    const payload = new Uint8Array(stampBytes);
    writeUint32(payload, 0, this.#stamp);
    writeUint32(payload, 4, ~this.#stamp);
    const offset = this.#stamp % (this.#volume.memory.sizeBytes - stampBytes);
    for (const request of [
      { command: nbd.NBD_CMD_WRITE, offset, payload },
      { command: nbd.NBD_CMD_READ, offset, lengthBytes: stampBytes },
    ]) {
      this.#ask(request);
      this.#volume.memory.endAll();
      this.connection.run();
      const answer = this.#takeAnswers(true);
      if (answer === null) return 'the neighbour is not served';
      if (request.command === nbd.NBD_CMD_READ && Buffer.compare(answer, payload) !== 0)
        return 'the neighbour read other bytes than it had written';
    }
    return null;
  }

  #ask(request: Parameters<typeof encodeRequest>[0]): void {
    this.#unanswered++;
    this.connection.arrive(encodeRequest(request, ++this.#cookie));
    if (request.payload !== undefined) this.connection.arrive(request.payload);
  }

  /** The data of the last answer; null when not all are there, or one is an error and must not be. */
  #takeAnswers(mustSucceed: boolean): Uint8Array | null {
    const bytes = Buffer.concat(this.connection.sent);
    this.connection.sent.length = 0;
    let at = 0;
    while (this.#unanswered > 0) {
      const header = decodeReplyHeader(bytes, at);
      if (header === 'more' || header?.kind !== 'simple') return null;
      if (mustSucceed && header.error !== nbd.NBD_SUCCESS) return null;
      this.#unanswered--;
      at += simpleReplyBytes;
    }
    return bytes.subarray(at);
  }
}
