/**
 * The steps of a round of rot in a cluster that runs. Each damages blocks, sees them detected, and leaves the volume as good
 * as it found it, but for the blocks that are bad on all mirrors.
 */
import type { DiskId } from '../../../protocols/ids.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { until, untilAsync } from '../../tools/until.ts';
import { damageKindNames } from './damage-kinds.ts';
import type { BlockCopyPlace } from './disk-blocks.ts';
import type { RotSite, Struck } from './rot-site.ts';

const awayTimeoutMs = 60_000;
const toldTimeoutMs = 10_000;

export interface BlockCounts {
  /** On one mirror, in the part of the volume that is read and not written. */
  readonly oneMirror: number;
  /** On one mirror, in the part that is written all the time. */
  readonly written: number;
  /** On all mirrors. */
  readonly allMirrors: number;
}

/** How copies that were damaged came to be noticed. */
export interface Noticed {
  byRead: number;
  byScrub: number;
  /** Nobody can notice: the disk had something newer in its journal, or the block was written anew first, or held nothing. */
  overwritten: number;
  reported: number;
}

/** Damages blocks while all mirrors are in sync, and has the volume read and scrubbed. */
export async function rotInSync(site: RotSite, counts: BlockCounts): Promise<Noticed> {
  const { still, told } = site;
  const first = site.struck.length;
  for (let index = 0; index < counts.oneMirror; index++) {
    const block = site.drawStill();
    const kind = damageKindNames[index % damageKindNames.length];
    site.strikeStill(block, site.drawCopy(block), kind);
  }
  const lost: number[] = [];
  for (let index = 0; index < counts.allMirrors; index++) {
    const block = site.drawStill();
    lost.push(block);
    still.mayFail.add(block);
    site.strikeStill(block, site.blocks.copiesOf(block));
  }
  const written = new Set<number>();
  for (let index = 0; index < counts.written; index++) {
    const block = site.drawWritten();
    written.add(block);
    site.strike(block, site.drawCopy(block));
  }
  const failed = await still.readEach();
  site.check(
    sameBlocks(failed, lost),
    `of the blocks ${lost} that are bad on all mirrors, and of no other, reads failed: ${failed}`,
  );
  const readBefore = new Set(site.struck.slice(first).filter((each) => isToldOfRead(site, each)));
  const { keptBlocks, skippedBytes } = await site.scrub();
  site.check(skippedBytes === 0, `${skippedBytes} bytes were not scrubbed`);
  site.check(keptBlocks === lost.length, `${keptBlocks} blocks kept, not ${lost.length}`);
  const struck = site.struck.slice(first);
  await expectTold(
    site,
    struck.filter(({ block }) => !written.has(block)),
    lost,
  );
  await expectReported(site, lost);
  site.check(told.repairs >= counts.oneMirror, `only ${told.repairs} repairs were told`);
  return noticedOf(site, struck, lost, readBefore);
}

/** What is not told of was written anew before; where that cannot be, its silence was found wrong before. */
function noticedOf(
  site: RotSite,
  all: readonly Struck[],
  lost: readonly number[],
  readBefore: ReadonlySet<Struck>,
): Noticed {
  const noticed: Noticed = { byRead: 0, byScrub: 0, overwritten: 0, reported: 0 };
  for (const struck of all) {
    if (lost.includes(struck.block)) noticed.reported++;
    else if (readBefore.has(struck)) noticed.byRead++;
    else if (isToldRepaired(site, struck)) noticed.byScrub++;
    else noticed.overwritten++;
  }
  return noticed;
}

/** Has what is bad on all mirrors written anew, which is what heals it. */
export async function healByWriting(site: RotSite): Promise<void> {
  const { still } = site;
  const lost = [...still.mayFail];
  const [first] = lost;
  if (first !== undefined)
    site.check(
      await still.isPartRefused(first),
      `a part of block ${first} was written though nobody knows the rest of it`,
    );
  for (const block of lost) await still.rewrite(block);
  still.mayFail.clear();
  const failed = await still.unreadableOf(lost);
  site.check(failed.length === 0, `blocks ${failed} were written anew and cannot be read`);
}

export interface AwayCounts {
  /** On the mirror that is left, where the one that is away has the same, and good. */
  readonly elsewhereGood: number;
  /** On the mirror that is left, where the one that is away missed the last write. */
  readonly lone: number;
  /** On the mirror that is away. */
  readonly gone: number;
}

/**
 * Takes a disk away for longer than its mirror stays in sync, and damages blocks meanwhile. What is bad where it would have
 * to be copied from keeps the resync from its end until it is written anew; nothing bad is copied.
 */
export async function rotWhileAway(site: RotSite, counts: AwayCounts): Promise<void> {
  const { still, operator } = site;
  const away = site.random.pick(operator.topology.disks.map(({ id }) => id));
  const target = `disk:${away}` as const;
  const isShared = (block: number) => copyOn(site, block, away) !== undefined;
  const others = (block: number) => site.blocks.copiesOf(block).filter(({ disk }) => disk !== away);
  const draw = (count: number) => Array.from({ length: count }, () => site.drawStill(isShared));
  const [good, lone, gone] = [counts.elsewhereGood, counts.lone, counts.gone].map(draw);
  if (good === undefined || lone === undefined || gone === undefined) return;
  await operator.strike({ target, kind: 'crash' });
  await untilAsync(
    async () => (await mirrorStateOn(site, away)) === 'stale',
    `the mirror on ${away} to be stale`,
    awayTimeoutMs,
  );
  for (const block of lone) await still.rewrite(block);
  await site.bringHome(operator.topology.disks.map(({ id }) => id).filter((id) => id !== away));
  for (const block of [...good, ...lone]) {
    still.mayFail.add(block);
    site.strikeStill(block, others(block));
  }
  for (const block of gone) {
    const copy = copyOn(site, block, away);
    if (copy !== undefined) site.strikeStill(block, [copy]);
  }
  await operator.heal(target);
  if (lone.length > 0) await expectStuck(site, lone);
  for (const block of lone) await still.rewrite(block);
  await untilAsync(
    async () => (await mirrorStateOn(site, away)) === 'in-sync',
    `the mirror on ${away} to be in sync again`,
    awayTimeoutMs,
  );
  for (const block of lone) still.mayFail.delete(block);
  await site.scrub();
  const struck = site.struck.slice(-(good.length + lone.length + gone.length));
  await expectTold(
    site,
    struck.filter(({ block }) => !lone.includes(block)),
    [],
  );
  for (const block of good) still.mayFail.delete(block);
}

/** The resync says what is in its way, and readers are not given what is bad. */
async function expectStuck(site: RotSite, lone: readonly number[]): Promise<void> {
  let problem = '';
  const isStuck = async () => {
    const [volume] = (await site.operator.status()).volumes;
    problem = volume?.resync?.problem ?? '';
    return problem.includes('can be read on no mirror that is in sync');
  };
  await untilAsync(isStuck, 'the resync to say what it cannot copy', awayTimeoutMs);
  const offset = Number(/at offset (\d+)/.exec(problem)?.[1] ?? -1);
  site.check(lone.includes(offset / blockBytes), `the resync names another block: ${problem}`);
  const failed = await site.still.unreadableOf(lone);
  site.check(sameBlocks(failed, lone), `of the only copies, ${lone}, only ${failed} are refused`);
}

/** Whoever met them named disk and block, and what came of it. @param lost blocks that nobody can repair */
async function expectTold(
  site: RotSite,
  all: readonly Struck[],
  lost: readonly number[],
): Promise<void> {
  const silentOn = ({ block, copies }: Struck) =>
    copies
      .map(({ disk }) => disk)
      .filter((disk) => {
        const told = site.told.of(disk, block);
        return lost.includes(block) ? told?.isKept !== true : told?.isRepaired !== true;
      });
  const areTold = () => all.every((struck) => silentOn(struck).length === 0);
  await until(areTold, 'all to be told', toldTimeoutMs).catch(() => {});
  for (const struck of all) {
    const { block, kind } = struck;
    const silent = silentOn(struck);
    const what = lost.includes(block) ? 'reported' : 'repaired';
    site.check(silent.length === 0, `${kind} at block ${block} on ${silent} was not ${what}`);
  }
}

/** `status` and `fsck` name what cannot be repaired. */
async function expectReported(site: RotSite, lost: readonly number[]): Promise<void> {
  if (lost.length === 0) return;
  const [volume] = (await site.operator.status()).volumes;
  const { keptBlocks = 0, keptAt = -1 } = volume?.scrub ?? {};
  site.check(
    keptBlocks === lost.length && lost.includes(keptAt / blockBytes),
    `status speaks of ${keptBlocks} bad blocks, the first at ${keptAt}`,
  );
  const checked = await site.cluster.trySanctor('fsck', '--json');
  const { findings } = JSON.parse(checked.output) as {
    findings: readonly { kind: string; block?: { volumeOffset: number } }[];
  };
  const named = findings.flatMap(({ kind, block }) =>
    (kind === 'bad-block' || kind === 'kept-blocks') && block
      ? [block.volumeOffset / blockBytes]
      : [],
  );
  const missing = lost.filter((block) => !named.includes(block));
  site.check(
    missing.length === 0 && checked.code === 1,
    `fsck (code ${checked.code}) does not name the bad blocks ${missing}, but ${named}`,
  );
}

async function mirrorStateOn({ operator }: RotSite, disk: DiskId): Promise<string> {
  const [volume] = (await operator.status()).volumes;
  return volume?.mirrors.find(({ disks }) => disks.includes(disk))?.state ?? '';
}

function copyOn(site: RotSite, block: number, disk: DiskId): BlockCopyPlace | undefined {
  return site.blocks.copiesOf(block).find((copy) => copy.disk === disk);
}

function isToldOfRead(site: RotSite, { block, copies }: Struck): boolean {
  return copies.some(({ disk }) => site.told.of(disk, block)?.isRead === true);
}

function isToldRepaired(site: RotSite, { block, copies }: Struck): boolean {
  return copies.some(({ disk }) => site.told.of(disk, block)?.isRepaired === true);
}

function sameBlocks(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((block) => others.includes(block));
}
