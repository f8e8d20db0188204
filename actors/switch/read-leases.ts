/**
 * Until when a switch may answer an attachment's reads out of its cache (DESIGN I14). While a disk answers, nobody else has
 * the volume: another attachment is served only after every disk has fenced this one, and a lease's time after that. Who
 * reads the same blocks again and again has one read go to its disk now and then.
 */
import type { VolumeId } from '../../protocols/ids.ts';
import { leaseMs } from '../../protocols/leases.ts';

interface Proof {
  readonly attachEpoch: number;
  /** When the last I/O of it was sent that a disk has answered. */
  sentAtMs: number;
}

export class ReadLeases {
  readonly #proofs = new Map<VolumeId, Proof>();

  /** A disk has carried out what was sent to it then. */
  renew(volume: VolumeId, attachEpoch: number, sentAtMs: number): void {
    const known = this.#proofs.get(volume);
    if (known === undefined || known.attachEpoch < attachEpoch)
      this.#proofs.set(volume, { attachEpoch, sentAtMs });
    else if (known.attachEpoch === attachEpoch) known.sentAtMs = Math.max(known.sentAtMs, sentAtMs);
  }

  holds(volume: VolumeId, attachEpoch: number, nowMs: number): boolean {
    const known = this.#proofs.get(volume);
    return known?.attachEpoch === attachEpoch && nowMs - known.sentAtMs <= leaseMs;
  }

  drop(volume: VolumeId): void {
    this.#proofs.delete(volume);
  }
}
