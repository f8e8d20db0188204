/** Who uses a volume while the processes that serve it are killed. */
import type { SeededRandom } from '../../cluster/simulation/random.ts';
import { HistoryLoad } from '../cluster/real/history-load.ts';
import { fetchTool } from '../tools/fetch-tool.ts';
import type { CrashedCluster } from './crashed-cluster.ts';
import { type ConsumersParts, VerifyingConsumers } from './verifying-consumers.ts';

export interface CrashLoad {
  /** Waits until I/O goes on, or has met something wrong. @throws Error when it does not go on */
  untilMoreDone(): Promise<void>;
  /** True once it has met something wrong. */
  readonly hasFailed: boolean;
  /** Comes to its end, and looks once more at all that it wrote. @returns what was wrong, as sentences */
  end(): Promise<readonly string[]>;
}

export type BeginCrashLoad = (
  crashed: CrashedCluster,
  uris: readonly string[],
  random: SeededRandom,
) => Promise<CrashLoad>;

/** I/Os between two crashes: those of fio are verified soon after. */
const fioIos = 600;
const historyRequests = 400;
const mebibyte = 1024 * 1024;

/** Consumers that see no error, whatever is killed behind their hosts. None of them flushes. */
export const beginFioLoad: BeginCrashLoad = (...parts) => beginConsumers(...parts, {});

/** The same, with flushes. They see no error as long as a mirror of each set is left. */
export const beginFlushingFioLoad: BeginCrashLoad = (...parts) =>
  beginConsumers(...parts, { writesPerFlush: 16 });

async function beginConsumers(
  ...[crashed, uris, random, flushing]: [
    ...Parameters<BeginCrashLoad>,
    Pick<ConsumersParts, 'writesPerFlush'>,
  ]
): Promise<CrashLoad> {
  const fio = await fetchTool('fio');
  if (typeof fio === 'string') throw new Error(`fio cannot be had: ${fio}`);
  const consumers = new VerifyingConsumers({ fio, uris, random, ...flushing });
  const untilMoreDone = () => consumers.untilMoreDone(crashed.operator, fioIos);
  await consumers.begin(untilMoreDone);
  return {
    untilMoreDone,
    get hasFailed() {
      return consumers.haveEnded;
    },
    end: () => consumers.end(),
  };
}

/**
 * Clients that come back when their host is gone, and ask again. There is no power cut in their history: what a killed
 * process has written to its file is there, so that nothing that was acknowledged may be missing, flushed or not.
 */
export const beginHistories: BeginCrashLoad = async (_, uris) => {
  const lengthBytes = 16 * mebibyte;
  const load = new HistoryLoad({ uris, clientsPerUri: 2, depth: 8, startBytes: 0, lengthBytes });
  load.start();
  await load.untilMoreDone(historyRequests);
  return {
    untilMoreDone: () => load.untilMoreDone(historyRequests),
    hasFailed: false,
    end: async () => {
      await load.untilTelling();
      await load.stop();
      await load.readBack();
      load.expectLinearizable();
      return [];
    },
  };
};
