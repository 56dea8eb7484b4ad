// Signals while the server's modules are being loaded, which takes a second on a slow machine. Nobody listening, SIGHUP
// would end it, which systemd takes for a good end, and SIGTERM would be lost on the first process of a container.

const ENDING = ['SIGINT', 'SIGTERM'] as const;

const end = () => process.exit(0);
const ignore = () => {};

/** SIGINT and SIGTERM end the process, there being nothing to put in order yet; SIGHUP is ignored from now on. */
export function listenWhileLoading(): void {
  for (const signal of ENDING) process.on(signal, end);
  process.on('SIGHUP', ignore);
}

/** Leaves SIGINT and SIGTERM to others. */
export function handOver(): void {
  for (const signal of ENDING) process.off(signal, end);
}
