import { exactlyOne, group } from '../group.ts';
import { duration, PERCENT, RATE, size } from '../quantities.ts';
import { ARGV } from '../templates.ts';
import { BOOLEAN } from '../types.ts';
import { JSON_FIELD, MEMORY_BYTES_MIN, URL } from './values.ts';

export const LEAK = group({
  every: { type: duration(10), default: '5m', help: 'Interval between two readings of the memory.' },
  growth: { type: RATE, default: '100M/h', help: 'Growth of the whole fleet that raises the alarm.' },
  agentLimit: {
    type: size(MEMORY_BYTES_MIN),
    example: '20M',
    help: 'Memory above which an agent is reported.',
  },
  recycle: { type: BOOLEAN, default: false, help: 'Replaces agents above agentLimit, within the rounds.' },
  connections: {
    type: group({
      http: {
        type: URL,
        required: true,
        example: 'http://127.0.0.1:8080/stats',
        help: 'URL of a JSON document with the number of connections.',
      },
      field: {
        type: JSON_FIELD,
        required: true,
        example: 'connections_active',
        help: 'Field of that document.',
      },
    }),
    help: 'A count of connections, which distinguishes growth by load from a leak.',
  },
});

export const PRESSURE = group({
  available: {
    type: PERCENT,
    default: '20%',
    help: 'Share of available memory below which no agent is started.',
  },
  hook: {
    type: ARGV,
    example: ['./pause-benchmarks'],
    help: 'Command that runs when memory becomes short and when it no longer is (FLEET_PRESSURE is begin or end).',
  },
});

export const VERIFY = group({
  http: {
    type: URL,
    required: true,
    example: 'http://127.0.0.1:8080/api/stats',
    help: 'URL of a JSON document with the external count, such as that of a registry.',
  },
  field: {
    type: JSON_FIELD,
    required: true,
    example: 'online_agents',
    help: 'Field of that document.',
  },
  atLeast: {
    type: PERCENT,
    default: '95%',
    help: 'Minimum external count, as a share of the agents that are ready.',
  },
});

export const ALERTS = exactlyOne({
  exec: {
    type: ARGV,
    example: ['./page'],
    help: "Command that runs as the supervisor's own user, with the notice as JSON in FLEET_ALERT.",
  },
  http: {
    type: URL,
    example: 'http://127.0.0.1:8080/alerts',
    help: 'URL that gets the notice as JSON, by POST.',
  },
});
