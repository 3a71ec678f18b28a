import { text } from '../types.ts';

/** One page: the kernel counts memory in pages. */
export const MEMORY_BYTES_MIN = 4_096;

export const PATH = text('a path', /^[^\0]+$/);
export const URL = text('a URL that begins with http:// or https://', /^https?:\/\/[^\s]+$/);
export const JSON_FIELD = text('the name of a field of a JSON document', /^[^\s]+$/);
