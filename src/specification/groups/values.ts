import { SLOT_MAX } from '../slots.ts';
import { text } from '../types.ts';

/** The maximum number of agents of a fleet. */
export const AGENTS_MAX = SLOT_MAX + 1;
/** One page: the kernel counts memory in pages. */
export const MEMORY_BYTES_MIN = 4_096;

export const PATH = text('a path', /^[^\0]+$/);
export const URL = text('a URL that begins with http:// or https://', /^https?:\/\/[^\s]+$/);
export const JSON_FIELD = text('the name of a field of a JSON document', /^[^\s]+$/);
