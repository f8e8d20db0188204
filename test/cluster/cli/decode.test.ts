import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { encodeReply, encodeRequest } from '../../../protocols/frames/frame.ts';
import {
  patternBytes,
  sampleOutcomes,
  sampleReply,
  sampleRequest,
} from '../../protocols/frames/samples.ts';
import { runSanctor, sanctorProgram } from '../../tools/sanctor.ts';

const endlessBytes = 256 * 1024 * 1024;
/** For so long nothing is taken: it waits for its reader. */
const stillMs = 2000;

const write = encodeRequest(sampleRequest, [patternBytes(4096)]);
const reply = encodeReply(sampleReply, [patternBytes(1024)]);

/** What `nats sub --dump=-` prints for messages on these subjects. */
function dump(messages: readonly (readonly [string, Uint8Array | string])[]): string {
  return messages
    .map(([Subject, data]) => {
      const Data = Buffer.from(data).toString('base64');
      return `${JSON.stringify({ Subject, Reply: 'san.v1.c.rpl.hba.h1-a.7', Header: {}, Data })}\0`;
    })
    .join('');
}

const traffic = dump([
  ['san.v1.c.io.switch.s1.h1-a-s1', write],
  ['san.v1.c.rpl.hba.h1-a.7', reply],
  ['san.v1.c.evt.switch.s1.hello', '{"state":"forwarding"}'],
  ['san.v1.c.io.disk.d1.s1-d1', '\u0007nonsense'],
]);

describe('sanctor decode', function () {
  this.timeout(30_000);

  it('prints a line for each message: where to, what, and how the data is', async () => {
    const { code, output, errors } = await runSanctor(['decode'], traffic);
    expect(code, errors).to.equal(0);
    const lines = output.trimEnd().split('\n');
    expect(lines).to.have.length(4);
    expect(lines[0]).to.match(
      /^io {2}switch s1 over h1-a-s1 +request {2}write {2}vol0 .*checksums good$/,
    );
    expect(lines[1]).to.match(/^rpl hba h1-a slot 7 +reply {2}read {2}vol0 .* ok /);
    expect(lines[2]).to.match(/^san\.v1\.c\.evt\.switch\.s1\.hello +\{"state":"forwarding"\}$/);
    expect(lines[3]).to.contain('no frame and no JSON: its header').and.to.contain('(9 bytes, 07');
  });

  it('prints the same as JSON, one object a line', async () => {
    const { output } = await runSanctor(['decode', '--json'], traffic);
    const [first, second, third, fourth] = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).to.deep.include({
      subject: 'san.v1.c.io.switch.s1.h1-a-s1',
      replySubject: 'san.v1.c.rpl.hba.h1-a.7',
      frame: 'request',
      operation: 'write',
      partitionEpoch: 128,
      data: { lengthBytes: 4096, badPiece: null },
    });
    expect(second).to.include({ frame: 'reply', status: 'ok', disk: 'd1' });
    expect(third.json).to.deep.equal({ state: 'forwarding' });
    expect(fourth).to.include({ lengthBytes: 9 });
    expect(fourth.problem).to.match(/^its header/);
  });

  it('decodes a single raw frame, and says what is wrong with what is none', async () => {
    const fenced = sampleOutcomes.find(({ status }) => status === 5) ?? sampleReply.outcome;
    const frame = encodeReply({ ...sampleReply, outcome: fenced });
    const { code, output } = await runSanctor(['decode', '--raw'], frame);
    expect(code).to.equal(0);
    expect(output).to.match(/^reply {2}read .* fenced {2}attachEpoch is 17 now .*no data\n$/);
    const cut = await runSanctor(['decode', '--raw'], frame.subarray(0, 20));
    expect(cut.code).to.equal(0);
    expect(cut.output).to.match(/^no frame and no JSON: its header is cut/);
    const nothing = await runSanctor(['decode', '--raw', '--json'], '');
    expect(JSON.parse(nothing.output)).to.have.property('problem').that.contains('too few');
  });

  it('says of input that is no dump what it expects, and ends well', async () => {
    const { code, output } = await runSanctor(['decode'], 'hello\0\0{"Subject":5}\0');
    expect(code).to.equal(0);
    expect(output.trimEnd().split('\n')).to.have.length(3);
    expect(output).to.contain('unreadable: not JSON; expected is what `nats sub --dump=-` prints');
  });

  it('lets no control character through to the terminal', async () => {
    const outcome = { status: 12, detail: { what: '\u001b[2Jgone\nnext' } } as const;
    const evil = dump([
      ['san\u001b[2J.x', encodeReply({ ...sampleReply, outcome })],
      ['a', '{"text":"\\u009b2J"}'],
    ]);
    const { output } = await runSanctor(['decode'], evil);
    expect(output.trimEnd().split('\n')).to.have.length(2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(output.replaceAll('\n', '')).to.not.match(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it('reads no faster than it is read, and ends when nobody reads any more', async () => {
    const child = spawn(process.execPath, [sanctorProgram, 'decode'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    child.stdin.on('error', () => {});
    const piece = traffic.repeat(20);
    let isTaken = true;
    let writtenBytes = 0;
    // Nobody reads: after what the pipes and the program hold, nothing more is taken.
    while (isTaken && writtenBytes < endlessBytes) {
      writtenBytes += piece.length;
      if (!child.stdin.write(piece))
        isTaken = await Promise.race([
          once(child.stdin, 'drain').then(() => true),
          delay(stillMs).then(() => false),
        ]);
    }
    expect(writtenBytes).to.be.below(endlessBytes);
    child.stdout.destroy();
    expect(await ended).to.deep.equal([0, null]);
  });
});
