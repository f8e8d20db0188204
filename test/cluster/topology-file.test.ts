import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { homeBytes } from '../../actors/disk/disk-layout.ts';
import { planVolume } from '../../actors/virtualizer/planner.ts';
import { packageFile } from '../../cluster/package-root.ts';
import {
  defaultTopologyFile,
  parseTopologyFile,
  readTopologyFile,
  topologyProblemsText,
} from '../../cluster/topology-file.ts';
import { hopsFrom, pathsToDisk, volumeReachOf, wiringOf } from '../../protocols/paths.ts';
import { mebibyte, unitOf } from '../../protocols/units.ts';

function problemsOf(text: string): string {
  const read = parseTopologyFile(text);
  return read.ok ? '' : topologyProblemsText('t.yaml', read.problems);
}

function defaultTopology() {
  const read = readTopologyFile(defaultTopologyFile);
  if (!read.ok) throw new Error(topologyProblemsText(defaultTopologyFile, read.problems));
  return read.topology;
}

describe('the default topology', () => {
  const topology = defaultTopology();

  it('is a host with two HBAs, two virtualizing switches and four file-backed disks, in eight nodes', () => {
    expect(topology.hosts.map(({ id, hbas }) => [id, ...hbas.map((hba) => hba.id)])).to.deep.equal([
      ['h1', 'h1-a', 'h1-b'],
    ]);
    expect(topology.switches.map(({ id, virtualizing }) => `${id} ${virtualizing}`)).to.deep.equal([
      ...['s1 true', 's2 true'],
    ]);
    expect(topology.disks.map(({ id, store, sizeBytes }) => [id, store, sizeBytes])).to.deep.equal(
      ['d1', 'd2', 'd3', 'd4'].map((id) => [id, 'file', 512 * mebibyte]),
    );
    expect(topology.nodes).to.have.length(8);
    expect(topology.virtualizers).to.deep.equal([{ id: 'v1' }]);
    expect(topology.faults).to.equal(true);
  });

  it('exports vol0 where consumers expect it', () => {
    expect(topology.hosts[0]?.exports).to.deep.equal([
      {
        volume: 'vol0',
        name: 'vol0',
        attach: 'exclusive',
        readOnly: false,
        listen: { kind: 'tcp', host: '127.0.0.1', port: 10809 },
      },
    ]);
    expect(topology.volumes[0]?.coordinators).to.deep.equal(['s1', 's2']);
  });

  it('has two shortest paths from each HBA to each disk, which share no switch', () => {
    const wiring = wiringOf(topology);
    for (const hba of wiring.hbas)
      for (const disk of wiring.disks) {
        const shortest = pathsToDisk(wiring, hba, disk, 2).map(({ switches }) => switches.join());
        expect(shortest).to.deep.equal(['s1', 's2']);
      }
  });

  it('fits on its disks beside what they keep for themselves', () => {
    const [volume] = topology.volumes;
    if (volume === undefined) throw new Error('no volume');
    const plan = planVolume({
      volume: volume.id,
      sizeBytes: volume.sizeBytes,
      form: volume.layout,
      disks: topology.disks.map(({ id, sizeBytes }) => ({
        disk: id,
        homeBytes: homeBytes(sizeBytes),
        taken: [],
      })),
      generation: unitOf(1),
    });
    expect(plan.ok).to.equal(true);
  });
});

describe('the topology of two fabrics', () => {
  const read = readTopologyFile(packageFile('cluster', 'topologies', 'two-fabrics.yaml'));
  if (!read.ok) throw new Error(topologyProblemsText('two-fabrics.yaml', read.problems));
  const { topology } = read;

  it('keeps commands and config database on a server that carries no I/O', () => {
    expect(topology.fabrics.map(({ id }) => id)).to.deep.equal(['n1', 'n2', 'c1']);
    expect(topology.control).to.equal('c1');
    expect(topology.links.filter(({ fabric }) => fabric === 'c1')).to.be.empty;
  });

  it('leaves its host a way to every disk and to both switches, and these one to every disk, whichever fabric is lost', () => {
    for (const lost of ['n1', 'n2']) {
      const links = topology.links.filter(({ fabric }) => fabric !== lost);
      const wiring = wiringOf({ ...topology, links });
      const reached = volumeReachOf(wiring, wiring.hbas);
      const ends = [...wiring.disks, ...topology.switches.map(({ id }) => id)];
      for (const id of ends) expect(reached.has(id), `${id} without ${lost}`).to.equal(true);
      for (const { id } of topology.switches)
        for (const disk of wiring.disks) expect(hopsFrom(wiring, id).get(disk)).to.equal(1);
    }
  });
});

describe('a topology file', () => {
  it('with mistakes gets each at its line and column, all at once, in the order of the lines', () => {
    const text = [
      'cluster: test',
      'fabrics: [n1]',
      'virtualizers: [v1]',
      'hosts:',
      '  - id: h1',
      '    hbas: [h1-a]',
      'switches: [s1]',
      'disks:',
      '  - id: d1',
      '    size: 64MB',
      '  - { id: d2, size: 64MiB, store: tape }',
      '  - id: d3',
      'links:',
      '  - [h1-a, s1]',
      '  - [s1, d9]',
      '  - ends: [s1, s1]',
      'volumes:',
      '  - id: vol0',
      '    size: 1MiB',
      '    layout:',
      '      mirror: [d1, d9]',
      'faults: maybe',
    ].join('\n');
    const lines = problemsOf(text).split('\n');
    expect(lines.map((line) => line.slice(0, line.indexOf(' ')))).to.deep.equal([
      't.yaml:10:11:',
      't.yaml:11:35:',
      't.yaml:12:5:',
      't.yaml:15:10:',
      't.yaml:16:5:',
      't.yaml:21:20:',
      't.yaml:22:9:',
    ]);
    expect(lines[0]).to.match(
      /: disks\[0\]\.size: "64MB" is not a size; allowed is a number of byt/,
    );
    expect(lines[3]).to.match(/: links\[1\]\.ends\[1\]: there is no HBA, switch or disk d9$/);
    expect(lines[5]).to.match(
      /: volumes\[0\]\.layout\.mirror\[1\]: there is no disk d9; there are d/,
    );
  });

  it('that gives a disk more than it can hold beside its own records is refused', () => {
    const text = [
      'fabrics: [n1]',
      'virtualizers: [v1]',
      'hosts: [{ id: h1, hbas: [h1-a] }]',
      'switches: [s1]',
      'disks:',
      '  - { id: d1, size: 512MiB }',
      'links: [[h1-a, s1], [s1, d1]]',
      'volumes:',
      '  - { id: vol0, size: 500MiB, layout: d1 }',
    ].join('\n');
    expect(problemsOf(text)).to.match(
      /^t\.yaml:6:21: disks\[0\]\.size: volumes need 500MiB of disk d1, which can give \d+KiB of its 512MiB$/,
    );
    expect(problemsOf(text.replace('500MiB', '470MiB'))).to.equal('');
  });

  describe('of two tiers, bent so that it cannot be served, gets at the line that is to be changed', () => {
    const shipped = readFileSync(packageFile('cluster', 'topologies', 'two-tier.yaml'), 'utf8');
    const cases: readonly {
      readonly what: string;
      readonly from: string;
      readonly to: string;
      /** What the line says that the problem names. */
      readonly line: string;
      readonly problem: RegExp;
    }[] = [
      {
        what: 'a plain coordinator',
        from: '{ id: s3, virtualizing: true }',
        to: '{ id: s3, virtualizing: false }',
        line: 'switches: [s1, s3]',
        problem: /^switch s3 is plain and cannot coordinate vol1; name a virtualizing switch, or/,
      },
      {
        what: 'more mirrors than one of its coordinators writes',
        from: '{ id: s2, virtualizing: true, limits: { namesAlternates: false } }',
        to: '{ id: s2, limits: { mirrorsMax: 2 } }',
        line: 'mirror: [d1, d2, d3]',
        problem:
          /^vol0 keeps 3 copies, but its coordinator s2 writes at most 2 \(limits.mirrorsMax\)/,
      },
      {
        what: 'too little memory for layouts',
        from: '{ id: s3, virtualizing: true }',
        to: '{ id: s3, limits: { layoutMemoryBytes: 3KiB } }',
        line: 'mirror: [d3, d4]',
        problem: /^the layout of vol1 takes \d+ bytes, but switch s3 has \d+ left of 3072/,
      },
      {
        what: 'a disk without a way to it',
        from: '  - [s3, d4]\n',
        to: '',
        line: 'id: d4, size',
        problem: /^disk d4 has no link; nothing can reach it$/,
      },
      {
        what: 'a host without a way to one of its coordinators',
        from: '  - [h2-b, s2]\n',
        to: '  - [h2-b, s3]\n',
        line: '- id: vol0',
        problem:
          /^host h2 may use vol0 but has no way to its coordinator s2 within 4 links and thr/,
      },
      {
        what: 'a link that is written twice',
        from: '  - [s1, s3]\n',
        to: '  - [s1, s3]\n  - [s3, s1]\n',
        line: '[s3, s1]',
        problem: /^a link between s1 and s3 is there already; leave this one out, or/,
      },
      {
        what: 'one file for two disks',
        from: '{ id: d2, size: 384MiB, store: file }',
        to: '{ id: d2, size: 384MiB, files: [/d/1] }\n  - { id: d5, size: 384MiB, files: [/d/1] }',
        line: 'id: d5, size',
        problem: /^\/d\/1 is a file of disk d2 already; give disk d5 a file of its own/,
      },
      {
        what: 'a volume attached exclusively by one host and shared by another',
        from: 'attach: shared, listen: nbd://127.0.0.1:10812',
        to: 'attach: exclusive, listen: nbd://127.0.0.1:10812',
        line: 'attach: exclusive, listen: nbd://127.0.0.1:10812',
        problem:
          /^host h1 attaches vol0 shared, host h2 exclusive; say shared for all exports of vol0/,
      },
    ];
    for (const { what, from, to, line, problem } of cases)
      it(what, () => {
        expect(shipped).to.contain(from);
        const text = shipped.replace(from, to);
        const read = parseTopologyFile(text);
        const found = read.ok ? [] : read.problems.filter((each) => problem.test(each.problem));
        expect(found, problemsOf(text)).to.have.length(1);
        expect(text.split('\n')[(found[0]?.line ?? 0) - 1]).to.contain(line);
      });
  });

  it('that is not YAML is refused with the line, also when two keys are equal', () => {
    expect(problemsOf('cluster: test\nfabrics: [n1\nhosts: {')).to.match(
      /^t\.yaml:\d:\d+: not YAML: /,
    );
    expect(problemsOf('cluster: a\ncluster: b')).to.match(/^t\.yaml:2:1: not YAML: .*unique/);
    expect(problemsOf('')).to.match(/^t\.yaml:1:1: expected the keys of a topology/);
  });

  it('that would fill the memory with aliases is refused', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const before = level === 0 ? 'x' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array.from({ length: 9 }, () => before).join(', ')}]`;
    });
    expect(problemsOf(levels.join('\n'))).to.match(/^t\.yaml:1:1: /);
  });

  it('that nests without end, or lists keys without end, is refused before it is taken apart', () => {
    const deep = `cluster: t\nvolumes: ${'['.repeat(5000)}`;
    expect(problemsOf(deep)).to.match(/^t\.yaml:2:\d+: nested deeper than 64 levels/);
    for (const bracket of ['[', '{', '- ', '? ', 'x: '])
      expect(problemsOf(bracket.repeat(5000))).to.match(/nested deeper than 64 levels/);
    const wide = Array.from({ length: 5000 }, (_, index) => `key${index}: 1`).join('\n');
    expect(problemsOf(wide)).to.equal('t.yaml:1:1: a map of more than 256 keys: not a topology');
  });

  it('with more mistakes than anybody mends at once gets the first hundred, and how many more', () => {
    const links = Array.from({ length: 300 }, () => '  - [nowhere, to go, at all]').join('\n');
    const problems = problemsOf(`cluster: t\nlinks:\n${links}`).split('\n');
    expect(problems).to.have.lengthOf(101);
    expect(problems.at(-1)).to.match(/and \d+ more problems$/);
  });

  it('that is not there is refused with its reason', () => {
    const read = readTopologyFile('/does/not/exist.yaml');
    expect(!read.ok && read.problems[0]?.problem).to.match(/cannot be read: ENOENT/);
  });

  it('is read from disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sanctor-topology-'));
    try {
      const path = join(folder, 't.yaml');
      writeFileSync(path, 'cluster: 7');
      const read = readTopologyFile(path);
      const places = read.ok ? [] : read.problems.map(({ place }) => place);
      expect(places).to.include('cluster');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
