import { group } from '../group.ts';
import { size } from '../quantities.ts';
import { integer, positive } from '../types.ts';
import { MEMORY_BYTES_MIN } from './values.ts';

/** The highest possible value of fs.nr_open: proc_sys_fs(5). */
const NOFILE_MAX = 1_073_741_816;
/** PID_MAX_LIMIT of 64-bit kernels. */
const PIDS_MAX = 4_194_304;

export const RESOURCES = group({
  memory: {
    type: group({
      request: {
        type: size(MEMORY_BYTES_MIN),
        example: '10M',
        help: 'Memory that the kernel leaves to an agent when memory is short (memory.low).',
      },
      limit: {
        type: size(MEMORY_BYTES_MIN),
        example: '64M',
        help: 'Maximum memory of an agent (memory.max), without any swap; an agent that exceeds it is killed and restarted.',
      },
    }),
    help: 'Memory per agent.',
  },
  cpu: { type: positive(8_192), example: 0.5, help: 'Maximum number of processors that an agent can use.' },
  pids: {
    type: integer(1, PIDS_MAX),
    example: 64,
    help: 'Maximum number of processes and threads of an agent.',
  },
  nofile: {
    type: integer(3, NOFILE_MAX),
    otherwise: 'the soft limit that the supervisor was started with',
    example: 4_096,
    help: 'Maximum number of open files of each process of an agent.',
  },
});
