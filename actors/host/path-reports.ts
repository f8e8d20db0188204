/**
 * What a host and the virtualizers tell each other about paths: the host asks which ways are left (DESIGN H6), and
 * tells which it prefers, which links have failed and which switches it avoids, whenever that has changed (H8). Whom to ask is tried in turn;
 * nobody's answer is waited for longer than a failover can wait.
 */
import { type Answer, verbs } from '../../protocols/commands.ts';
import type { HostId, LinkId, SwitchId, VirtualizerId } from '../../protocols/ids.ts';
import {
  failedLinksMax,
  type PathAnswer,
  type PathPreference,
  type PathQuery,
  type PreferredPath,
  pathAnswerSchema,
  preferredPathsMax,
} from '../../protocols/path-queries.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';

export interface PathReportsParts {
  readonly host: HostId;
  readonly virtualizers: readonly VirtualizerId[];
  readonly actor: Actor;
  readonly clock: Clock;
  /** The ways that are preferred now. */
  readonly preferred: () => readonly PreferredPath[];
  /** The links over which nothing gets through now. */
  readonly failed: () => readonly LinkId[];
  /** The switches that are avoided now. */
  readonly avoided: () => readonly SwitchId[];
}

const queryTimeoutMs = 400;
/** Changes come in bursts: they are told together. */
const tellDelayMs = 100;
const retellDelayMs = 1000;
const tellTimeoutMs = 1000;

export class PathReports {
  readonly #parts: PathReportsParts;
  #asked = 0;
  #number = 0;
  /** What every virtualizer was told last, as text; '' before. */
  #told = '';
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(parts: PathReportsParts) {
    this.#parts = parts;
  }

  /** Asks which ways are left; null when nobody answers. */
  query(question: Omit<PathQuery, 'host'>, done: (answer: PathAnswer | null) => void): void {
    const { host, virtualizers, actor } = this.#parts;
    const asked = this.#asked;
    const id = virtualizers[asked % virtualizers.length];
    if (id === undefined) throw new RangeError('a host needs a virtualizer to ask');
    const body: PathQuery = { ...question, host };
    actor.ask({ kind: 'virtualizer', id }, verbs.paths, body, queryTimeoutMs, (answer) => {
      if (!answer.ok && this.#asked === asked) this.#asked++;
      done(answer.ok ? (pathAnswerSchema.safeParse(answer).data ?? null) : null);
    });
  }

  /** What is preferred may have changed. */
  changed(): void {
    this.#tellIn(tellDelayMs);
  }

  /** Somebody may know nothing of what was told. */
  forget(): void {
    this.#told = '';
    this.#tellIn(tellDelayMs);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tellIn(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer ??= this.#parts.clock.setTimeout(() => {
      this.#timer = null;
      this.#tell();
    }, delayMs);
  }

  #tell(): void {
    const { host, virtualizers, actor, preferred, failed, avoided } = this.#parts;
    const paths = preferred().slice(0, preferredPathsMax);
    const links = failed().toSorted().slice(0, failedLinksMax);
    const switches = avoided().toSorted().slice(0, failedLinksMax);
    const text = JSON.stringify([paths, links, switches]);
    if (text === this.#told || paths.length === 0) return;
    this.#told = text;
    this.#number++;
    const body: PathPreference = {
      host,
      hostIncarnation: actor.incarnation,
      number: this.#number,
      paths: [...paths],
      failed: links,
      avoided: switches,
    };
    const taken = (answer: Answer) => {
      if (answer.ok || this.#told !== text) return;
      this.#told = '';
      this.#tellIn(retellDelayMs);
    };
    for (const id of virtualizers)
      actor.ask({ kind: 'virtualizer', id }, verbs.preferPaths, body, tellTimeoutMs, taken);
  }
}
