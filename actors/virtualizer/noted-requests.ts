/** What hosts asked of a volume since the last decision: to be attached, or to be let go. */
import type { AttachRequest } from '../../protocols/commands.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';
import {
  type AttachmentState,
  excludes,
  fulfils,
  type Judgement,
  judgeAttach,
  stands,
} from './attachments.ts';
import { holds } from './departures.ts';

/** What requests are judged by. */
export type Surroundings = Pick<AttachmentState, 'record' | 'livenessOf' | 'mayUse'>;

export class NotedRequests {
  /** At most one per host, and hosts are those of the topology. */
  #requests: readonly AttachRequest[] = [];
  #leaving: readonly HostId[] = [];
  #silent: readonly HostId[] = [];
  /** Leaving hosts that left writes behind. */
  #undrained: readonly HostId[] = [];

  /** Leaving hosts that ended all their I/O before. */
  get drained(): readonly HostId[] {
    return this.#leaving.filter((host) => !this.#undrained.includes(host));
  }

  /**
   * The requests together with what they are judged by. A decision may come long after a request was noted: what does
   * not stand any more takes nothing from who holds the volume.
   */
  within(surroundings: Surroundings): AttachmentState {
    const noted = {
      ...surroundings,
      requests: this.#requests,
      leaving: this.#leaving,
      silent: this.#silent,
    };
    return { ...noted, requests: noted.requests.filter((request) => stands(request, noted)) };
  }

  /** Hosts that may still do I/O, as far as can be told: attached, there, and not drained. */
  holding({ record, livenessOf }: Surroundings): readonly HostId[] {
    return (record?.attachments ?? [])
      .filter((held) => !this.#leaving.includes(held.host) && livenessOf(held) !== 'gone')
      .map(({ host }) => host);
  }

  /** Judges a request, and notes it if nothing speaks against it. */
  attach(request: AttachRequest, surroundings: Surroundings): Judgement {
    const judgement = judgeAttach(request, this.within(surroundings));
    if (judgement.outcome !== 'noted') return judgement;
    const others = this.#requests.filter((other) => !excludes(request, other));
    this.#requests = [...others, request];
    this.#leaving = this.#leaving.filter((host) => host !== request.host);
    return judgement;
  }

  /** Notes that a process of a host has drained. Of another process than the attached one it means nothing. */
  detach(request: AttachRequest, record: VolumeRecord | null): void {
    const { host, hostIncarnation } = request;
    this.#requests = this.#requests.filter(
      (other) => other.host !== host || other.hostIncarnation !== hostIncarnation,
    );
    if (holds(record, request) && !this.#leaving.includes(host))
      this.#leaving = [...this.#leaving, host];
    if (request.hasEndedWrites === true) this.#undrained = [...this.#undrained, host];
  }

  /** Notes hosts that do not say what they have open: the next decision does not wait for them. */
  noteSilent(hosts: readonly HostId[]): void {
    this.#silent = [...new Set([...this.#silent, ...hosts])];
  }

  /** Forgets what a decision has done. */
  decided(record: VolumeRecord): void {
    const { attachments } = record;
    this.#requests = this.#requests.filter(
      (request) =>
        !attachments.some((held) => held.host === request.host && fulfils(held, request)),
    );
    this.#leaving = this.#leaving.filter((host) => attachments.some((held) => held.host === host));
    this.#silent = [];
    this.#undrained = this.#undrained.filter((host) => this.#leaving.includes(host));
  }
}
