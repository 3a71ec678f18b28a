/** A failed start: an errno and the system call, or the message of the store or a check. */
export interface StartError {
  message: string;
  code?: string | undefined;
  syscall?: string | undefined;
}

const EXEC_ERRORS: Record<string, string> = {
  ETXTBSY: 'the executable is open for writing; with `binary` in the spec, fleetd runs a copy of it',
  EACCES: 'no permission to execute the file or to search its directory',
  ENOENT: 'the executable, or the interpreter in its first line, does not exist',
  E2BIG:
    'a word or a variable exceeds 131,071 bytes, or all of them together exceed a quarter of the stack limit',
  ENOEXEC: 'this host cannot run the format of the executable',
};

/** Describes why a start failed by the slot's own fault. @param command the program as in the spec */
export function describeStartError({ code = '', syscall, message }: StartError, command: string): string {
  if (syscall === 'execve' && code in EXEC_ERRORS) return `${command}: ${code}, ${EXEC_ERRORS[code]}`;
  if (syscall === 'chdir' && code === 'EACCES')
    return 'its user has no permission to enter its working directory, cwd (EACCES)';
  if (syscall === 'chdir' && code === 'ENOENT') return 'its working directory, cwd, does not exist (ENOENT)';
  if (syscall?.includes('.') && code === 'EPERM')
    return `${syscall}: this supervisor may not set it (EPERM); fleetctl doctor says why`;
  if (syscall === 'process.cpus' && code === 'EINVAL')
    return `${syscall}: the cpuset of this supervisor has none of these processors (EINVAL)`;
  return message;
}
