// The one error that set-up scripts show without a stack: it says what is wrong and what to do.

/** A failure that the reader can act on; its message is complete in itself. */
export class SetupFailure extends Error {
  /** @override */
  name = 'SetupFailure';
}

/**
 * Runs a script's main function and turns what it throws into a message and an exit code.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof SetupFailure ? `\n${error.message}\n` : error);
    process.exitCode = 1;
  }
}
