/**
 * Mocha's usual report, and behind it one line that a machine reads: `N passed, N failed`, from mocha's own counts.
 * A run that breaks off prints no such line.
 */
import Mocha from 'mocha';

class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats;
      process.stdout.write(`${passes} passed, ${failures} failed\n`);
    });
  }
}

// biome-ignore lint/style/noDefaultExport: mocha takes a module's default export as the reporter
export { SummaryReporter as default };
