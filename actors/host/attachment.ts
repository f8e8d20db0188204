/**
 * One attachment of this host to a volume: control data out of band and by asking (DESIGN V2), the conversation with
 * the virtualizer, and the driver that consumers use. When any of it happens is its machine's.
 */
import type { Actor as MachineActor } from 'xstate';
import { Status } from '../../protocols/codes.ts';
import { type Answer, refusal } from '../../protocols/commands.ts';
import {
  type AttachMode,
  type ControlData,
  controlDataSchema,
} from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { Cancel } from '../../protocols/ports.ts';
import { type Generation, unitOf } from '../../protocols/units.ts';
import { decodeJson } from '../json.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { type Admission, admitted, refusing } from './admission.ts';
import { attachmentMachine } from './attachment-machine.ts';
import type { AttachmentOptions, AttachmentParts } from './attachment-parts.ts';
import { broughtControlData } from './brought-decision.ts';
import { OptimizationDriver } from './optimization-driver.ts';
import { VirtualizerContact } from './virtualizer-contact.ts';
import { volumeCachesOf } from './volume-caches.ts';
import { attachmentAs, isOlder, type VolumeView, viewOf } from './volume-view.ts';

export class Attachment {
  readonly volumeId: VolumeId;
  readonly mode: AttachMode;
  readonly readOnly: boolean;
  readonly #parts: AttachmentParts;
  readonly #contact: VirtualizerContact;
  readonly #machine: MachineActor<typeof attachmentMachine>;
  readonly #waitingForVolume: ((volume: OptimizationDriver) => void)[] = [];
  readonly #cancels: Cancel[] = [];
  #driver: OptimizationDriver | null = null;
  #view: VolumeView | null = null;
  #admission: Admission = refusing('it waits for an attachment');
  #problem = '';
  #awaitsDrained = false;
  /** Writes were ended whose result nobody knows: mirrors may differ under them. */
  #hasEndedWrites = false;
  #whenLeft: (() => void) | null = null;

  constructor(options: AttachmentOptions, parts: AttachmentParts) {
    this.volumeId = options.volume;
    this.mode = options.mode;
    this.readOnly = options.readOnly;
    this.#parts = parts;
    const { actor, ports, host } = parts;
    const { volume, life, mode, readOnly } = options;
    this.#contact = new VirtualizerContact(
      {
        host,
        hostIncarnation: actor.incarnation,
        volume,
        ...(life === undefined ? {} : { life }),
        mode,
        readOnly,
      },
      parts.virtualizers,
      actor,
      ports.clock,
      {
        controlDataAnswered: (body) => this.#received(body),
        refused: (message) => this.#machine.send({ type: 'request.refused', message }),
        detachAnswered: () => this.#machine.send({ type: 'detach.answered' }),
      },
    );
    this.#machine = runMachine({
      machine: attachmentMachine.provide({
        actions: {
          sendAttach: (_, { lostEpoch }) => this.#contact.attach(lostEpoch),
          askControlData: () => this.#contact.askControlData(),
          reportTrouble: (_, { what }) => this.#contact.reportTrouble(what, this.#generation),
          openAdmission: () => this.#open(),
          closeAdmission: (_, { reason }) => this.#setAdmission(refusing(reason)),
          endOpen: () => this.#endOpen(),
          endDoubt: () => this.#driver?.inDoubt.end(),
          adopt: () => this.#adopt(),
          suspend: () => this.#driver?.suspend(),
          awaitDrained: () => this.#awaitDrained(),
          flushLast: () => this.#flushLast(),
          sendDetach: () => this.#contact.detach(this.#hasEndedWrites),
        },
      }),
      name: `attachment:${options.volume}`,
      input: { lostEpoch: parts.formerEpoch },
      actor,
      clock: ports.clock,
      log: ports.log,
      onFailure: () => this.#failed(),
    });
    this.#machine.subscribe((snapshot) => {
      if (snapshot.hasTag('over')) this.#left();
    });
    this.#cancels.push(
      () => this.#contact.left(),
      ports.control.subscribe(actor.subjects.controlData(options.volume, host), {
        message: (data) => this.#received(decodeJson(data)),
      }),
      ports.control.onState((state) => {
        if (state === 'connected') this.#contact.askControlData();
      }),
    );
    this.#machine.send({ type: 'attach.requested' });
  }

  /** The volume; null until its size is known. Answers errors while it does not serve. */
  get volume(): OptimizationDriver | null {
    return this.#driver;
  }

  get state(): string {
    return stateText(this.#machine.getSnapshot().value);
  }

  /** The latest control data; null before the first. */
  get controlData(): ControlData | null {
    return this.#view?.data ?? null;
  }

  get machine(): MachineActor<typeof attachmentMachine> {
    return this.#machine;
  }

  /** Calls once the volume's size is known, at once if it is. */
  whenKnown(listener: (volume: OptimizationDriver) => void): void {
    if (this.#driver !== null) listener(this.#driver);
    else this.#waitingForVolume.push(listener);
  }

  /** Drains, flushes, and lets the volume go; calls when that is over, however it went. */
  detach(done: () => void): void {
    this.#whenLeft = done;
    if (this.#machine.getSnapshot().status === 'active')
      this.#machine.send({ type: 'detach.requested' });
    else this.#left();
  }

  /**
   * What a new coordinator must know (DESIGN I6): the writes of the attachment that began with `firstEpoch` whose end
   * this host has not seen. Where it was served and lost, nobody can say; another decision must come first.
   */
  unfinished(firstEpoch: number): Answer {
    const snapshot = this.#machine.getSnapshot();
    const { context } = snapshot;
    const isLost = context.lostEpoch >= firstEpoch || snapshot.matches('detaching');
    if (isLost || snapshot.hasTag('over'))
      return refusal('not-ready', `volume ${this.volumeId} was let go under epoch ${firstEpoch}`);
    const isHeld = snapshot.hasTag('holding') && context.firstEpoch === firstEpoch;
    return { ok: true, ...this.#parts.dispatcher.unfinishedWrites(isHeld ? this.#driver : null) };
  }

  facts(): Record<string, unknown> {
    const snapshot = this.#machine.getSnapshot();
    const { reason, attachEpoch } = snapshot.context;
    return {
      volume: this.volumeId,
      generation: this.#generation,
      mode: this.mode,
      readOnly: this.readOnly,
      state: this.state,
      attachEpoch,
      reason: snapshot.hasTag('serving') ? '' : this.#problem || reason,
      openIos: this.#driver?.openIos ?? 0,
    };
  }

  get #generation(): Generation {
    return this.#view?.data.generation ?? unitOf<Generation>(0);
  }

  /** Control data arrived, by itself or as an answer. */
  #received(body: unknown): void {
    const parsed = controlDataSchema.safeParse(body);
    const { host, actor, ports } = this.#parts;
    if (!parsed.success) {
      ports.log.warn({ volume: this.volumeId, error: parsed.error }, 'invalid control data');
      return;
    }
    const { data } = parsed;
    const isOurs =
      data.volume === this.volumeId && data.host === host && data.cluster === ports.cluster;
    if (!isOurs || (this.#view !== null && isOlder(data, this.#view.data))) return;
    const result = viewOf(data, host, actor.incarnation);
    if (!result.ok) {
      this.#problem = result.problem;
      ports.log.error({ volume: this.volumeId }, result.problem);
      return;
    }
    this.#problem = '';
    this.#take(result.view);
  }

  #brought(bytes: Uint8Array): void {
    if (this.#view === null) return;
    const data = broughtControlData(this.#view, bytes, this.#parts);
    if (data === null) return;
    this.#parts.dispatcher.counters.decisionsBrought++;
    this.#received(data);
  }

  #take(view: VolumeView): void {
    this.#view = view;
    const { state, reason } = view.data;
    const mine = attachmentAs(view, this);
    this.#machine.send({
      type: 'controlData.received',
      attachEpoch: mine?.attachEpoch ?? 0,
      firstEpoch: mine?.firstEpoch ?? 0,
      state,
      reason,
      hasOpenWrites: this.#driver?.hasOpenWrites ?? false,
    });
    if (this.#driver === null) this.#create(view);
  }

  #create(view: VolumeView): OptimizationDriver {
    const { dispatcher, routeParts } = this.#parts;
    const driver = new OptimizationDriver(
      view,
      this.#admission,
      {
        readOnly: this.readOnly,
        readsThroughCoordinator: this.mode === 'shared',
        caches: volumeCachesOf(view, this.mode, this.#parts),
      },
      dispatcher,
      routeParts,
      {
        controlDataNeeded: () => this.#contact.askControlDataSoon(),
        decisionBrought: (bytes) => this.#brought(bytes),
        lost: (what) => this.#machine.send({ type: 'trouble.met', what }),
        diskFailed: (disk, what) => this.#contact.reportTrouble(what, this.#generation, [disk]),
        idle: () => this.#becameIdle(),
        alternatesNeeded: (failed, answered) => this.#contact.askAlternates(failed, answered),
      },
    );
    this.#driver = driver;
    for (const listener of this.#waitingForVolume.splice(0)) listener(driver);
    return driver;
  }

  #setAdmission(admission: Admission): void {
    this.#admission = admission;
    if (this.#driver !== null) this.#driver.admission = admission;
  }

  #open(): void {
    this.#setAdmission(admitted);
    this.#adopt();
  }

  #adopt(): void {
    if (this.#view === null) return;
    if (this.#driver === null) this.#create(this.#view);
    else this.#driver.adopt(this.#view);
  }

  #endOpen(): void {
    this.#hasEndedWrites ||= this.#driver?.hasOpenWrites === true;
    this.#driver?.endOpen(Status.path);
  }

  #awaitDrained(): void {
    if (this.#driver === null || this.#driver.openIos === 0)
      this.#machine.send({ type: 'drained' });
    else this.#awaitsDrained = true;
  }

  #becameIdle(): void {
    if (this.#awaitsDrained) this.#machine.send({ type: 'drained' });
    this.#awaitsDrained = false;
  }

  #flushLast(): void {
    const ended = () => this.#machine.send({ type: 'flush.ended' });
    if (this.#driver === null || this.readOnly) ended();
    else this.#driver.flushLast(ended);
  }

  /** The machine died: nothing decides about this volume any more, so nothing may be served. */
  #failed(): void {
    this.#setAdmission(refusing('its attachment machine died of a bug; restart the host'));
    this.#driver?.endOpen(Status.path);
    this.#driver?.inDoubt.end();
  }

  #left(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#driver?.inDoubt.end();
    this.#driver?.stop();
    if (this.#driver !== null) this.#parts.dispatcher.remove(this.#driver);
    const done = this.#whenLeft;
    this.#whenLeft = null;
    done?.();
  }
}
