/** Why a read failed: an errno, or one of our own bounds. */
export class ReadProblem extends Error {
  readonly code: string;

  /** @param code an errno, NOT_REGULAR, TOO_LARGE or TOO_SLOW */
  constructor(code: string, message: string) {
    super(message);
    this.name = 'ReadProblem';
    this.code = code;
  }
}
