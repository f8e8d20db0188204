/** The commands of hosts and switches about one volume: to attach and detach it, to tell its control data, and trouble. */
import type { z } from 'zod';
import {
  type Answer,
  attachRequestSchema,
  controlDataQuerySchema,
  refusal,
  verbs,
} from '../../protocols/commands.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { troubleReportSchema } from '../../protocols/trouble-report.ts';
import type { Actor } from '../actor.ts';
import type { VolumeAssembly } from './volume-assembly.ts';
import type { VolumeCatalogue } from './volume-catalogue.ts';
import type { ActiveTerm, Purpose } from './volume-commands.ts';

export interface AttachCommandParts {
  readonly catalogue: Pick<VolumeCatalogue, 'refusalOfNamesake'>;
  /** All that there should be. */
  readonly volumeIds: () => readonly VolumeId[];
  /** Null while this virtualizer does not decide. */
  readonly term: (purpose: Purpose) => ActiveTerm | null;
  /** Says why it does not decide. */
  readonly notDeciding: () => Answer;
}

export class AttachCommands {
  readonly #parts: AttachCommandParts;

  constructor(parts: AttachCommandParts) {
    this.#parts = parts;
  }

  /** Registers the handlers; before the actor starts. */
  register(actor: Actor): void {
    const { catalogue } = this.#parts;
    this.#on(
      { actor, verb: verbs.attach, purpose: 'decide' },
      attachRequestSchema,
      (volume, request, answer) =>
        answer(catalogue.refusalOfNamesake(request) ?? volume.attach(request)),
    );
    this.#on(
      { actor, verb: verbs.detach, purpose: 'decide' },
      attachRequestSchema,
      (volume, request, answer) => {
        const refused = catalogue.refusalOfNamesake(request);
        if (refused === null) volume.detach(request, answer);
        else answer(refused);
      },
    );
    this.#on(
      { actor, verb: verbs.controlData, purpose: 'look' },
      controlDataQuerySchema,
      (volume, query, answer) => answer(volume.controlData(query.host)),
    );
    this.#on(
      { actor, verb: verbs.trouble, purpose: 'decide' },
      troubleReportSchema,
      (volume, report, answer) => answer(volume.trouble(report)),
    );
  }

  #on<Body extends { volume: VolumeId }>(
    { actor, verb, purpose }: { actor: Actor; verb: string; purpose: Purpose },
    schema: z.ZodType<Body>,
    carryOut: (volume: VolumeAssembly, body: Body, answer: (answer: Answer) => void) => void,
  ): void {
    actor.onCommand(verb, (body, answer) => {
      const parsed = schema.safeParse(body);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        answer(refusal('invalid', `${verb}: ${issue?.path.join('.')}: ${issue?.message}`));
        return;
      }
      const term = this.#parts.term(purpose);
      if (term === null) {
        answer(this.#parts.notDeciding());
        return;
      }
      const volume = term.volumes.get(parsed.data.volume);
      if (volume === undefined) answer(this.#refuse(parsed.data.volume));
      else carryOut(volume, parsed.data, answer);
    });
  }

  #refuse(volume: VolumeId): Answer {
    const ids = this.#parts.volumeIds();
    if (ids.includes(volume)) return refusal('not-ready', `volume ${volume} is not taken up yet`);
    const there = ids.length === 0 ? 'there is none' : `there are ${ids.join(', ')}`;
    return refusal('unknown', `there is no volume ${volume}; ${there}`);
  }
}
