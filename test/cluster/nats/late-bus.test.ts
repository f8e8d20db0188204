import { expect } from 'chai';
import { LateBus } from '../../../cluster/nats/late-bus.ts';
import type { Bus, BusState } from '../../../protocols/ports.ts';
import { HeldBus } from '../../actors/switch/held-bus.ts';

const bytes = new Uint8Array([1]);

describe('a connection that comes about later', () => {
  function late() {
    let connect: (bus: Bus) => void = () => {};
    let fail: (error: unknown) => void = () => {};
    const failures: unknown[] = [];
    const connecting = new Promise<Bus>((resolve, reject) => {
      connect = resolve;
      fail = reject;
    });
    const bus = new LateBus(connecting, (error) => failures.push(error));
    const settled = () => connecting.then(undefined, () => {}).then(() => {});
    return { bus, failures, settled, connect: (inner: Bus) => connect(inner), fail: () => fail(1) };
  }

  it('sends nothing before, and says so', () => {
    const { bus } = late();
    expect(bus.state).to.equal('disconnected');
    expect(bus.publish('a.b', bytes)).to.equal('disconnected');
  });

  it('then hears what was subscribed to before, but not what was cancelled, and sends', async () => {
    const { bus, connect, settled } = late();
    const inner = new HeldBus();
    const heard: string[] = [];
    const states: BusState[] = [];
    const listen = (subject: string) =>
      bus.subscribe(subject, { message: (_, on) => heard.push(on) });
    bus.onState((state) => states.push(state));
    const cancelKept = listen('a.kept');
    listen('a.gone')();
    connect(inner);
    await settled();
    for (const subject of ['a.kept', 'a.gone']) inner.deliver(subject, bytes);
    expect(bus.publish('a.b', bytes)).to.equal('sent');
    inner.become('disconnected');
    expect(states).to.deep.equal(['connected', 'disconnected']);
    cancelKept();
    inner.deliver('a.kept', bytes);
    expect(heard).to.deep.equal(['a.kept']);
  });

  it('that was closed meanwhile is ended when it comes about', async () => {
    const { bus, connect, settled } = late();
    const inner = new HeldBus();
    let ended = false;
    inner.close = () => {
      ended = true;
    };
    await new Promise<void>((resolve) => bus.close(resolve));
    connect(inner);
    await settled();
    expect([bus.state, ended]).to.deep.equal(['closed', true]);
  });

  it('tells when it never will', async () => {
    const { bus, failures, fail, settled } = late();
    fail();
    await settled();
    expect([bus.state, failures]).to.deep.equal(['disconnected', [1]]);
  });
});
