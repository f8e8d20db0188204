/**
 * Refuses requests to one volume. To a host whose request was made under an older generation, the refusal brings what was
 * decided since (DESIGN V2, in band): it need not ask, and goes on where nobody can be asked. A host with many requests
 * under way gets it a few times, for some answers may be lost, and not with each.
 */
import { Status } from '../../protocols/codes.ts';
import type { SwitchLoad } from '../../protocols/control-data.ts';
import type { Outcome } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { HostId } from '../../protocols/ids.ts';
import { encodeJson } from '../json.ts';
import type { Answers } from './answers.ts';

/** So often one host gets one decision. */
export const bringsMax = 4;
/** A larger decision is not brought: hosts ask for it. */
export const broughtBytesMax = 64 * 1024;

export class Refusals {
  readonly #answers: Pick<Answers, 'end' | 'endBringing'>;
  #load: SwitchLoad;
  /** Of the decision that is loaded; null before anybody needed it. */
  #bytes: Uint8Array | null = null;
  readonly #brought = new Map<HostId, number>();

  constructor(answers: Pick<Answers, 'end' | 'endBringing'>, load: SwitchLoad) {
    this.#answers = answers;
    this.#load = load;
  }

  /** Another decision is loaded. */
  decided(load: SwitchLoad): void {
    this.#load = load;
    this.#bytes = null;
    this.#brought.clear();
  }

  /** Ends a request with an error. */
  end(request: Request, outcome: Outcome): void {
    const bytes = outcome.status === Status.staleGeneration ? this.#broughtTo(request) : null;
    if (bytes === null) this.#answers.end(request, outcome);
    else this.#answers.endBringing(request, outcome, bytes);
  }

  /** Only attached hosts learn what was decided (DESIGN V3). */
  #broughtTo({ host, generation, replyKind }: Request): Uint8Array | null {
    const { attachments } = this.#load;
    if (host === '' || replyKind !== 'hba' || generation >= this.#load.generation) return null;
    if (!attachments.some((each) => each.host === host)) return null;
    const times = this.#brought.get(host) ?? 0;
    if (times >= bringsMax) return null;
    this.#brought.set(host, times + 1);
    this.#bytes ??= encodeJson(decisionOf(this.#load));
    return this.#bytes.length > broughtBytesMax ? null : this.#bytes;
  }
}

function decisionOf({ switchIncarnation: _, ...decision }: SwitchLoad) {
  return decision;
}
