/**
 * What a host exports of created volumes, as the virtualizer says: asked for at the start, after a reconnect, when an
 * event tells of a newer number, and now and then, for events may be lost. Who does not decide is not believed over
 * who does: answers are ordered by control epoch and number.
 */
import type { Actor } from '../../actors/actor.ts';
import { decodeJson } from '../../actors/json.ts';
import { verbs } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { VirtualizerId } from '../../protocols/ids.ts';
import type { Bus, Cancel, Clock, Log, Timer } from '../../protocols/ports.ts';
import { type Export, exportSchema } from '../../protocols/topology.ts';
import {
  exportsChangedSchema,
  type HostExportsTold,
  hostExportsSchema,
} from '../../protocols/volume-definition.ts';

/** An export of a created volume. */
export interface CreatedExport extends Export {
  /** Tells the volume from a namesake. */
  readonly life: number;
}

export interface ExportFeedParts {
  /** The host that asks. */
  readonly actor: Actor;
  /** Whom it asks; at least one. */
  readonly virtualizers: readonly VirtualizerId[];
  readonly control: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

const answerTimeoutMs = 1000;
const retryDelayMs = 300;
const pollDelayMs = 2000;

export class ExportFeed {
  readonly #parts: ExportFeedParts;
  readonly #changed: (exports: readonly CreatedExport[]) => void;
  readonly #cancels: Cancel[] = [];
  #current = 0;
  #isAsking = false;
  /** Something was told while an answer was on its way: it may be older than that. */
  #isStale = false;
  #timer: Timer | null = null;
  #told: HostExportsTold | null = null;

  constructor(parts: ExportFeedParts, changed: (exports: readonly CreatedExport[]) => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  start(): void {
    const { actor, virtualizers, control } = this.#parts;
    const events = virtualizers.map((id) =>
      actor.subjects.event({ kind: 'virtualizer', id }, eventNames.exports),
    );
    this.#cancels.push(
      ...events.map((subject) =>
        control.subscribe(subject, { message: (data) => this.#onEvent(data) }),
      ),
      control.onState((state) => {
        if (state === 'connected') this.#ask();
      }),
    );
    this.#ask();
  }

  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#isAsking = true;
  }

  #onEvent(data: Uint8Array): void {
    const event = exportsChangedSchema.safeParse(decodeJson(data)).data;
    if (event !== undefined && isNewer(event, this.#told)) this.#ask();
  }

  #ask(): void {
    this.#isStale = this.#isAsking;
    if (this.#isAsking) return;
    const { actor, virtualizers, clock } = this.#parts;
    const id = virtualizers[this.#current % virtualizers.length];
    if (id === undefined) return;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#isAsking = true;
    const body = { host: actor.address.id };
    actor.ask({ kind: 'virtualizer', id }, verbs.exports, body, answerTimeoutMs, (answer) => {
      if (this.#cancels.length === 0) return;
      this.#isAsking = false;
      if (answer.ok) this.#answered(answer);
      else this.#current++;
      const delayMs = answer.ok && !this.#isStale ? pollDelayMs : retryDelayMs;
      this.#timer = clock.setTimeout(() => this.#ask(), delayMs);
    });
  }

  #answered(answer: unknown): void {
    const parsed = hostExportsSchema.safeParse(answer);
    if (!parsed.success) {
      this.#parts.log.warn(
        { error: parsed.error },
        'what a virtualizer says of exports is not valid',
      );
      return;
    }
    const told = parsed.data;
    if (!isNewer(told, this.#told)) return;
    this.#told = told;
    this.#changed(told.exports.flatMap((each) => this.#read(each)));
  }

  #read({ life, ...written }: HostExportsTold['exports'][number]): readonly CreatedExport[] {
    const read = exportSchema.safeParse(written);
    if (!read.success) {
      this.#parts.log.error(
        { volume: written.volume },
        'an export cannot be read; is it of another version?',
      );
      return [];
    }
    return [{ ...read.data, name: written.name, life }];
  }
}

type Numbered = Pick<HostExportsTold, 'controlEpoch' | 'number'>;

function isNewer(one: Numbered, other: Numbered | null): boolean {
  if (other === null) return true;
  return one.controlEpoch === other.controlEpoch
    ? one.number > other.number
    : one.controlEpoch > other.controlEpoch;
}
