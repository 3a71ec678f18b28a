/** What is known of a start that failed: an errno and the system call, or what the store or a check has said. */
export interface StartError {
  message: string;
  code?: string | undefined;
  syscall?: string | undefined;
}

const EXEC_ERRORS: Record<string, string> = {
  ETXTBSY: 'the executable is open for writing; name it as `binary`, and a copy is run that nobody writes to',
  EACCES: 'the executable or its directory may not be entered or executed',
  ENOENT: 'there is no such executable (or the interpreter that its first line names)',
  E2BIG:
    'a word or a variable has more than 131,071 bytes, or all of them have more than a quarter of the stack limit',
  ENOEXEC: 'the executable is of no format that this host runs',
};

/** Why a start failed by the slot's own fault, in words. @param command the program as the spec names it */
export function describeStartError({ code = '', syscall, message }: StartError, command: string): string {
  if (syscall === 'execve' && code in EXEC_ERRORS) return `${command}: ${code}, ${EXEC_ERRORS[code]}`;
  if (syscall === 'chdir' && code === 'EACCES') return 'its user may not enter its own directory (EACCES)';
  return message;
}
