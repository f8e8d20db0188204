import { expect } from 'chai';
import {
  type Dumped,
  dumpedMessageBytesMax,
  readDump,
} from '../../../cluster/nats/message-dump.ts';

const nul = Buffer.from([0]);

function dumpOf(message: object): Buffer {
  return Buffer.concat([Buffer.from(JSON.stringify(message)), nul]);
}

async function* cut(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function all(input: AsyncIterable<Uint8Array>): Promise<readonly Dumped[]> {
  const found: Dumped[] = [];
  for await (const each of readDump(input)) found.push(each);
  return found;
}

const first = { Subject: 'a.b', Reply: 'c', Header: null, Data: 'AQID' };
const second = { Subject: 'd', Data: null };

describe('a dump of messages', () => {
  it('gives each message, wherever the stream is cut', async () => {
    const bytes = Buffer.concat([dumpOf(first), dumpOf(second)]);
    for (const pieceBytes of [1, 7, bytes.length]) {
      const found = await all(cut(bytes, pieceBytes));
      expect(found).to.have.length(2);
      expect(found[0]).to.deep.equal({
        ok: true,
        message: { subject: 'a.b', replySubject: 'c', data: Buffer.from([1, 2, 3]) },
      });
      expect(found[1]).to.deep.include({ ok: true });
    }
  });

  it('may end without a NUL, or with an end of line behind it', async () => {
    const whole = dumpOf(first);
    expect(await all(cut(whole.subarray(0, -1), 64))).to.have.length(1);
    expect(await all(cut(Buffer.concat([whole, Buffer.from('\n')]), 64))).to.have.length(1);
    expect(await all(cut(Buffer.alloc(0), 64))).to.have.length(0);
  });

  const garbage: readonly (readonly [string, Buffer, RegExp])[] = [
    ['no JSON', Buffer.from('ouch\0'), /^not JSON; expected is what `nats sub --dump=-` prints/],
    ['JSON of something else', dumpOf({ subject: 'a' }), /^not a dumped message: Subject/],
    ['data that is no base64', dumpOf({ Subject: 'a', Data: '!' }), /^not a dumped message: Data/],
  ];
  for (const [what, bytes, problem] of garbage)
    it(`with ${what} goes on with the next message`, async () => {
      const [bad, good] = await all(cut(Buffer.concat([bytes, dumpOf(first)]), 5));
      expect(bad?.ok === false && bad.problem).to.match(problem);
      expect(good?.ok).to.equal(true);
    });

  it('skips a message that is too long, in bounded memory, and goes on with the next', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    const pieces = (64 * dumpedMessageBytesMax) / piece.length;
    let grownBytes = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      const before = process.memoryUsage().arrayBuffers;
      for (let index = 0; index < pieces; index++) {
        yield piece;
        grownBytes = Math.max(grownBytes, process.memoryUsage().arrayBuffers - before);
      }
      yield nul;
      yield dumpOf(first);
    }
    const [long, next, ...others] = await all(endless());
    expect(long?.ok === false && long.problem).to.match(/^a message longer than \d+ bytes/);
    expect(next?.ok).to.equal(true);
    expect(others).to.deep.equal([]);
    expect(grownBytes).to.be.below(4 * dumpedMessageBytesMax);
  });
});
