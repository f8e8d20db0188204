import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { catalogueOf } from '../../../cluster/nbd/exports.ts';
import { type ListenAt, NbdServer, nbdUri } from '../../../cluster/nbd/server.ts';
import type { Log } from '../../../protocols/ports.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { fetchTimeoutMs, toolFor } from '../../tools/fetch-tool.ts';
import { runTool, runToolWell } from '../../tools/run-tool.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { MemoryVolume } from './memory-volume.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const sizeBytes = 32 * mebibyte;

const nbdinfoSchema = z.object({
  exports: z.array(
    z.looseObject({
      'export-name': z.string(),
      'export-size': z.number(),
      contexts: z.array(z.string()),
      is_read_only: z.boolean(),
      can_flush: z.boolean(),
      can_fua: z.boolean(),
      can_multi_conn: z.boolean(),
      can_trim: z.boolean(),
      can_zero: z.boolean(),
      can_df: z.boolean(),
      can_cache: z.boolean(),
      block_size_minimum: z.number(),
      block_size_maximum: z.number(),
    }),
  ),
});

describe('real NBD clients', function () {
  this.timeout(fetchTimeoutMs);
  const folder = temporaryFolder();
  let server: NbdServer;
  let volume: MemoryVolume;

  async function serve(transport: 'TCP' | 'unix', readOnly = false): Promise<string> {
    volume = new MemoryVolume({ name: 'vol0', sizeBytes, readOnly });
    const catalogue = catalogueOf(new Map([['vol0', volume]]));
    server = new NbdServer({ catalogue, log: silent });
    const wanted: ListenAt = transport === 'TCP' ? { port: 0 } : { path: join(folder(), 'nbd') };
    const at = await new Promise<ListenAt>((resolve, reject) => {
      server.listen(wanted, (result) => {
        if (result.outcome === 'listening') resolve(result.at);
        else reject(new Error(result.reason));
      });
    });
    return nbdUri(at, 'vol0');
  }

  /** An image with data, a hole and an odd end. */
  async function image(): Promise<{ path: string; bytes: Buffer }> {
    const bytes = Buffer.alloc(sizeBytes);
    randomBytes(9 * mebibyte + 12_345).copy(bytes, mebibyte);
    randomBytes(777).copy(bytes, sizeBytes - 777);
    const path = join(folder(), 'image');
    await writeFile(path, bytes);
    return { path, bytes };
  }

  afterEach(() => new Promise<void>((resolve) => server.close(resolve)));

  it('nbdinfo sees size, abilities and allocation', async function () {
    const nbdinfo = await toolFor(this, 'nbdinfo');
    const uri = await serve('TCP');
    const listed = await runToolWell(nbdinfo, ['--list', '--json', uri]);
    const [seen] = nbdinfoSchema.parse(JSON.parse(listed)).exports;
    expect(seen).to.deep.include({
      'export-name': 'vol0',
      'export-size': sizeBytes,
      contexts: ['base:allocation'],
      is_read_only: false,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      can_df: true,
      can_cache: true,
      block_size_minimum: 512,
      block_size_maximum: volume.ioBytesMax,
    });
    const map = await runToolWell(nbdinfo, ['--map', uri]);
    expect(map.trim()).to.match(/^0\s+33554432\s+3\s+hole,zero$/);
    const unknown = await runTool(nbdinfo, [uri.replace('vol0', 'vol7')]);
    expect(unknown.code).to.not.equal(0);
  });

  for (const transport of ['TCP', 'unix'] as const) {
    it(`nbdcopy brings an image in and out unchanged, over ${transport}`, async function () {
      const nbdcopy = await toolFor(this, 'nbdcopy');
      const uri = await serve(transport);
      const { path, bytes } = await image();
      await runToolWell(nbdcopy, [path, uri]);
      expect(Buffer.compare(volume.bytes, bytes)).to.equal(0);
      const copy = join(folder(), 'copy');
      await runToolWell(nbdcopy, [uri, copy]);
      expect(Buffer.compare(await readFile(copy), bytes)).to.equal(0);
    });

    it(`qemu-img converts and compares, over ${transport}`, async function () {
      const qemuImg = await toolFor(this, 'qemu-img');
      const uri = await serve(transport);
      const { path } = await image();
      await runToolWell(qemuImg, ['convert', '-n', '-f', 'raw', '-O', 'raw', path, uri]);
      const same = await runToolWell(qemuImg, ['compare', '-f', 'raw', '-F', 'raw', path, uri]);
      expect(same).to.contain('identical');
      volume.bytes[mebibyte] = (volume.bytes[mebibyte] ?? 0) ^ 1;
      const differing = await runTool(qemuImg, ['compare', '-f', 'raw', '-F', 'raw', path, uri]);
      expect(differing.code).to.equal(1);
    });

    it(`fio verifies what it wrote, over ${transport}`, async function () {
      const fio = await toolFor(this, 'fio');
      const uri = await serve(transport);
      for (const job of [
        ['--rw=randrw', '--bs=4k'],
        ['--rw=write', '--bs=128k'],
      ]) {
        const output = await runToolWell(fio, [
          ...['--name=job', '--ioengine=nbd', `--uri=${uri}`, '--iodepth=32', '--size=8m'],
          ...['--verify=crc32c', '--verify_fatal=1', '--do_verify=1', '--verify_state_save=0'],
          ...job,
        ]);
        expect(output).to.contain('err= 0');
      }
    });
  }

  it('qemu-io finds zeroes, discards, FUA and unaligned writes as they should be', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    const uri = await serve('unix');
    const commands = [
      'write -P 7 1000 300000',
      'read -P 7 1000 300000',
      'write -z -u 64k 64k',
      'read -P 0 64k 64k',
      'discard 128k 64k',
      'read -P 0 128k 64k',
      'write -f -P 9 5M 64k',
      'read -P 9 5M 64k',
      'flush',
    ];
    const output = await runToolWell(qemuIo, [
      ...['-f', 'raw'],
      ...commands.flatMap((command) => ['-c', command]),
      uri,
    ]);
    expect(output).to.not.match(/failed|error/i);
    expect(volume.bytes[5 * mebibyte]).to.equal(9);
  });

  it('a read-only volume is refused to writers and read by readers', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    const uri = await serve('TCP', true);
    const writing = await runTool(qemuIo, ['-f', 'raw', '-c', 'write 0 512', uri]);
    expect(writing.code).to.not.equal(0);
    await runToolWell(qemuIo, ['-r', '-f', 'raw', '-c', 'read -P 0 0 4096', uri]);
    expect(volume.begun).to.be.at.least(1);
    expect(volume.bytes.every((byte) => byte === 0)).to.equal(true);
  });
});
