/**
 * The commands that create, delete and list volumes, and tell hosts what they export and which mirrors they may read;
 * deleting come one after the other, for each must see what the one before has done.
 */
import { z } from 'zod';
import { type Answer, alternatesQuerySchema, refusal, verbs } from '../../protocols/commands.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { Random } from '../../protocols/ports.ts';
import { scrubOrderSchema } from '../../protocols/scrub.ts';
import { judgeVolume } from '../../protocols/topology/created-volume.ts';
import { placeText, type TopologyProblem } from '../../protocols/topology/layout-form.ts';
import { listenText } from '../../protocols/topology/listen.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { ControlEpoch } from '../../protocols/units.ts';
import {
  type CreateVolume,
  createVolumeSchema,
  type DefinedVolume,
  type DefinitionRecord,
  definitionBytesMax,
  definitionsMax,
  deleteVolumeSchema,
  exportsQuerySchema,
  type HostExportsTold,
  listVolumesSchema,
} from '../../protocols/volume-definition.ts';
import { assembleOrderSchema, coordinatorMoveSchema } from '../../protocols/volume-orders.ts';
import type { Actor } from '../actor.ts';
import type { VolumeCatalogue } from './volume-catalogue.ts';
import type { VolumeSet } from './volume-set.ts';

/** What the commands need of an active virtualizer. */
export interface ActiveTerm {
  readonly volumes: VolumeSet;
  readonly controlEpoch: ControlEpoch;
}

/** To promise that something will be decided takes more than to look at what is. */
export type Purpose = 'decide' | 'look';

export interface VolumeCommandParts {
  readonly topology: Topology;
  readonly catalogue: VolumeCatalogue;
  readonly random: Random;
  /** Null while this virtualizer does not decide. */
  readonly term: (purpose: Purpose) => ActiveTerm | null;
  /** Says why it does not decide. */
  readonly notDeciding: () => Answer;
  /** Hosts serve other exports than before. */
  readonly exportsChanged: () => void;
}

/** A definition that is to be written, and what follows once it surely is. */
interface Change {
  readonly name: VolumeId;
  readonly definition: DefinitionRecord;
  readonly made: () => void;
}

const lifeLimit = 2 ** 48;

type AnswerWith = (answer: Answer) => void;

export class VolumeCommands {
  readonly #parts: VolumeCommandParts;
  /** A definition is being changed. */
  #isBusy = false;

  constructor(parts: VolumeCommandParts) {
    this.#parts = parts;
  }

  /** Registers the handlers; before the actor starts. */
  register(actor: Actor): void {
    const on = <Body>(
      verb: string,
      purpose: Purpose,
      schema: z.ZodType<Body>,
      carryOut: (term: ActiveTerm, body: Body, answer: AnswerWith) => void,
    ) =>
      actor.onCommand(verb, (body, answer) => {
        const parsed = schema.safeParse(body);
        const term = this.#parts.term(purpose);
        if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
        else if (term === null) answer(this.#parts.notDeciding());
        else carryOut(term, parsed.data, answer);
      });
    on(verbs.createVolume, 'decide', createVolumeSchema, (term, body, answer) =>
      this.#carryOut(term, () => this.#create(term, body), answer),
    );
    on(verbs.deleteVolume, 'decide', deleteVolumeSchema, (term, { volume, life }, answer) =>
      this.#carryOut(term, () => this.#delete(term, volume, life), answer),
    );
    on(verbs.listVolumes, 'look', listVolumesSchema, (term, { volume }, answer) =>
      answer({
        ok: true,
        volumes: this.#list(term),
        ...(volume === undefined ? {} : { lastLife: this.#parts.catalogue.lastLife(volume) }),
      }),
    );
    on(verbs.alternates, 'look', alternatesQuerySchema, ({ volumes }, query, answer) => {
      const volume = volumes.get(query.volume);
      if (volume !== undefined) volume.alternates(query, answer);
      else answer(refusal('unknown', `there is no volume ${query.volume}`));
    });
    on(verbs.moveCoordinator, 'decide', coordinatorMoveSchema, ({ volumes }, order, answer) =>
      answer(
        volumes.get(order.volume)?.moveCoordinator(order) ??
          refusal('unknown', `there is no volume ${order.volume}`),
      ),
    );
    on(verbs.assembleVolume, 'decide', assembleOrderSchema, ({ volumes }, order, answer) =>
      answer(
        volumes.get(order.volume)?.assemble(order) ??
          refusal('unknown', `there is no volume ${order.volume}`),
      ),
    );
    on(verbs.scrubVolume, 'look', scrubOrderSchema, ({ volumes }, order, answer) => {
      const progress = volumes.scrubs.order(order);
      if (progress !== null) answer({ ok: true, ...progress });
      else answer(refusal('unknown', `there is no volume ${order.volume}`));
    });
    on(verbs.exports, 'look', exportsQuerySchema, (term, { host }, answer) =>
      answer({ ok: true, ...this.#exportsOf(term, host) }),
    );
  }

  /** Judges a volume that is to be created: an answer at once, or what is to be written. */
  #create(term: ActiveTerm, body: CreateVolume): Answer | Change {
    const { topology, catalogue } = this.#parts;
    const name = String(body.volume.id) as VolumeId;
    const before = catalogue.created.get(name);
    if (before?.definition.state === 'deleting')
      return refusal('not-ready', `volume ${name} is being deleted`);
    const beside = catalogue.wanted.filter(({ volume }) => volume.id !== name);
    const judgement = judgeVolume(topology, beside, body);
    if (!judgement.ok) return refusal('refused', problemsText(judgement.problems));
    const { defined, definition } = judgement;
    if (before !== undefined)
      return JSON.stringify(before.defined) === JSON.stringify(defined)
        ? this.#progress(term, name)
        : refusal('refused', `volume ${name} exists already, and is another one than this`);
    if (body.follows !== undefined && body.follows !== catalogue.lastLife(name))
      return refusal(
        'fenced',
        `volume ${name} was created or deleted meanwhile; look, and ask again`,
      );
    const tooMuch = this.#tooMuch(body);
    if (tooMuch !== '') return refusal('refused', tooMuch);
    const trial = term.volumes.trial(defined.volume);
    if (trial.outcome !== 'fits') return refusal(trial.outcome, trial.message);
    const life = this.#parts.random.integer(lifeLimit) + 1;
    return {
      name,
      definition: { ...definition, life },
      made: () => term.volumes.start([defined.volume]),
    };
  }

  #delete(term: ActiveTerm, name: VolumeId, life: number | undefined): Answer | Change {
    const created = this.#parts.catalogue.created.get(name);
    if (created === undefined) return this.#refuseDelete(name);
    if (life !== undefined && life !== created.definition.life)
      return refusal('unknown', `that volume ${name} is gone; there is another one of its name`);
    if (created.definition.state === 'deleting') return this.#progress(term, name);
    const exporting = created.defined.exports.map(({ host }) => host);
    const holding = (term.volumes.get(name)?.hostsHolding() ?? []).filter(
      (host) => !exporting.includes(host),
    );
    if (holding.length > 0) {
      const message =
        `volume ${name} is attached by host ${holding.join(', ')}, which does not export it; ` +
        'detach it there first';
      return refusal('refused', message);
    }
    const definition = { ...created.definition, state: 'deleting' } as const;
    return { name, definition, made: () => term.volumes.get(name)?.end() };
  }

  /** One change at a time: each is judged by what the one before has made. */
  #carryOut(term: ActiveTerm, judge: () => Answer | Change, answer: AnswerWith): void {
    if (this.#isBusy) {
      answer(refusal('not-ready', 'another volume is being created or deleted'));
      return;
    }
    const change = judge();
    if ('ok' in change) {
      answer(change);
      return;
    }
    this.#isBusy = true;
    const { name, definition, made } = change;
    this.#parts.catalogue.change(name, definition, (problem) => {
      this.#isBusy = false;
      if (problem !== '') {
        answer(refusal('not-ready', `volume ${name}: ${problem}`));
        return;
      }
      if (this.#isStill(term)) made();
      this.#parts.exportsChanged();
      answer(this.#progress(term, name));
    });
  }

  #isStill(term: ActiveTerm): boolean {
    return this.#parts.term('look')?.volumes === term.volumes;
  }

  /** How far a volume is: `waitingFor` names who has not confirmed. */
  #progress(term: ActiveTerm, name: VolumeId): Answer {
    const status = term.volumes.get(name)?.status();
    const { state = 'unknown', reason = '', waitingFor = '' } = status ?? {};
    const life = this.#parts.catalogue.created.get(name)?.definition.life ?? 0;
    return { ok: true, volume: name, life, state, reason, waitingFor };
  }

  #tooMuch(body: CreateVolume): string {
    const { created } = this.#parts.catalogue;
    if (created.size >= definitionsMax)
      return `there are ${definitionsMax} created volumes, which is the most; delete one`;
    return JSON.stringify(body).length > definitionBytesMax
      ? `what is asked for takes more than ${definitionBytesMax} bytes`
      : '';
  }

  #refuseDelete(name: VolumeId): Answer {
    const { topology, catalogue } = this.#parts;
    if (topology.volumes.some(({ id }) => id === name))
      return refusal(
        'refused',
        `volume ${name} is of the topology file, which would make it anew; ` +
          'only volumes that were created with `sanctor volume create` can be deleted',
      );
    const names = [...topology.volumes.map(({ id }) => id), ...catalogue.created.keys()];
    const there = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
    return refusal('unknown', `there is no volume ${name}; ${there}`);
  }

  #list(term: ActiveTerm): readonly object[] {
    const { topology, catalogue } = this.#parts;
    const written = topology.volumes.map((volume) => ({
      origin: 'topology',
      life: 0,
      volume,
      exports: topology.hosts.flatMap(({ id, exports }) =>
        exports.filter((each) => each.volume === volume.id).map((each) => ({ ...each, host: id })),
      ),
    }));
    const created = [...catalogue.created.values()].map(({ defined, definition }) => ({
      origin: 'created',
      life: definition.life,
      ...defined,
    }));
    return [...written, ...created].map(({ origin, life, volume, exports }) => ({
      ...term.volumes.get(volume.id)?.status(),
      volume: volume.id,
      life,
      origin,
      hosts: volume.hosts,
      exports: exportTexts({ volume, exports }),
    }));
  }

  #exportsOf({ controlEpoch }: ActiveTerm, host: string): HostExportsTold {
    const { catalogue } = this.#parts;
    const exports = [...catalogue.created].flatMap(([volume, { definition }]) =>
      (definition.state === 'wanted' ? definition.exports : [])
        .filter((each) => each.host === host)
        .map(({ host: _, ...rest }) => ({ volume, life: definition.life, ...rest })),
    );
    return { controlEpoch, number: catalogue.changes, exports };
  }
}

function problemsText(problems: readonly TopologyProblem[]): string {
  return problems.map(({ path, problem }) => `${placeText(path)}: ${problem}`).join('\n');
}

function exportTexts({ exports }: DefinedVolume) {
  return exports.map(({ host, name, attach, readOnly, listen }) => ({
    host,
    name,
    attach,
    readOnly,
    listen: listenText(listen),
  }));
}
