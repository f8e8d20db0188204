/** Sessions that nobody would write by hand: whatever a client sends, it harms only itself, and nothing is leaked. */
import { expect } from 'chai';
import fc from 'fast-check';
import { VolumeShares } from '../../../cluster/nbd/volume-shares.ts';
import { Status } from '../../../protocols/codes.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { encodeOption } from '../../../protocols/nbd/handshake.ts';
import * as options from '../../../protocols/nbd/options.ts';
import { bytesOf } from '../../protocols/nbd/bytes.ts';
import { MemoryVolume } from './memory-volume.ts';
import { SessionHarness } from './session-harness.ts';
import { type ClientRequest, encodeRequest } from './test-client.ts';

const sessionsPerProperty = 3000;
const sizeBytes = 65_536;
const limits = {
  requestsMax: 8,
  inFlightBytesMax: 16_384,
  readAheadBytesMax: 4096,
  skippedPayloadBytesMax: 65_536,
};

/** What can happen to a session: bytes from its client, or something from the other sides. */
type Step =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly which: number; readonly status: Status }
  | { readonly kind: 'unsent'; readonly bytes: number }
  | { readonly kind: 'turn' };

const request: fc.Arbitrary<ClientRequest> = fc
  .record({
    command: fc.oneof({ weight: 9, arbitrary: fc.nat(7) }, fc.nat(0xffff)),
    flags: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(0x3f), fc.nat(0xffff)),
    offset: fc.oneof(fc.nat(sizeBytes), fc.constantFrom(0, sizeBytes, 2 ** 32, 2 ** 53)),
    lengthBytes: fc.oneof(fc.nat(512), fc.constantFrom(0, 1, 4096, 8192), fc.nat(40_000)),
  })
  .map((fields) =>
    fields.command === nbd.NBD_CMD_WRITE
      ? { ...fields, payload: new Uint8Array(fields.lengthBytes).fill(fields.offset) }
      : fields,
  );

const requestBytes = request.map((fields) =>
  Buffer.concat([encodeRequest(fields, 1), fields.payload ?? new Uint8Array()]),
);

const exportName = fc.constantFrom('memory', '', 'nowhere', '\0', 'x'.repeat(5000));
const queries = fc.array(fc.constantFrom('base:allocation', 'base:', 'x', ''), { maxLength: 3 });
const optionData = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.uint8Array({ maxLength: 40 }),
  exportName.map(options.encodeString),
  fc
    .record({ exportName, information: fc.array(fc.nat(5), { maxLength: 4 }) })
    .map(options.encodeInfoRequest),
  fc.record({ exportName, queries }).map(options.encodeMetaContextRequest),
);
const option = fc.tuple(fc.nat(12), optionData).map(([type, data]) => encodeOption(type, data));
const goBytes = encodeOption(
  nbd.NBD_OPT_GO,
  options.encodeInfoRequest({ exportName: 'memory', information: [] }),
);

const garbage = fc.uint8Array({ maxLength: 64 });
const handshakeBytes = fc.oneof(
  fc.constantFrom<Uint8Array>(bytesOf('00000003'), bytesOf('00000000'), goBytes),
  { weight: 3, arbitrary: option },
  garbage,
);
const transmissionBytes = fc.oneof({ weight: 20, arbitrary: requestBytes }, garbage);

/** Bytes as they should be, and now and then with some of them broken or missing. */
function damaged(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const damage = fc.tuple(fc.nat(60), fc.nat(255), fc.nat(2));
  const rarely = fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, damage);
  return fc.tuple(bytes, rarely).map(([whole, how]) => {
    if (how === null) return whole;
    const [at, value, kind] = how;
    if (kind === 0) return whole.subarray(0, at);
    if (kind === 1) return whole.subarray(at);
    const changed = Uint8Array.from(whole);
    if (at < changed.length) changed[at] = value;
    return changed;
  });
}

const worldStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('end' as const),
    which: fc.nat(),
    status: fc.oneof(fc.constant(Status.ok), fc.constantFrom(...Object.values(Status))),
  }),
  fc.record({ kind: fc.constant('unsent' as const), bytes: fc.constantFrom(0, 2 ** 30) }),
  fc.constant({ kind: 'turn' as const }),
);
/** What happens to a session that has just begun, or is in transmission. */
const scripts = fc.boolean().chain((begun) => {
  const bytes = damaged(begun ? transmissionBytes : handshakeBytes);
  const sending = fc.record({ kind: fc.constant('bytes' as const), bytes });
  const step = fc.oneof({ weight: 3, arbitrary: sending }, worldStep);
  return fc.record({
    begun: fc.constant(begun),
    steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  });
});

function happen(step: Step, harness: SessionHarness, volume: MemoryVolume): void {
  switch (step.kind) {
    case 'bytes':
      harness.send(step.bytes);
      return;
    case 'end':
      if (volume.pending.length > 0) volume.end(step.which % volume.pending.length, step.status);
      harness.run();
      return;
    case 'unsent':
      harness.session.reportUnsent(step.bytes);
      harness.run();
      return;
    case 'turn':
      harness.passTurn();
      return;
  }
}

describe('NBD sessions that nobody would write by hand', () => {
  it('harm nobody and leak nothing, whatever bytes come in whatever pieces', async () => {
    const volume = new MemoryVolume({ sizeBytes, ending: 'held', ioBytesMax: 32_768 });
    const shares = new VolumeShares();
    const neighbour = new SessionHarness({ volume, shares });
    const client = neighbour.client();
    await client.go('memory', { structured: true });
    let reached = 0;
    let stamp = 0;
    await fc.assert(
      fc.asyncProperty(scripts, async ({ begun, steps }) => {
        const harness = new SessionHarness({ volume, shares, limits });
        if (begun) harness.send(Buffer.concat([bytesOf('00000003'), goBytes]));
        neighbour.passTurn();
        for (const step of steps) happen(step, harness, volume);
        if (volume.pending.length > 0) reached++;
        expect(harness.session.unfinished).to.be.at.most(limits.requestsMax);
        harness.session.connectionLost();
        volume.endAll();
        expect(harness.session.unfinished, 'requests leaked').to.equal(0);
        stamp = (stamp + 1) & 0xff;
        const written = client.write(1000, Uint8Array.of(stamp));
        volume.endAll();
        neighbour.run();
        expect((await written).error).to.equal(nbd.NBD_SUCCESS);
        const read = client.read(1000, 1);
        volume.endAll();
        neighbour.run();
        expect((await read).data[0], 'the neighbour was disturbed').to.equal(stamp);
      }),
      { numRuns: sessionsPerProperty },
    );
    expect(reached, 'sessions that got as far as the volume').to.be.above(sessionsPerProperty / 10);
  }).timeout(60_000);

  it('get exactly one answer to each request, in whatever pieces and order they come', async () => {
    const script = fc.array(fc.oneof({ weight: 3, arbitrary: request }, worldStep), {
      maxLength: 25,
    });
    const modes = fc.record({ structured: fc.boolean(), allocation: fc.boolean() });
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(modes, script, fc.nat(50), async (go, happenings, cut) => {
        const volume = new MemoryVolume({ sizeBytes, ending: 'held', ioBytesMax: 32_768 });
        const harness = new SessionHarness({ volume, limits });
        const client = harness.client();
        await client.go('memory', go);
        harness.run();
        harness.cutBytes = cut;
        const answers: Promise<unknown>[] = [];
        for (const step of happenings) {
          if ('kind' in step) happen(step, harness, volume);
          else if (step.command !== nbd.NBD_CMD_DISC) answers.push(client.request(step));
        }
        harness.session.reportUnsent(0);
        harness.run();
        while (volume.pending.length > 0) {
          volume.endAll();
          harness.run();
        }
        expect(client.unanswered).to.equal(0);
        answered += (await Promise.all(answers)).length;
        expect(harness.session.unfinished).to.equal(0);
        expect(harness.hungUp).to.equal(undefined);
      }),
      { numRuns: sessionsPerProperty },
    );
    expect(answered).to.be.above(sessionsPerProperty);
  }).timeout(60_000);
});
