import { parseArgs } from 'node:util';
import { parseDuration } from '../../src/specification/units.ts';
import { FAULTS } from './faults/index.ts';
import { runInjections } from './inject/run.ts';
import { tableOf } from './inject/table.ts';
import { runChaos } from './run.ts';

const HELP = `npm run chaos -- [--for D] [--agents N] [--seed N] [--only WORD] [--port-base N]
Hurts a real fleet for a while; ends with 0 where nothing was lost. FLEET_CHAOS_SEED does as --seed; --only takes the
faults that have this in their names.
npm run chaos -- --inject [--for D] [--rounds N] [--agents N] [--seed N]
Injects errors and delays into the disk calls of a real supervisor (strace) while commands run.
`;

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '5m' },
    agents: { type: 'string', default: '300' },
    seed: { type: 'string', default: process.env.FLEET_CHAOS_SEED ?? String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    'port-base': { type: 'string', default: '29000' },
    inject: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
const seed = Number(values.seed);
const say = (line: string) => void process.stderr.write(`${line}\n`);
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    say('ends after this round, and clears up');
    interrupted.abort();
  });
}
if (values.inject) {
  say(`seed ${seed}: npm run chaos -- --inject --seed ${seed} makes the same choices again`);
  const outcome = await runInjections({
    agents: Number(values.agents),
    portBase: Number(values['port-base']),
    seed,
    patienceMs: 60_000,
    rounds: Number(values.rounds),
    durationMs: parseDuration(values.for) ?? 0,
    signal: interrupted.signal,
    say,
  });
  process.stdout.write(`${tableOf(outcome.accounts)}\n`);
  say(`${outcome.looks} looks at all processes, ${outcome.losses.length} losses`);
  for (const loss of outcome.losses) say(`LOST ${loss}`);
  process.exit(outcome.losses.length === 0 ? 0 : 1);
}
say(`seed ${seed}: npm run chaos -- --agents ${values.agents} --seed ${seed} does the same to them again`);
const { ledger, losses, untried, rounds, looks } = await runChaos({
  agents: Number(values.agents),
  portBase: Number(values['port-base']),
  seed,
  patienceMs: 60_000,
  faults: FAULTS.filter(({ name }) => name.includes(values.only)),
  durationMs: parseDuration(values.for) ?? 0,
  signal: interrupted.signal,
  say,
});
process.stdout.write(`${ledger.table()}\n`);
say(`${rounds} rounds, ${looks} looks at all processes, ${losses.length} losses`);
for (const each of untried) say(`not tried: ${each}`);
for (const loss of losses) say(`LOST ${loss}`);
process.exit(losses.length === 0 ? 0 : 1);
