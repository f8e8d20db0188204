/** A link to a TCP server that a test can cut, mend and block: forwards bytes both ways on a port of its own. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttableLink {
  readonly url: string;
  /** Ends what is connected and refuses what comes. */
  cut(): void;
  mend(): void;
  /** Nothing gets through what is connected now, and nobody is told. New connections work. */
  block(): void;
  close(): void;
}

export async function openCuttableLink(serverPort: number): Promise<CuttableLink> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const listener = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const server = keep(connect(serverPort, '127.0.0.1'));
    keep(client);
    client.pipe(server).pipe(client);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      isCut = false;
    },
    block: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      cut();
      listener.close();
    },
  };
}
