// What goes wrong with the journal's file, in words that say what to do, and sorted by what the journal does then.

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_TOOBIG = 18;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISMATCH = 20;
const SQLITE_NOTADB = 26;

const REASONS: ReadonlyMap<number, string> = new Map([
  [SQLITE_BUSY, 'another process has it open'],
  [SQLITE_LOCKED, 'another process has it open'],
  [SQLITE_READONLY, 'it may not be written'],
  [SQLITE_FULL, 'the disk is full'],
  [
    SQLITE_CANTOPEN,
    'it cannot be opened; check that this process may write the file and its folder',
  ],
]);

/** An error of the journal's file. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** The message without the file's name. */
  readonly reason: string;
  /** The file's content is broken: waiting does not help. */
  readonly isDamage: boolean;
  /** It is about one operation, not about the file. */
  readonly isRefusal: boolean;
  /** There is no room, on the disk or in the file. */
  readonly isFull: boolean;

  constructor(
    file: string,
    reason: string,
    details: {
      readonly isDamage?: boolean;
      readonly isRefusal?: boolean;
      readonly isFull?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(`the journal ${file}: ${reason}`, { cause: details.cause });
    this.reason = reason;
    this.isDamage = details.isDamage ?? false;
    this.isRefusal = details.isRefusal ?? false;
    this.isFull = details.isFull ?? false;
  }
}

/** Any error met while working with the file. */
export function asStoreError(file: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const number = errcodeOf(error);
  if (number === undefined) {
    return new StoreError(file, text, { isRefusal: error instanceof TypeError, cause: error });
  }
  const primary = number & 0xff;
  const known = REASONS.get(primary);
  return new StoreError(file, known === undefined ? text : `${known} (${text})`, {
    isDamage: primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB,
    isFull: primary === SQLITE_FULL,
    isRefusal: [SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG].includes(primary),
    cause: error,
  });
}

/** SQLite's extended result code. */
function errcodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}
