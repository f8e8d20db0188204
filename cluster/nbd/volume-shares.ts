/** What all connections to one volume share, under whichever export names they came. */
import type { AttachedVolume } from '../../protocols/attached-volume.ts';
import type { Arrivals } from './arrival-order.ts';
import { OverlapOrder } from './overlap-order.ts';

export class VolumeShare {
  readonly order = new OverlapOrder();
  readonly #connections = new Set<Arrivals>();

  /** Connections that use the volume. */
  get connections(): number {
    return this.#connections.size;
  }

  /** A connection begins to use the volume; `proceed` is called when older ones have read what had arrived. */
  enter(arrivals: Arrivals, proceed: () => void): void {
    const older = [...this.#connections];
    this.#connections.add(arrivals);
    let awaited = older.length;
    if (awaited === 0) {
      proceed();
      return;
    }
    for (const connection of older) {
      connection.whenReadUp(() => {
        if (--awaited === 0) proceed();
      });
    }
  }

  leave(arrivals: Arrivals): void {
    this.#connections.delete(arrivals);
    arrivals.end();
  }
}

export class VolumeShares {
  readonly #shares = new WeakMap<AttachedVolume, VolumeShare>();

  of(volume: AttachedVolume): VolumeShare {
    let share = this.#shares.get(volume);
    if (share === undefined) {
      share = new VolumeShare();
      this.#shares.set(volume, share);
    }
    return share;
  }
}
