import { group } from './group.ts';
import { ALERTS, LEAK, PRESSURE, VERIFY } from './groups/alarms.ts';
import { LABELS } from './groups/labels.ts';
import { HEALTH, RELOAD, RESTART, ROUNDS, START, STOP, UPDATE } from './groups/lifecycle.ts';
import { ADDRESSES, LOGS, PORTS, USER } from './groups/place.ts';
import { LIMITS, PROCESS, SANDBOX } from './groups/process.ts';
import { RESOURCES } from './groups/resources.ts';
import { PATH } from './groups/values.ts';
import { duration } from './quantities.ts';
import { READY } from './ready.ts';
import { AGENTS_MAX } from './slots.ts';
import { ARGV, ENVIRONMENT, PATH_TEMPLATE } from './templates.ts';
import { integer, text } from './types.ts';

/**
 * The field table: every key of a spec, once (the mappings are in groups/). Parser, JSON Schema, command line flags,
 * template and reference derive from it, and so does the type of a parsed spec.
 */
export const FLEET = group({
  name: {
    type: text(
      '1 to 31 lower-case letters, digits and hyphens, beginning with a letter',
      /^[a-z][a-z0-9-]{0,30}$/,
    ),
    required: true,
    example: 'pilot',
    live: true,
    flag: '--name <name>',
    help: 'Name of the fleet, unique on this host.',
  },
  command: {
    type: ARGV,
    required: true,
    example: ['./pilot-daemon', '-state', '{dir}', '-listen', ':{port}'],
    live: true,
    help: 'The program and its arguments; no shell is involved.',
  },
  target: {
    type: integer(0, AGENTS_MAX),
    otherwise: 'TARGET of the command line',
    example: 10,
    live: true,
    help: 'Number of agents that run.',
  },
  binary: {
    type: PATH,
    example: './pilot-daemon',
    help: 'File copied into the release store, so that replacing it never disturbs running agents.',
  },
  env: {
    type: ENVIRONMENT,
    default: {},
    example: { GOGC: '50' },
    flag: '--env <name=value>',
    repeat: true,
    help: 'Environment variables of the agents.',
  },
  envFile: {
    type: PATH_TEMPLATE,
    example: '/etc/fleet/pilot.env',
    help: 'File with more variables, for secrets, in the format of EnvironmentFile= of systemd: no command, log or API shows them.',
  },
  user: {
    type: USER,
    otherwise: 'the user of the supervisor',
    example: 'pilot',
    help: 'User that the agents run as, or {base: UID} for one user per slot; needs root.',
  },
  cwd: {
    type: PATH_TEMPLATE,
    default: '{dir}',
    help: 'Working directory of the agents; . is the directory of the spec.',
  },
  prepare: {
    type: ARGV,
    example: ['./init-agent', '{dir}'],
    help: "Command that runs once per slot, before its first start, as the slot's user.",
  },
  prepareTimeout: {
    type: duration(1),
    default: '5m',
    help: 'Time after which prepare is ended, and has failed.',
  },
  start: { type: START, default: {}, help: 'What happens before every start.' },
  ports: { type: PORTS, live: true, help: 'The ports of the agents.' },
  addresses: { type: ADDRESSES, help: 'An address for each slot, {address}.' },
  rounds: { type: ROUNDS, default: {}, live: true, help: 'How many agents are started together.' },
  ready: {
    type: READY,
    default: {},
    otherwise:
      'socket if the command uses {socket}, else tcp or udp (ports.protocol, or either) if it uses {port}, else after: 1s',
    example: { udp: true, timeout: '30s' },
    flag: '--ready <check>',
    help: 'When an agent is ready, one of tcp, udp, socket, http:/path, exec (only in a file), notify, after:2s.',
  },
  health: { type: HEALTH, help: 'Checks of agents that run.' },
  restart: { type: RESTART, default: {}, help: 'What happens when an agent exits.' },
  stop: { type: STOP, default: {}, help: 'How agents are stopped.' },
  reload: { type: RELOAD, help: 'How fleetctl reload makes an agent read its configuration again.' },
  pidFile: {
    type: PATH_TEMPLATE,
    example: '{dir}/app.pid',
    help: 'File that names the main process, for daemons that replace theirs without saying so (MAINPID=).',
  },
  resources: { type: RESOURCES, help: 'Limits of each agent.' },
  limits: { type: LIMITS, help: 'Resource limits of each process, soft and hard (setrlimit(2)).' },
  process: { type: PROCESS, default: {}, help: 'Attributes of the processes of the agents.' },
  sandbox: {
    type: SANDBOX,
    help: 'What the processes of the agents have of the file system; needs bubblewrap, and root together with process.capabilities.',
  },
  leak: { type: LEAK, help: 'Alarms when memory grows. Without this key, memory is still measured.' },
  pressure: { type: PRESSURE, help: 'What happens when the memory of the host is short.' },
  verify: { type: VERIFY, help: 'An external count of the agents, such as that of a registry.' },
  alerts: {
    type: ALERTS,
    example: { exec: ['./page'] },
    help: 'Who is told when the fleet is held, leaks, is degraded or rolled back, or memory is short, and when that ends.',
  },
  update: { type: UPDATE, default: {}, help: 'How a rolling update proceeds.' },
  logs: { type: LOGS, default: {}, help: 'The output of the agents.' },
  labels: {
    type: LABELS,
    example: { team: 'edge' },
    help: 'Keys and values that choose fleets (fleetctl -l team=edge), and that {label.team} stands for.',
  },
});
