/** Volumes that are created while a virtualizer decides: what tests of them ask for, and look at. */
import { expect } from 'chai';
import { verbs } from '../../../protocols/commands.ts';
import type { Layout } from '../../../protocols/layout/layout.ts';
import { extentsOf } from '../../../protocols/layout/layout.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

export const listen = 'nbd://127.0.0.1:10901';
export const mirror = { mirror: ['d1', 'd2'] };
export const allDisks = ['d1', 'd2', 'd3', 'd4'];

export function wanted(more: object = {}, id = 'vol9') {
  return {
    volume: { id, size: '64MiB', layout: mirror, hosts: ['h1'], ...more },
    exports: [{ host: 'h1', listen }],
  };
}

export function serving(): VirtualizerWorld {
  const world = new VirtualizerWorld();
  world.startServing();
  return world;
}

export function create(world: VirtualizerWorld, more: object = {}, id = 'vol9'): void {
  expect(world.command(verbs.createVolume, wanted(more, id))).to.include({ ok: true });
  world.untilState('serving', id);
}

/** Of the last volume of that name. */
export function lastLifeOf(world: VirtualizerWorld, id = 'vol9'): number {
  const answer = world.command(verbs.listVolumes, { volume: id });
  return answer.ok ? Number(answer.lastLife) : Number.NaN;
}

export function names(world: VirtualizerWorld): readonly string[] {
  const answer = world.command(verbs.listVolumes);
  if (!answer.ok) return [answer.message];
  return (answer.volumes as { volume: string }[]).map(({ volume }) => volume);
}

export function untilGone(world: VirtualizerWorld, id = 'vol9'): void {
  world.until(
    () =>
      world.virtualizer.state === 'active' &&
      !(world.facts().volumes as { volume: string }[]).some(({ volume }) => volume === id),
    `${id} is gone`,
  );
  world.run(1500);
}

export function generationOf(world: VirtualizerWorld, id = 'vol9'): number {
  const { layout } = world.record(id) as { layout: Layout };
  return Math.max(...extentsOf(layout).map(({ generation }) => generation));
}

export function definition(world: VirtualizerWorld, id = 'vol9'): { state: string } | undefined {
  const found = world.database.values.get(`definition.${id}`);
  return found === undefined ? undefined : JSON.parse(found.value);
}
