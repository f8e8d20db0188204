import { expect } from 'chai';
import { type AnyStateMachine, createMachine } from 'xstate';
import { machines } from '../../../actors/machines.ts';
import { statesOf, transitionsOf } from '../../../cluster/statechart/machine-parts.ts';
import { mermaidOf } from '../../../cluster/statechart/mermaid.ts';
import { runSanctor } from '../../tools/sanctor.ts';

/** States, and what leads from where to where, without what only an implementation knows. */
function shapeOf(machine: AnyStateMachine): readonly string[] {
  return [machine.root, ...statesOf(machine)].flatMap((node) => [
    node.id,
    ...transitionsOf(node, machine).map(
      ({ targets, label }) =>
        `${label.replace(/ \(\d+ ms\)/, '')} > ${targets.map(({ id }) => id)}`,
    ),
  ]);
}

describe('sanctor statechart', function () {
  this.timeout(60_000);

  it('lists the machines, one a line, with what each decides', async () => {
    const { code, output } = await runSanctor(['statechart']);
    expect(code).to.equal(0);
    const lines = output.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).to.deep.equal(machines.map(({ name }) => name));
    for (const line of lines)
      expect(line).to.match(/^[\w-]+ +(host|HBA|switch|disk|virtualizer): \w/);
    const json = await runSanctor(['statechart', '--json']);
    expect(JSON.parse(json.output).machines[0]).to.have.keys('name', 'decides');
  });

  it('draws a machine as a Mermaid diagram', async () => {
    const { code, output } = await runSanctor(['statechart', 'path']);
    expect(code).to.equal(0);
    const path = machines.find(({ name }) => name === 'path');
    expect(path && mermaidOf(path.machine)).to.equal(output);
    expect(output).to.contain('path__failed --> path__probing : after recheckDelay (500 ms)');
  });

  it('gives a machine as JSON from which XState makes the same machine', async () => {
    for (const { name, machine } of machines) {
      const config = JSON.parse(JSON.stringify(machine.config));
      expect(shapeOf(createMachine(config)), name).to.deep.equal(shapeOf(machine));
    }
    const { code, output } = await runSanctor(['statechart', 'hba', '--format', 'json']);
    expect(code).to.equal(0);
    const hba = machines.find(({ name }) => name === 'hba');
    expect(shapeOf(createMachine(JSON.parse(output)))).to.deep.equal(hba && shapeOf(hba.machine));
  });

  it('says which machines there are when asked for another, and which formats', async () => {
    const other = await runSanctor(['statechart', 'lamp']);
    expect(other.code).to.equal(1);
    expect(other.errors).to.contain('there is no machine lamp; there are: host, attachment, path');
    const format = await runSanctor(['statechart', 'path', '--format', 'gif']);
    expect(format.code).to.equal(1);
    expect(format.errors).to.contain('Allowed choices are mermaid, json');
    const both = await runSanctor(['statechart', 'hba', '--format', 'mermaid', '--json']);
    expect(both.code).to.equal(1);
    expect(both.errors).to.contain("'--json' cannot be used with option '--format");
  });
});
