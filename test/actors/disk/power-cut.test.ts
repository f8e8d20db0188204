import { liveThroughCuts } from './power-cut-workload.ts';

describe('a disk that loses its power', () => {
  it('holds each block as a whole, old or new, and everything that was flushed', function () {
    this.timeout(120_000);
    const lives = Number(process.env.SANCTOR_POWER_CUT_LIVES ?? 30);
    for (let life = 0; life < lives; life++) liveThroughCuts(`power cut ${life}`, 12);
  });
});
