import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connectNatsBus, NatsUnreachable } from '../../../cluster/nats/bus.ts';
import { type RunningNatsServer, startNatsServer } from '../../../cluster/nats/server.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { describeBusContract } from '../../ports/bus-contract.ts';
import type { BusWorld } from '../../ports/bus-world.ts';
import { until } from '../../tools/until.ts';
import { type CuttableLink, openCuttableLink } from './cuttable-link.ts';

interface CountingLog extends Log {
  errors: number;
}

function newCountingLog(): CountingLog {
  const ignore = () => {};
  const log: CountingLog = {
    errors: 0,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: () => {
      log.errors += 1;
    },
  };
  return log;
}

async function closeAll(buses: readonly Bus[]): Promise<void> {
  await Promise.all(buses.map((bus) => new Promise<void>((resolve) => bus.close(resolve))));
}

/** A client written by hand that subscribes and then never reads again. */
function openStoppedReader(port: number, subject: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1');
    let said = '';
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      said += data.toString('latin1');
      if (!said.includes('PONG')) return;
      socket.pause();
      resolve(socket);
    });
    socket.write(`CONNECT {"verbose":false}\r\nSUB ${subject} 1\r\nPING\r\n`);
  });
}

async function openWorld(server: RunningNatsServer): Promise<BusWorld> {
  const links = new Map<Bus, CuttableLink>();
  const readers: Socket[] = [];
  const log = newCountingLog();
  return {
    async connect(name) {
      const link = await openCuttableLink(server.port);
      const bus = await connectNatsBus({ servers: link.url, name, log, waitForServer: false });
      links.set(bus, link);
      return bus;
    },
    cut: (bus) => links.get(bus)?.cut(),
    mend: (bus) => links.get(bus)?.mend(),
    stoppedReader: async (subject) => {
      readers.push(await openStoppedReader(server.port, subject));
    },
    now: () => performance.now(),
    errorCount: () => log.errors,
    until,
    nextMacrotask: () => new Promise((resolve) => setImmediate(resolve)),
    close: async () => {
      await closeAll([...links.keys()]);
      for (const link of links.values()) link.close();
      for (const reader of readers) reader.destroy();
    },
  };
}

describe('NATS', function () {
  this.timeout(30_000);
  let folder = '';
  let server: RunningNatsServer;
  const startServer = async (port?: number): Promise<void> => {
    const options = { dataDir: folder, jetstream: false };
    server = await startNatsServer(port === undefined ? options : { ...options, port });
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sanctor-bus-'));
    await startServer();
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  describeBusContract('NATS', () => openWorld(server));

  describe('NATS bus', () => {
    const log = newCountingLog();
    const connect = (name: string): Promise<Bus> =>
      connectNatsBus({ servers: server.url, name, log, waitForServer: false });

    it('says at once, and what to do, when no server answers and it was not told to wait', async () => {
      const link = await openCuttableLink(server.port);
      link.close();
      const options = { servers: link.url, name: 'n', log, waitForServer: false };
      const error: unknown = await connectNatsBus(options).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(NatsUnreachable);
      expect(String(error)).to.include(link.url).and.include('--nats');
    });

    it('waits for a server that is not up yet when told to', async () => {
      const link = await openCuttableLink(server.port);
      link.cut();
      const options = { servers: link.url, name: 'n', log, waitForServer: true };
      let bus: Bus | null = null;
      const connecting = connectNatsBus(options).then((connected) => {
        bus = connected;
        return connected;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(bus).to.equal(null);
      link.mend();
      await closeAll([await connecting]);
      link.close();
    });

    it('comes back when the server was killed and started again on its port', async () => {
      const bus = await connect('n');
      const states: string[] = [];
      bus.onState((state) => states.push(state));
      let heard = 0;
      bus.subscribe('again', {
        message: () => {
          heard += 1;
        },
      });
      const { port } = server;
      server.kill();
      await server.exited;
      await until(() => bus.state === 'disconnected', 'the disconnect');
      await startServer(port);
      await until(() => bus.state === 'connected', 'the reconnect');
      bus.publish('again', new Uint8Array(1));
      await until(() => heard === 1, 'a message');
      expect(states).to.deep.equal(['disconnected', 'connected']);
      await closeAll([bus]);
    });

    it('gives up a connection that is silent, even with a full socket, and makes another', async () => {
      const link = await openCuttableLink(server.port);
      const bus = await connectNatsBus({ servers: link.url, name: 'n', log, waitForServer: false });
      const states: string[] = [];
      bus.onState((state) => states.push(state));
      let heard = 0;
      bus.subscribe('still.here', {
        message: () => {
          heard += 1;
        },
      });
      link.block();
      const piece = new Uint8Array(512 * 1024);
      for (let count = 0; count < 40; count++) bus.publish('nobody', piece);
      await until(() => states.length === 2, 'the disconnect and the reconnect', 15_000);
      expect(states).to.deep.equal(['disconnected', 'connected']);
      bus.publish('still.here', new Uint8Array(1));
      await until(() => heard === 1, 'a message');
      await closeAll([bus]);
      link.close();
    });
  });
});
