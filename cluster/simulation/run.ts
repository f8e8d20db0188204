/**
 * One run of the simulation from one seed: start, load under faults, liveness, and the verdict of all checkers. The
 * first thing that must not happen ends it.
 */
import { Conditions } from './conditions.ts';
import { Consumers } from './consumers.ts';
import { FaultSchedule, faultText, healEverything, type StruckFault } from './fault-schedule.ts';
import { type JudgedSectors, whyNoVerdict } from './history-verdict.ts';
import { underWayIn } from './leaks.ts';
import { LoneFaults } from './lone-faults.ts';
import { loseOneHba } from './lost-ways.ts';
import { mirrorProblems } from './mirror-check.ts';
import { OpenIos, openMsMax } from './open-ios.ts';
import { Operator } from './operator.ts';
import type { RunOptions } from './run-options.ts';
import type { RunReport } from './run-report.ts';
import { RunVerdict } from './run-verdict.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { SoundWays } from './sound-ways.ts';
import type { FaultTargets } from './strike.ts';
import { stackOf, tracedLog } from './trace.ts';
import { unequalText } from './unequal-mirrors.ts';
import { World } from './world.ts';

/** How soon everything must serve, from the start and after the last fault. */
const healthyWithinMs = 20_000;
/** What was healed at the last moment is heard of within this: until then everything may look well that is not. */
const newsMs = 1500;
/** Nothing is under way for longer while all is well. */
const wellWithinMs = 300;
const readBackWithinMs = 30_000;
const scrubWithinMs = 30_000;
/** What nobody waits for has ended this soon after the last request: repairs, probes, cleanings. */
const quietWithinMs = 10_000;
const stopWithinMs = 20_000;
/** How often the checks that need no event are made. */
const stepMs = 25;

export class Run {
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #consumers: Consumers;
  readonly #openIos: OpenIos;
  readonly #ways: SoundWays;
  #judged: JudgedSectors = { sectors: 0, unclear: 0 };
  readonly #operator: Operator;
  readonly #targets: FaultTargets;
  readonly #schedule: FaultSchedule | LoneFaults;
  readonly #verdict = new RunVerdict();
  readonly #faults: StruckFault[] = [];
  #startListeners: { readonly node: SimulatedNode; readonly listener: () => void }[] = [];
  /** Some faults strike in two steps: none of them does after the load has ended. */
  #underFaults = false;

  constructor(options: RunOptions) {
    this.#options = options;
    const { seed, topology, traceLine } = options;
    this.#world = new World({
      seed,
      topology,
      traceLine,
      openIos: () => this.#consumers.open,
      onStarted: (node) => this.#started(node),
      onComplaint: (what) => this.#verdict.fail('crashed', what),
      onAccused: (what) => this.#verdict.fail('wrong', what),
      onDecided: (record) => this.#consumers.decided(record),
      onPublished: (subject, data) => this.#consumers.told(subject, data),
    });
    const world = this.#world;
    this.#ways = new SoundWays(world);
    this.#consumers = new Consumers(topology, world.clock, world.random.fork('consumers'), {
      onMedia: (read) => {
        const problem = world.damage.problemOf(read, world);
        if (problem !== null) this.#verdict.fail('wrong', problem);
      },
      hadWays: (host, volume, forMs) => this.#ways.hadAll(host, volume, forMs),
    });
    this.#openIos = new OpenIos(world, this.#consumers, options.alone === true);
    this.#operator = new Operator({
      topology,
      clock: world.clock,
      network: world.network,
      log: tracedLog(world.trace, 'operator', (what) => this.#verdict.fail('crashed', what)),
      onWrong: (what) => this.#verdict.fail('wrong', what),
    });
    this.#targets = {
      world,
      conditions: new Conditions(world),
      operator: this.#operator,
      openIos: () => this.#consumers.open,
      later: (afterMs, step) =>
        world.clock.setTimeout(() => {
          if (this.#underFaults) step();
        }, afterMs),
      onNextRequest: (listener) => this.#consumers.onNextRequest(listener),
      onNextStart: (node, listener) => this.#startListeners.push({ node, listener }),
      crash: (node, awayMs) => this.#crash(node, awayMs),
      restart: (node) => this.#restart(node),
      handOver: (chance, flushed) => this.#consumers.handOver(chance, flushed),
      contend: (host, chance, forMs) => this.#consumers.contend(host, chance, forMs),
      powerCut: (downMs) => this.#powerCut(downMs),
    };
    const schedule = {
      targets: this.#targets,
      random: world.random.fork('faults'),
      onlyFaults: options.onlyFaults,
      struck: (fault: StruckFault) => {
        this.#faults.push(fault);
        world.trace.note(faultText(fault));
        world.coverage.fault(fault.name, fault.openIos);
      },
    };
    const isWell = () =>
      this.#isHealthy &&
      world.isDecided &&
      world.clock.now() - this.#consumers.openSinceMs < wellWithinMs;
    this.#schedule =
      options.alone === true
        ? new LoneFaults({ ...schedule, isWell })
        : new FaultSchedule(schedule);
  }

  /** Runs to the end. Never throws: an exception is a verdict. */
  run(): RunReport {
    try {
      this.#phases();
    } catch (error) {
      this.#verdict.fail('crashed', stackOf(error));
    }
    if (this.#verdict.verdict === 'stuck') this.#judgeStuck();
    const world = this.#world;
    const { verdict, problems } = this.#verdict;
    world.trace.note(`verdict ${verdict} ${problems.join(' | ')}`);
    return {
      seed: this.#options.seed,
      minutes: this.#options.minutes,
      verdict,
      problems,
      virtualMs: world.clock.now(),
      hosts: this.#options.topology.hosts.length,
      ios: this.#consumers.counts,
      judged: this.#judged,
      faults: this.#faults,
      coverage: world.coverage.counts,
    };
  }

  #phases(): void {
    this.#world.format();
    this.#world.powerOn();
    this.#becomeHealthy('after the start');
    this.#load();
    this.#calmDown();
    this.#readBack();
    this.#scrub();
    this.#endQuietly();
    this.#judge();
  }

  #load(): void {
    if (this.#verdict.hasFailed) return;
    // A cluster older than its database's sync interval: losing its very creation is beyond what it can mend.
    this.#world.database.sync();
    this.#consumers.start();
    this.#schedule.start();
    this.#underFaults = true;
    this.#runFor(this.#options.minutes * 60_000, () => false);
    this.#underFaults = false;
    this.#schedule.stop();
    healEverything(this.#targets);
  }

  /** Faults have stopped: everything must serve again, and every request must end. */
  #calmDown(): void {
    this.#runFor(newsMs, () => false);
    this.#becomeHealthy('after the last fault');
    this.#consumers.stop();
    const limitMs = openMsMax(this.#options.topology);
    const ended = this.#runFor(limitMs, () => this.#consumers.open === 0);
    if (!ended) this.#verdict.fail('stuck', `${this.#consumers.open} I/Os never ended`);
    this.#operator.look();
    // What a fault had delayed beyond its deadline may have cost an attachment just now.
    this.#becomeHealthy('after the last I/O');
  }

  get #isHealthy(): boolean {
    const isServed = this.#consumers.isServed && this.#operator.isIdle;
    return this.#world.isWhole && isServed && unequalText(this.#world) === '';
  }

  #becomeHealthy(when: string): void {
    if (this.#verdict.hasFailed) return;
    if (this.#runFor(healthyWithinMs, () => this.#isHealthy)) return;
    const missing = this.#world.nodes.filter((node) => !node.isRunning).map(({ node }) => node.id);
    const nodesText = missing.length === 0 ? '' : `; not running: ${missing.join(', ')}`;
    const operatorText = this.#operator.isIdle ? '' : '; the operator waits';
    const unequal = unequalText(this.#world);
    const mirrorsText = unequal === '' ? '' : `; ${unequal}`;
    this.#verdict.fail(
      'stuck',
      `not healthy ${healthyWithinMs} ms ${when}: ${this.#consumers.unservedText}${nodesText}${operatorText}${mirrorsText}`,
    );
  }

  #readBack(): void {
    if (this.#verdict.hasFailed) return;
    let problems: readonly string[] | null = null;
    const flushed = () => loseOneHba(this.#world);
    this.#consumers.readBack(flushed, (found) => (problems = found));
    if (!this.#runFor(readBackWithinMs, () => problems !== null))
      this.#verdict.fail('stuck', `the read-back did not end within ${readBackWithinMs} ms`);
    for (const problem of problems ?? []) this.#verdict.fail('stuck', problem);
  }

  /** What nobody has read since it rotted is found, and made good wherever a mirror has it. */
  #scrub(): void {
    if (this.#verdict.hasFailed) return;
    let isOver = false;
    this.#operator.scrubAll(() => {
      isOver = true;
    });
    if (!this.#runFor(scrubWithinMs, () => isOver))
      this.#verdict.fail('stuck', `the last scrubs did not end within ${scrubWithinMs} ms`);
  }

  /** Nothing is asked for any more: nothing may be left that was begun for it. */
  #endQuietly(): void {
    if (this.#runFor(quietWithinMs, () => underWayIn(this.#world).length === 0)) return;
    for (const what of underWayIn(this.#world))
      this.#verdict.fail('stuck', `${what} ${quietWithinMs} ms after all requests have ended`);
  }

  /** Everything has been served: what was seen must fit together, and the mirrors must be equal. */
  #judge(): void {
    if (this.#verdict.hasFailed) return;
    const { violations, judged } = this.#consumers.judge();
    this.#judged = judged;
    for (const violation of violations) this.#verdict.fail('wrong', violation);
    const doubt = whyNoVerdict(judged);
    if (doubt !== null) this.#verdict.fail('wrong', doubt);
    if (this.#verdict.hasFailed) return;
    this.#operator.stop();
    let stopped = false;
    this.#world.stop(() => {
      stopped = true;
    });
    if (!this.#runFor(stopWithinMs, () => stopped))
      this.#verdict.fail('stuck', `the nodes did not stop within ${stopWithinMs} ms`);
    if (this.#verdict.hasFailed) return;
    for (const problem of mirrorProblems(this.#world)) this.#verdict.fail('wrong', problem);
  }

  /** Whoever meets a wrong result may refuse to go on: what consumers saw tells that from being stuck. */
  #judgeStuck(): void {
    const [violation] = this.#consumers.judge().violations;
    if (violation !== undefined) this.#verdict.explain(violation);
  }

  /** Runs until `isOver`, a failure, or the time is up. @returns whether it was over */
  #runFor(durationMs: number, isOver: () => boolean): boolean {
    const { clock } = this.#world;
    const endMs = clock.now() + durationMs;
    while (!this.#verdict.hasFailed) {
      if (isOver()) return true;
      if (clock.now() >= endMs) return false;
      clock.runFor(Math.min(stepMs, endMs - clock.now()));
      this.#ways.look();
      const problem = this.#openIos.problem();
      if (problem !== null) this.#verdict.fail(problem.verdict, problem.what);
    }
    return true;
  }

  #started(node: SimulatedNode): void {
    this.#consumers.nodeStarted(node);
    const told = this.#startListeners.filter((each) => each.node === node);
    this.#startListeners = this.#startListeners.filter((each) => each.node !== node);
    for (const { listener } of told) listener();
  }

  #crash(node: SimulatedNode, awayMs?: number): void {
    this.#world.crash(node, awayMs);
    this.#consumers.nodeDied(node);
  }

  #restart(node: SimulatedNode): void {
    this.#world.restart(node, () => {
      this.#world.trace.note(`process ${node.node.id} ended in good order`);
      this.#consumers.nodeDied(node);
    });
  }

  #powerCut(downMs: number): void {
    if (!this.#world.hasPower || !this.#underFaults) return;
    this.#world.powerCut();
    this.#consumers.powerCut();
    this.#world.clock.setTimeout(() => this.#world.powerOn(), downMs);
  }
}
