/** What a cluster tells of bad blocks: of each disk's copy of each block, who found it, and what came of it. */
import type { CameEvent } from '../../../cluster/event-text.ts';
import { eventNames, mirrorRetrySchema, repairSchema } from '../../../protocols/events.ts';
import { blockBytes } from '../../../protocols/units.ts';

/** What was told of one copy of a block. */
export interface Told {
  /** A read of a consumer met it. */
  isRead: boolean;
  isRepaired: boolean;
  /** It was left as it was, because no good copy was known. */
  isKept: boolean;
}

export class ToldDamage {
  readonly #copies = new Map<string, Told>();
  /** Blocks that were repaired, each copy counted as often as it was. */
  repairs = 0;

  hear({ what, body }: CameEvent): void {
    if (what === eventNames.mirrorRetry) {
      const retry = mirrorRetrySchema.parse(body);
      for (const told of this.#of(retry, retry.failed)) told.isRead = true;
    }
    if (what !== eventNames.repair) return;
    const repair = repairSchema.parse(body);
    for (const told of this.#of(repair, repair.disks)) {
      if (repair.outcome === 'repaired') {
        told.isRepaired = true;
        this.repairs++;
      } else told.isKept = true;
    }
  }

  /** Of the copy of a block on a disk; null when nothing was. */
  of(disk: string, block: number): Told | null {
    return this.#copies.get(`${disk} ${block}`) ?? null;
  }

  #of(
    { offset, lengthBytes }: { readonly offset: number; readonly lengthBytes: number },
    disks: readonly string[],
  ): readonly Told[] {
    const first = Math.floor(offset / blockBytes);
    const end = Math.ceil((offset + lengthBytes) / blockBytes);
    const blocks = Array.from({ length: end - first }, (_, index) => first + index);
    return disks.flatMap((disk) =>
      blocks.map((block) => {
        const key = `${disk} ${block}`;
        const told = this.#copies.get(key) ?? { isRead: false, isRepaired: false, isKept: false };
        this.#copies.set(key, told);
        return told;
      }),
    );
  }
}
