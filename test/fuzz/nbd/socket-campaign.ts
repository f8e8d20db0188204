/** Many sessions over sockets, several at a time, with a look at the clients beside them again and again. */
import type { NbdServer } from '../../../cluster/nbd/server.ts';
import type { CampaignOptions } from './campaign.ts';
import { SocketServer } from './socket-sessions.ts';

const atOnce = 24;

export class SocketCampaign {
  /** What was met, and `ended`: sessions that ended as they must. */
  readonly counts = new Map<string, number>();
  readonly #sockets = new SocketServer();

  get server(): NbdServer {
    return this.#sockets.server;
  }

  start(folder: string): Promise<void> {
    return this.#sockets.start(folder);
  }

  /** @throws Error at the first session that is wrong, naming seed and number */
  async run({ seed, first, sessions }: CampaignOptions): Promise<void> {
    let next = first;
    const count = (what: string) => {
      this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    };
    const playNext = async (): Promise<void> => {
      while (next < first + sessions) {
        const session = next++;
        await this.#sockets.play(seed, session, count);
        count('ended');
        if (session % atOnce === 0) await this.#sockets.checkNeighbours();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, playNext));
  }

  close(): Promise<void> {
    return this.#sockets.close();
  }
}
