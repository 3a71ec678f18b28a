import { parseArgs } from 'node:util';
import { parseDuration } from '../../src/spec/units.ts';
import { FAULTS } from './faults/index.ts';
import { runChaos } from './run.ts';

const HELP = `npm run chaos -- [--for D] [--agents N] [--seed N] [--only WORD] [--port-base N]
Hurts a real fleet for a while; ends with 0 where nothing was lost. FLEET_CHAOS_SEED does as --seed; --only takes the
faults that have this in their names.
`;

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '5m' },
    agents: { type: 'string', default: '300' },
    seed: { type: 'string', default: process.env.FLEET_CHAOS_SEED ?? String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    'port-base': { type: 'string', default: '29000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
const seed = Number(values.seed);
const say = (line: string) => void process.stderr.write(`${line}\n`);
say(`seed ${seed}: npm run chaos -- --agents ${values.agents} --seed ${seed} does the same to them again`);
const { ledger, losses, untried, rounds, looks } = await runChaos({
  agents: Number(values.agents),
  portBase: Number(values['port-base']),
  seed,
  patienceMs: 60_000,
  faults: FAULTS.filter(({ name }) => name.includes(values.only)),
  durationMs: parseDuration(values.for) ?? 0,
  say,
});
process.stdout.write(`${ledger.table()}\n`);
say(`${rounds} rounds, ${looks} looks at all processes, ${losses.length} losses`);
for (const each of untried) say(`not tried: ${each}`);
for (const loss of losses) say(`LOST ${loss}`);
process.exit(losses.length === 0 ? 0 : 1);
