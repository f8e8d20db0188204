/**
 * A volume's record and the decisions that change it: reads and writes the volume's key, looks at who is there, and
 * notes what hosts ask for. Answers in events of the volume machine, which says when each of this is done.
 */
import type { AttachRequest } from '../../protocols/commands.ts';
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import type { ActorAddress, DiskId, HostId, SwitchId } from '../../protocols/ids.ts';
import { type Layout, legsOf } from '../../protocols/layout/layout.ts';
import { disksOf as disksOfForm } from '../../protocols/topology/layout-form.ts';
import type { Volume } from '../../protocols/topology.ts';
import type { TroubleReport } from '../../protocols/trouble-report.ts';
import type { CoordinatorMove } from '../../protocols/volume-orders.ts';
import {
  differsFromRecord,
  type Judgement,
  leavesWritesBehind,
  wantedAttachments,
} from './attachments.ts';
import { candidatesOf } from './coordinator-choice.ts';
import { type CoordinatorPlan, coordinatorPlanOf } from './coordinator-plan.ts';
import { tellDecision, tellEnd, tellMembership } from './decision-events.ts';
import { KnownEquality } from './known-equality.ts';
import type { Members } from './membership.ts';
import { NotedRequests, type Surroundings } from './noted-requests.ts';
import { disksOf } from './publications.ts';
import { decideSafely, type SafeDecision } from './unfenced.ts';
import { createVolume } from './volume-creation.ts';
import { endVolume } from './volume-end.ts';
import { livenessOf, type VolumeEnvironment } from './volume-environment.ts';
import { VolumeKey } from './volume-key.ts';
import { VolumeMembers } from './volume-members.ts';
import type { VolumeMachineEvent } from './volume-setup.ts';

type Tell = (event: VolumeMachineEvent) => void;

export class VolumeDecider {
  /** Who makes it up, and what becomes of its mirrors. */
  readonly membership: VolumeMembers;
  readonly #environment: VolumeEnvironment;
  readonly #volume: Volume;
  readonly #key: VolumeKey;
  readonly #requests = new NotedRequests();
  readonly coordinatorPlan: CoordinatorPlan;
  /** Where a volume without a record is going to lie. */
  #planned: Layout | null = null;
  /** Those of the last survey that was complete. */
  #members: Members | null = null;
  #formerDisks: readonly DiskId[] = [];
  /** Something that was asked for could not be decided: not before somebody came or went. */
  #isLeftOut = false;
  /** The last decision that everybody confirmed. */
  #inForce = 0;
  readonly #equality = new KnownEquality();

  constructor(environment: VolumeEnvironment, volume: Volume) {
    this.#environment = environment;
    this.#volume = volume;
    this.#key = new VolumeKey(environment, volume.id);
    this.coordinatorPlan = coordinatorPlanOf(environment, volume, () => this.#candidates());
    this.membership = new VolumeMembers({
      environment,
      volume,
      record: () => this.record,
      diskIds: () => this.diskIds(),
      candidates: () => this.#candidates(),
    });
  }

  /** The last decision that is known to be written; null before the first, and after the end. */
  get record(): VolumeRecord | null {
    return this.#key.record;
  }

  /** What stays of the volume that had this name before; null when there was none. */
  get former(): EndedVolume | null {
    return this.#key.former;
  }

  /** Where a volume that has ended lay. */
  get formerDisks(): readonly DiskId[] {
    return this.#formerDisks;
  }

  /** False until it is known whether the volume exists. */
  get isRead(): boolean {
    return this.#key.isRead;
  }

  get layout(): Layout | null {
    return this.record?.layout ?? this.#planned;
  }

  read(tell: Tell): void {
    this.#key.read(tell);
  }

  /** Looks at who is there now. */
  survey(): VolumeMachineEvent {
    if (this.record === null && this.#environment.layoutsBeside(this.#volume.id) === null) {
      const reason = 'places for it are looked for once all other volumes have been read';
      return { type: 'members.unknown', reason };
    }
    const survey = this.membership.survey();
    if (survey.outcome === 'degraded')
      return { type: 'members.degraded', reason: survey.reason, waitMs: survey.waitMs };
    if (survey.outcome !== 'complete')
      return { type: `members.${survey.outcome}`, reason: survey.reason };
    if (this.#isOutranked(survey.members))
      return { type: 'members.unknown', reason: 'a disk knows a higher control epoch' };
    this.#members = survey.members;
    return { type: 'members.complete' };
  }

  /** Why what the last decision was made for is not there any more, for people; '' when it is, or may be. */
  loss(): string {
    if (this.record === null) return '';
    const survey = this.membership.survey();
    if (survey.outcome === 'complete' && this.#isOutranked(survey.members)) return '';
    return this.membership.loss();
  }

  /** Decides on what the last survey found, and writes. Nobody is told of the decision before it is written. */
  write(renew: boolean, tell: Tell): void {
    const members = this.#members;
    if (members === null) throw new Error(`volume ${this.#volume.id}: decided without a survey`);
    const last = this.record ?? this.#blank(members);
    if (typeof last === 'string') {
      tell({ type: 'decision.impossible', reason: last });
      return;
    }
    const { presence, controlEpoch } = this.#environment;
    const state = this.#requests.within(this.#surroundings());
    const circumstances = {
      controlEpoch,
      members,
      mirrorSets: this.membership.nextSets(last, members),
      hasEnded: this.membership.hasEnded,
      isInForce: this.#inForce === last.generation,
      attachments: wantedAttachments(state),
      drained: this.drained,
      coordinators: this.coordinatorPlan.choose(last, members, renew),
      preferred: this.coordinatorPlan.toRecord(last),
      renew,
      wereEqual: this.#equality.holds,
    };
    const decision = decideSafely(last, circumstances, {
      kept: wantedAttachments({ ...state, requests: [] }),
      isThere: presence.isThere.bind(presence),
    });
    if (typeof decision === 'string') tell({ type: 'decision.impossible', reason: decision });
    else this.#key.write(decision.record, () => this.#decided(last, decision), tell);
  }

  /** Ends the volume, in one step: nothing is decided about it any more, and nobody is attached (DESIGN I15). */
  end(tell: Tell): void {
    const ended = endVolume(this.#volume.id, this, this.#environment);
    this.#formerDisks = [...new Set([...this.#formerDisks, ...this.diskIds()])];
    this.#key.end(ended, (event) => {
      if (event.type === 'record.written') tellEnd(this.#environment.actor, ended);
      tell(event);
    });
  }

  /** Hosts that may still do I/O, as far as can be told: attached, there, and not drained. */
  hostsHolding(): readonly HostId[] {
    return this.#requests.holding(this.#surroundings());
  }

  /** The disks that the volume cannot do without, and the switches that may coordinate it. */
  memberAddresses(): readonly ActorAddress[] {
    return [
      ...this.diskIds().map((id) => ({ kind: 'disk', id }) as const),
      ...this.#candidates().map((id) => ({ kind: 'switch', id }) as const),
    ];
  }

  /** Hosts that ended all their I/O before they let go. */
  get drained(): readonly HostId[] {
    return this.#requests.drained;
  }

  /** True: all coordinators say that their mirrors are equal. False: what was decided, and for whom, is not known. */
  noteEqual(areEqual: boolean): void {
    this.#equality.note(areEqual, this.record);
  }

  /** Somebody came, went, or changed. */
  membersChanged(): void {
    this.#isLeftOut = false;
  }

  /** All disks and switches that are there go by the last decision. */
  noteInForce(): void {
    this.#inForce = this.record?.generation ?? 0;
  }

  /** Hosts do not tell a coordinator what they have open: the next decision goes on without them, or without it. */
  noteSilent(hosts: readonly HostId[], reporter: SwitchId): void {
    this.#requests.noteSilent(this.membership.noteSilentHosts(hosts, reporter));
  }

  attach(request: AttachRequest): Judgement {
    return this.#requests.attach(request, this.#surroundings());
  }

  detach(request: AttachRequest): void {
    this.#requests.detach(request, this.record);
  }

  mayUse(host: HostId): boolean {
    return this.#volume.hosts.includes(host);
  }

  /** An operator wants others to coordinate it. @returns why not, for people; '' when it was noted. */
  orderCoordinators(order: CoordinatorMove): string {
    const survey = this.membership.survey();
    if (this.record === null || survey.outcome !== 'complete') return 'it is being assembled';
    return this.coordinatorPlan.order(order, this.record, survey.members);
  }

  /** Which partitions others are to coordinate, for people; '' for none, or where all would have to be compared for it. */
  movesWanted(): string {
    const survey = this.membership.survey();
    if (this.record === null || survey.outcome !== 'complete') return '';
    const plan = this.coordinatorPlan;
    const state = this.#requests.within(this.#surroundings());
    const mayMove = plan.isOrdered || !leavesWritesBehind(wantedAttachments(state));
    return mayMove ? plan.moves(this.record, survey.members) : '';
  }

  /** True when other hosts are to be attached than the last decision says, as far as that can be decided now. */
  attachmentsDiffer(): boolean {
    return !this.#isLeftOut && differsFromRecord(this.#requests.within(this.#surroundings()));
  }

  /** True when the trouble is not over by a later decision. Nothing is taken for equal any more then. */
  concerns(report: TroubleReport): boolean {
    return this.record !== null && this.#equality.ends(report);
  }

  #decided(last: VolumeRecord, { record, renewed, isWhole }: SafeDecision): void {
    this.#isLeftOut = !isWhole;
    this.#requests.decided(record);
    this.membership.decided(last, record);
    this.coordinatorPlan.decided();
    if (renewed) this.#equality.renewed(record);
    tellDecision(this.#environment.actor, record, renewed);
    tellMembership(this.#environment.actor, last, record);
  }

  /** A blank record, or why there is none, for people. */
  #blank(members: Members): VolumeRecord | string {
    const beside = this.#environment.layoutsBeside(this.#volume.id);
    if (beside === null) return 'another volume is being read';
    const creation = createVolume(
      { ...this.#environment, former: this.former },
      this.#volume,
      members.disks,
      beside,
    );
    if (!creation.ok) return creation.problem;
    this.#planned = creation.blank.layout;
    return creation.blank;
  }

  /** Where a disk knows more than the record, another virtualizer decides, or the database lost what was written. */
  #isOutranked({ knownControlEpoch }: Members): boolean {
    const { controlEpoch, outranked } = this.#environment;
    const isAhead = knownControlEpoch > (this.record?.controlEpoch ?? 0);
    if (!isAhead || knownControlEpoch < controlEpoch) return false;
    outranked(knownControlEpoch);
    return true;
  }

  /** The disks that it lies on, or is going to. */
  diskIds(): readonly DiskId[] {
    if (this.record !== null) return disksOf(this.record);
    return [...new Set(disksOfForm(this.#volume.layout).map(({ disk }) => disk))];
  }

  #candidates(): readonly SwitchId[] {
    const { layout } = this;
    return candidatesOf(this.#environment.input, {
      hosts: this.#volume.hosts,
      disks: this.diskIds(),
      copies: layout === null ? 1 : legsOf(layout),
      preferred: this.#volume.coordinators,
    });
  }

  #surroundings(): Surroundings {
    return {
      record: this.record,
      livenessOf: (claim) =>
        livenessOf(this.#environment, claim, this.membership.mayAnswer(this.record)),
      mayUse: (host) => this.mayUse(host),
    };
  }
}
