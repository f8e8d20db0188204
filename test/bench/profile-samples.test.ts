import { expect } from 'chai';
import { type CpuProfile, readProfile, spanOf } from './profile-samples.ts';

function frame(functionName: string, url = '') {
  return { functionName, url, lineNumber: 4 };
}

/** Samples 1 ms apart from second 1 on: idle, a codec function, what it calls of the machine, garbage, a stranger. */
const profile: CpuProfile = readProfile(
  JSON.stringify({
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3, 5, 6] },
      { id: 2, callFrame: frame('(idle)') },
      {
        id: 3,
        callFrame: frame('decode', 'file:///x/dist/protocols/frames/frame.js'),
        children: [4],
      },
      { id: 4, callFrame: frame('copy') },
      { id: 5, callFrame: frame('(garbage collector)') },
      { id: 6, callFrame: frame('odd', 'file:///x/elsewhere.js') },
    ],
    startTime: 1_000_000,
    endTime: 1_006_000,
    samples: [2, 3, 4, 4, 5, 6],
    timeDeltas: [0, 1000, 1000, 1000, 1000, 1000],
  }),
);

describe('profiles of processes', () => {
  it('charge time to the part of the system whose function spent it, and native code to its caller', () => {
    const { spanUs, parts } = spanOf(profile, { fromUs: 0, toUs: 2_000_000 }, 10);
    expect(spanUs).to.equal(6000);
    expect(parts).to.deep.equal({ idle: 1000, codec: 3000, GC: 1000, other: 1000 });
  });

  it('name the functions that took most, without idle time', () => {
    const { functions } = spanOf(profile, { fromUs: 0, toUs: 2_000_000 }, 2);
    expect(functions).to.deep.equal([
      { name: 'copy native', part: 'codec', us: 2000 },
      { name: 'decode frame.js:5', part: 'codec', us: 1000 },
    ]);
  });

  it('count only the span asked for, and samples that begin or end in it in part', () => {
    const { spanUs, parts } = spanOf(profile, { fromUs: 1_001_500, toUs: 1_002_250 }, 10);
    expect(spanUs).to.equal(750);
    expect(parts).to.deep.equal({ codec: 750 });
  });
});
