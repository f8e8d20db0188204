/** What the actions of the volume machine do: each goes to the part of the assembly that carries it out. */
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { tellServing } from './decision-events.ts';
import { LeaseDoubt } from './lease-doubt.ts';
import { isResyncing } from './mirror-changes.ts';
import type { VolumeAnnouncer } from './volume-announcer.ts';
import type { VolumeDecider } from './volume-decider.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import { volumeMachine } from './volume-machine.ts';
import type { VolumeRounds } from './volume-rounds.ts';
import type { VolumeMachineEvent } from './volume-setup.ts';

export interface VolumeParts {
  readonly environment: VolumeEnvironment;
  readonly decider: VolumeDecider;
  readonly rounds: VolumeRounds;
  readonly announcer: VolumeAnnouncer;
}

/** @param tell takes what becomes known later; it may come when the machine is no more */
export function wiredVolumeMachine(
  { environment, decider, rounds, announcer }: VolumeParts,
  tell: (event: VolumeMachineEvent) => void,
): typeof volumeMachine {
  const withRecord = (act: (record: VolumeRecord) => void) => () => {
    if (decider.record === null) throw new Error('a volume without a record was to be acted on');
    act(decider.record);
  };
  const withEnd = (act: (ended: EndedVolume) => void) => () => {
    if (decider.former === null) throw new Error('a volume that has not ended was to be forgotten');
    act(decider.former);
  };
  const leases = new LeaseDoubt(environment.input.cachingSwitches.length > 0);
  /** Since when hosts have been told to wait, and why; null while they need not. */
  let interruption: { readonly sinceMs: number; readonly reason: string } | null = null;
  return volumeMachine.provide({
    actions: {
      readRecord: () =>
        decider.read((event) => {
          tell(event);
          if (event.type === 'record.read') environment.volumeRead();
        }),
      surveyMembers: ({ self }) => self.send(decider.survey()),
      askMembers: () => {
        for (const address of decider.memberAddresses()) environment.askDescription(address);
      },
      writeDecision: ({ self }, { renew }) => {
        rounds.endLateLoads();
        announcer.pause();
        const { record: last, drained } = decider;
        leases.deciding(last);
        decider.write(renew, (event) => {
          if (event.type === 'record.contested') {
            leases.contested();
            decider.noteEqual(false);
          }
          if (event.type === 'record.written')
            withRecord((next) => leases.decided(last, next, drained))();
          if (event.type === 'decision.impossible') self.send(event);
          else tell(event);
        });
      },
      assembleDisks: withRecord((record) => rounds.assembleDisks(record, leases.mayLast)),
      noteLeasesOver: () => leases.over(),
      loadSwitches: withRecord((record) => rounds.loadSwitches(record)),
      askSettled: withRecord((record) => rounds.askSettled(record)),
      askYield: withRecord((record) => rounds.askYield(record)),
      noteEqual: () => decider.noteEqual(true),
      noteSilent: (_, { hosts, reporter }) => decider.noteSilent(hosts, reporter),
      watchResync: withRecord((record) => {
        if (isResyncing(record)) rounds.watchResync(record);
      }),
      endResyncWatch: () => rounds.endResyncWatch(),
      noteResynced: () => decider.membership.noteResynced(),
      noteUnconfirmed: () =>
        decider.membership.troubles.noteFailed(
          rounds.unconfirmedDisks,
          'it did not confirm in time',
        ),
      noteRefusal: (_, { member: { kind, id }, reason }) => {
        if (kind === 'disk') decider.membership.troubles.noteRefusal(id as DiskId, reason);
      },
      noteInForce: () => decider.noteInForce(),
      noteConfirmed: () => decider.membership.noteConfirmed(),
      endRound: () => rounds.end(),
      publishAssembling: (_, { reason }) => {
        interruption ??= { sinceMs: environment.clock.now(), reason };
        announcer.announceAssembling(decider.record, reason);
      },
      publishServing: withRecord((record) => {
        announcer.announceServing(record);
        if (interruption !== null) {
          const { sinceMs, reason } = interruption;
          tellServing(environment.actor, record, reason, environment.clock.now() - sinceMs);
        }
        interruption = null;
        rounds.loadLate(record);
      }),
      surveyHosts: ({ self }) => {
        if (decider.hostsHolding().length === 0) self.send({ type: 'hosts.left' });
      },
      writeEnd: () => {
        rounds.endLateLoads();
        announcer.pause();
        decider.end(tell);
      },
      forgetAtDisks: withEnd((ended) => rounds.forgetAtDisks(ended, decider.formerDisks)),
      unloadSwitches: withEnd((ended) => rounds.unloadSwitches(ended)),
      publishEnd: withEnd((ended) => environment.ended(ended)),
    },
  });
}
