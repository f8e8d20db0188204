/**
 * Reads V8's .cpuprofile files: how much time of a span was spent in which function, and in which part of the
 * system that function lies. Pure.
 */
import { z } from 'zod';

const profileSchema = z.looseObject({
  nodes: z.array(
    z.looseObject({
      id: z.number(),
      callFrame: z.looseObject({
        functionName: z.string(),
        url: z.string(),
        lineNumber: z.number(),
      }),
      children: z.array(z.number()).optional(),
    }),
  ),
  /** Microseconds of the machine's monotonic clock, the same that `process.hrtime` reads. */
  startTime: z.number(),
  endTime: z.number(),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof profileSchema>;

export function readProfile(text: string): CpuProfile {
  return profileSchema.parse(JSON.parse(text));
}

/** The parts of the system that time is charged to. The first pattern that a file's address matches wins. */
const parts: readonly (readonly [part: string, pattern: RegExp])[] = [
  ['checksum', /\/protocols\/checksums\.js|node:zlib/],
  ['codec', /\/protocols\/frames\/|msgpackr/],
  ['NBD', /\/cluster\/nbd\/|\/protocols\/nbd\//],
  [
    'bus',
    /\/node_modules\/nats\/|nkeys|\/cluster\/nats\/|\/cluster\/bus-subject\.js|\/actors\/credits\.js/,
  ],
  ['layout', /\/protocols\/layout\//],
  ['driver', /\/actors\/host\//],
  ['HBA', /\/actors\/hba\//],
  ['switch', /\/actors\/switch\//],
  ['disk', /\/actors\/disk\//],
  ['store', /\/cluster\/stores\/|\/cluster\/disk-stores\.js|node:fs|node:internal\/fs/],
  ['machines', /\/node_modules\/xstate\/|-machine\.js/],
  [
    'sockets',
    /node:net|node:internal\/(stream|streams|js_stream|net)|node:_?stream|node:events|node:buffer/,
  ],
  ['Node', /^node:/],
];

export const idlePart = 'idle';
const ownParts: Readonly<Record<string, string>> = {
  '(idle)': idlePart,
  '(garbage collector)': 'GC',
  '(program)': 'system calls and V8',
  '(root)': 'system calls and V8',
};
const otherPart = 'other';

/** Time in microseconds. */
export interface ProfileSpan {
  readonly spanUs: number;
  readonly parts: Readonly<Record<string, number>>;
  /** The functions that took most, without those they called; idle time is left out. */
  readonly functions: readonly {
    readonly name: string;
    readonly part: string;
    readonly us: number;
  }[];
}

/**
 * What a process did between two moments.
 *
 * @param fromUs and `toUs`: of `process.hrtime`, in microseconds
 */
export function spanOf(
  profile: CpuProfile,
  span: { readonly fromUs: number; readonly toUs: number },
  functionsMax: number,
): ProfileSpan {
  const selfUs = selfTimes(profile, span);
  const places = placesOf(profile);
  const byPart: Record<string, number> = {};
  const byFunction = new Map<string, { name: string; part: string; us: number }>();
  let spanUs = 0;
  for (const [id, us] of selfUs) {
    const place = places.get(id) ?? { part: otherPart, name: '(unknown)' };
    spanUs += us;
    byPart[place.part] = (byPart[place.part] ?? 0) + us;
    if (place.part === idlePart) continue;
    const known = byFunction.get(place.name);
    if (known === undefined) byFunction.set(place.name, { ...place, us });
    else known.us += us;
  }
  const functions = [...byFunction.values()].sort((a, b) => b.us - a.us).slice(0, functionsMax);
  return { spanUs, parts: byPart, functions };
}

/** A sample stands for the time until the next one. */
function selfTimes(
  { samples, timeDeltas, startTime, endTime }: CpuProfile,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Map<number, number> {
  const selfUs = new Map<number, number>();
  let atUs = startTime;
  for (const [index, id] of samples.entries()) {
    atUs += timeDeltas[index] ?? 0;
    const nextDelta = timeDeltas[index + 1];
    const untilUs = nextDelta === undefined ? endTime : atUs + nextDelta;
    const us = Math.min(untilUs, toUs) - Math.max(atUs, fromUs);
    if (us > 0) selfUs.set(id, (selfUs.get(id) ?? 0) + us);
  }
  return selfUs;
}

interface Place {
  readonly part: string;
  readonly name: string;
}

/** Code of the machine itself (`writev`, `copy`) has no address: it is charged to the part that called it. */
function placesOf(profile: CpuProfile): Map<number, Place> {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const places = new Map<number, Place>();
  const visit = (id: number, callerPart: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const { functionName, url, lineNumber } = node.callFrame;
    const own = url === '' ? ownParts[functionName] : undefined;
    const part = own ?? (url === '' ? callerPart : partOf(url));
    const file = url === '' ? 'native' : `${url.split('/').at(-1)}:${lineNumber + 1}`;
    const name = own === undefined ? `${functionName || '(anonymous)'} ${file}` : functionName;
    places.set(id, { part, name });
    for (const child of node.children ?? []) visit(child, own === undefined ? part : otherPart);
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root.id, otherPart);
  return places;
}

function partOf(url: string): string {
  return parts.find(([, pattern]) => pattern.test(url))?.[0] ?? otherPart;
}
