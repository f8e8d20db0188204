/**
 * The end of a volume (DESIGN I15): hosts drain and leave, or are cut off after a while; one step in the config
 * database ends the record; disks that are there forget the volume, and so do switches. Whoever is not there is told
 * when it comes back (`leftovers`): nothing can be done with the volume meanwhile, for its numbers are gone.
 */
import { volumeSetup } from './volume-setup.ts';

const draining = volumeSetup.createStateConfig({
  initial: 'looking',
  states: {
    looking: {
      entry: 'surveyHosts',
      after: { hostsDelay: { target: 'looking', reenter: true } },
    },
  },
  on: { 'hosts.left': 'retiring' },
  after: { hostsDeadline: 'retiring' },
});

const retiring = volumeSetup.createStateConfig({
  entry: ['noteDrained', 'writeEnd'],
  on: {
    'record.written': 'forgetting',
    'record.contested': {
      target: '#volume.reading.resting',
      actions: ['noteReason', 'noteFailure'],
    },
  },
});

/** A disk that refuses has begun anew or knows better; whatever is left on it is ended with the other leftovers. */
const forgetting = volumeSetup.createStateConfig({
  tags: ['retired'],
  entry: 'forgetAtDisks',
  exit: 'endRound',
  on: {
    'disks.forgot': 'unloading',
    'member.refused': { target: 'unloading', actions: 'noteReason' },
  },
  after: { confirmDeadline: 'unloading' },
});

const unloading = volumeSetup.createStateConfig({
  tags: ['retired'],
  entry: 'unloadSwitches',
  exit: 'endRound',
  on: {
    'switches.forgot': '#volume.ended',
    'member.refused': { target: '#volume.ended', actions: 'noteReason' },
  },
  after: { confirmDeadline: '#volume.ended' },
});

export const ending = volumeSetup.createStateConfig({
  tags: ['ending'],
  initial: 'draining',
  // It ends anyway.
  on: { 'end.requested': {}, 'trouble.reported': {} },
  states: { draining, retiring, forgetting, unloading },
});

export const ended = volumeSetup.createStateConfig({ tags: ['ending'], entry: 'publishEnd' });
