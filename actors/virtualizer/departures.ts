/**
 * Hosts that let go of a volume, and wait to be told that it is so: who has been told does not ask again, so that it must
 * not die with the virtualizer that told it.
 */
import { type Answer, type AttachRequest, refusal } from '../../protocols/commands.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';

type HostProcess = Pick<AttachRequest, 'host' | 'hostIncarnation'>;

interface Departure {
  readonly who: HostProcess;
  readonly answer: (answer: Answer) => void;
}

export class Departures {
  /** Who asks again waits for the answer to that: the one before counts as unanswered by then. */
  readonly #waiting = new Map<HostId, Departure>();

  /** Answers once that process holds the volume no more. */
  wait(who: HostProcess, answer: (answer: Answer) => void): void {
    this.#waiting.set(who.host, { who, answer });
  }

  /** Looks at the last decision that is surely written; null: there is none, or the volume has ended. */
  look(record: VolumeRecord | null): void {
    for (const [host, { who, answer }] of this.#waiting)
      if (!holds(record, who)) {
        this.#waiting.delete(host);
        answer({ ok: true });
      }
  }

  /** The same process wants the volume after all. */
  overtaken({ host, volume }: AttachRequest): void {
    this.#end(host, refusal('refused', `host ${host} has asked to be attached to ${volume} since`));
  }

  /** Nothing is decided here any more: who decides next must be asked. */
  stop(): void {
    for (const host of [...this.#waiting.keys()])
      this.#end(host, refusal('inactive', 'this virtualizer decides about the volume no more'));
  }

  #end(host: HostId, answer: Answer): void {
    const departure = this.#waiting.get(host);
    this.#waiting.delete(host);
    departure?.answer(answer);
  }
}

/** Whether a process of a host is attached. */
export function holds(
  record: VolumeRecord | null,
  { host, hostIncarnation }: HostProcess,
): boolean {
  return (record?.attachments ?? []).some(
    (held) => held.host === host && held.hostIncarnation === hostIncarnation,
  );
}
