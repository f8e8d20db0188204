/**
 * A host in a hand-made world: a bus for control, where a virtualizer answers as the test says, and a bus per HBA,
 * whose frames the test sees and answers itself. Time is virtual.
 */

import type { Attachment } from '../../../actors/host/attachment.ts';
import { type DriverPolicy, driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { Host } from '../../../actors/host/host.ts';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation } from '../../../protocols/codes.ts';
import { type Answer, type AttachRequest, refusal } from '../../../protocols/commands.ts';
import type { AttachMode, ControlData } from '../../../protocols/control-data.ts';
import { decodeFrame, encodeReply, FrameKind } from '../../../protocols/frames/frame.ts';
import { type Outcome, type Reply, success } from '../../../protocols/frames/reply.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { type HbaId, idOf } from '../../../protocols/ids.ts';
import type { LogFields } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { unitOf } from '../../../protocols/units.ts';
import { type ControlDataOptions, controlDataOf, hbaIds, volume } from './control-data-sample.ts';
import { ManualBus } from './manual-bus.ts';

/** A frame that the host sent, and how to answer it. */
export interface SentFrame {
  readonly hba: HbaId;
  readonly subject: string;
  readonly request: Request;
  readonly bytes: Uint8Array;
  readonly replySubject: string;
}

const cluster = idOf<ControlData['cluster']>('test');

export interface WorldOptions {
  readonly mode?: AttachMode;
  readonly readOnly?: boolean;
  readonly policy?: Partial<DriverPolicy>;
  readonly creditBytesMax?: number;
  /** In the order in which they are asked. Default: one, which decides. */
  readonly virtualizers?: readonly string[];
  /** Those that do not decide. */
  readonly inactive?: readonly string[];
  /** Makes the buses of the HBAs. */
  readonly newBus?: () => ManualBus;
}

export class HostWorld {
  readonly clock = new VirtualClock();
  readonly control = new ManualBus();
  readonly io: ReadonlyMap<HbaId, ManualBus>;
  readonly host: Host;
  readonly attachment: Attachment;
  readonly errors: string[] = [];
  /** Commands that the virtualizer got, the one that decides, in order. */
  readonly asked: { verb: string; body: AttachRequest }[] = [];
  /** Those that do not decide, and how often they were asked. */
  readonly inactive: Map<string, number>;
  /** What the virtualizer answers to `control-data`; null: not-ready. */
  controlData: ControlData | null = null;
  /** What it answers to `attach`. */
  attachAnswer: Answer = { ok: true };
  /** What it answers to `alternates`; null: nothing. */
  alternatesAnswer: Answer | null = { ok: true, alternates: [], away: [] };
  /** What it answers to other questions; null: nothing. */
  readonly answers: { paths: Answer | null } = { paths: null };
  /** Of the process that runs the host, as its first command said. */
  hostIncarnation = 0;
  #sent: SentFrame[] = [];
  #marks: SentFrame[] = [];
  /** Frames that asked for marks, or to take them back. */
  marksSeen = 0;
  #probes: SentFrame[] = [];

  constructor(options: WorldOptions = {}) {
    const newBus = options.newBus ?? (() => new ManualBus());
    this.inactive = new Map(options.inactive?.map((id) => [id, 0]));
    this.io = new Map(hbaIds.map((hba) => [hba, newBus()]));
    this.control.onPublish = (subject, data, reply) => this.#command(subject, data, reply);
    for (const [hba, bus] of this.io)
      bus.onPublish = (subject, data, replySubject) =>
        this.#frame(hba, subject, data, replySubject);
    const log = (_: LogFields, message: string) => this.errors.push(message);
    this.host = new Host(
      {
        host: idOf('h1'),
        hbas: hbaIds.map((hba) => ({
          hba,
          links: ['s1', 's2'].map((name) => ({
            link: idOf(`${hba}-${name}`),
            receiver: { kind: 'switch', id: name },
          })),
          io: this.busOf(hba),
          ...(options.creditBytesMax === undefined ? {} : options),
        })),
        virtualizers: (options.virtualizers ?? ['v1']).map((id) => idOf(id)),
        policy: { balance: { ...driverPolicyDefault.balance, metric: 'none' }, ...options.policy },
      },
      {
        cluster,
        control: this.control,
        clock: this.clock,
        random: new SeededRandom(1),
        log: { debug: () => {}, info: () => {}, warn: log, error: log },
      },
    );
    this.host.start();
    const { mode = 'exclusive', readOnly = false } = options;
    this.attachment = this.host.attach({ volume, mode, readOnly });
    this.clock.runFor(1);
  }

  /** Control data as the virtualizer would publish it to this process. */
  data(options: ControlDataOptions = {}): ControlData {
    const { mode, readOnly } = this.attachment;
    return controlDataOf(this.hostIncarnation, { mode, readOnly, ...options });
  }

  /** Tells the host, out of band. */
  publish(options: ControlDataOptions = {}): void {
    this.controlData = this.data(options);
    this.control.deliver(
      subjectsOf(cluster).controlData(volume, idOf('h1')),
      encodeJson(this.controlData),
    );
  }

  /** Asks a command of the host. */
  command(verb: string, body: object, replySubject: string): void {
    const subject = subjectsOf(cluster).command({ kind: 'host', id: 'h1' }, verb);
    this.control.deliver(subject, encodeJson(body), replySubject);
  }

  /** Attaches the volume, and gives it. */
  serve(options: ControlDataOptions = {}): OptimizationDriver {
    this.publish(options);
    return this.driver;
  }

  get driver(): OptimizationDriver {
    const { volume: driver } = this.attachment;
    if (driver === null) throw new Error('the volume is not known yet');
    return driver;
  }

  /**
   * The frames sent since this was called last, but for probes. Regions are marked as soon as the host asks for it: the
   * writes that waited for that are among them.
   */
  sent(): readonly SentFrame[] {
    this.answerMarks();
    return this.#sent.splice(0);
  }

  /** All marks that were asked for are made. */
  answerMarks(): void {
    for (let marks = this.marks(); marks.length > 0; marks = this.marks())
      for (const frame of marks) this.answer(frame);
  }

  /** The marks that were asked for, or to be taken back, since this was called last. */
  marks(): readonly SentFrame[] {
    return this.#marks.splice(0);
  }

  /** The probes sent since this was called last. */
  probes(): readonly SentFrame[] {
    return this.#probes.splice(0);
  }

  /** Answers a frame; `changes` are to the reply's fields. */
  answer(
    frame: SentFrame,
    changes: Partial<Reply> = {},
    data: readonly Uint8Array[] = [],
    hba: HbaId = frame.hba,
  ): void {
    const { replyKind: kind, replySlot } = frame.request;
    const subject = subjectsOf(cluster).reply({ kind, id: hba }, replySlot);
    this.busOf(hba).deliver(subject, encodeReply(replyTo(frame.request, changes), data));
  }

  /** Answers a frame with an error. */
  refuse(frame: SentFrame, outcome: Outcome): void {
    this.answer(frame, { outcome });
  }

  /** Answers everything that was sent well; reads get the bytes that `contentOf` gives. */
  answerAll(frames: readonly SentFrame[] = this.sent()): void {
    for (const frame of frames) {
      const isRead = frame.request.operation === 1;
      const { offset, lengthBytes } = frame.request;
      this.answer(frame, {}, isRead ? [contentOf(offset, lengthBytes)] : []);
    }
  }

  /** Nobody listens where the frame was sent. */
  noResponders(frame: SentFrame): void {
    this.busOf(frame.hba).noResponders(frame.replySubject);
  }

  busOf(hba: HbaId): ManualBus {
    const bus = this.io.get(hba);
    if (bus === undefined) throw new Error(`no hba ${hba}`);
    return bus;
  }

  #command(subject: string, data: Uint8Array, replySubject: string): void {
    if (!subject.includes('.cmd.virtualizer.')) return;
    const [id = '', verb = ''] = subject.split('.').slice(-2);
    const times = this.inactive.get(id);
    if (times !== undefined) {
      this.inactive.set(id, times + 1);
      const refused = refusal('inactive', `virtualizer ${id} does not decide`);
      this.clock.soon(() => this.control.deliver(replySubject, encodeJson(refused)));
      return;
    }
    const body = decodeJson(data) as AttachRequest;
    this.asked.push({ verb, body });
    if (verb === 'attach') this.hostIncarnation = body.hostIncarnation;
    const answer = this.#answerTo(verb);
    if (answer === null) return;
    this.clock.soon(() => this.control.deliver(replySubject, encodeJson(answer)));
  }

  #answerTo(verb: string): Answer | null {
    if (verb === 'paths') return this.answers.paths;
    if (verb === 'attach') return this.attachAnswer;
    if (verb === 'alternates') return this.alternatesAnswer;
    if (verb !== 'control-data') return { ok: true };
    const { controlData } = this;
    return controlData === null
      ? { ok: false, reason: 'not-ready', message: 'not yet' }
      : { ok: true, controlData };
  }

  #frame(hba: HbaId, subject: string, data: Uint8Array, replySubject: string): void {
    const frame = decodeFrame(data);
    if (frame?.kind !== FrameKind.request) throw new Error('the host sent no request frame');
    const bytes = Uint8Array.from(frame.data.bytes);
    const { operation } = frame.request;
    const isMark = operation === Operation.mark || operation === Operation.unmark;
    if (isMark) this.marksSeen++;
    const others = isMark ? this.#marks : this.#sent;
    const frames = operation === Operation.probe ? this.#probes : others;
    frames.push({ hba, subject, request: frame.request, bytes, replySubject });
  }
}

/** What a well-behaved switch or disk answers. */
export function replyTo(request: Request, changes: Partial<Reply> = {}): Reply {
  return {
    operation: request.operation,
    outcome: success,
    volume: request.volume,
    offset: request.offset,
    lengthBytes: request.lengthBytes,
    host: request.host,
    hostIncarnation: request.hostIncarnation,
    ioNumber: request.ioNumber,
    attempt: request.attempt,
    generation: request.generation,
    partitionEpoch: request.partitionEpoch,
    eventCount: request.eventCount,
    disk: request.disk,
    diskInstance: unitOf(1),
    writeNumber: unitOf(0),
    ...changes,
  };
}

/** The bytes of the volume in these tests: every offset has its own. */
export function contentOf(offset: number, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, index) => {
    const at = offset + index;
    return (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff;
  });
}
