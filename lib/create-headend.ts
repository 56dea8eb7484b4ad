// createHeadend: checks the options and joins the Headend with the native engine, its files and the machine's clock.

import { systemClock } from './clock.js';
import { createNativeEngine } from './engine/native.js';
import type { HeadendError } from './errors.js';
import { Headend } from './headend.js';
import type { FileJournal } from './journal/journal.js';
import { type JournalOptions, openJournal } from './journal/open-journal.js';
import { HEADEND_DEFAULTS, type HeadendOptions, HeadendOptionsSchema } from './options.js';
import { SqliteProbeCache } from './probe/sqlite-probe-cache.js';
import { SegmentFiles } from './store/segment-files.js';
import { invalidOption, validate } from './validate.js';

/**
 * Starts a Headend.
 * @throws HeadendError `INVALID_OPTIONS`; `JOURNAL_FAILED` when the journal cannot be opened, `STORE_FAILED` when the folder
 * of `diskStore` cannot be used; `ADDON_NOT_FOUND` when no build of the native addon fits this machine.
 */
export async function createHeadend(options: HeadendOptions = {}): Promise<Headend> {
  const valid: HeadendOptions = validate('createHeadend', HeadendOptionsSchema, options);
  requireThresholdWithin(valid);
  const { probeCache, caFile, diskStore } = valid;
  const engine = createNativeEngine(caFile === undefined ? {} : { caFile });
  // What journal and disk have to say before the Headend is there waits for it.
  const early: ((headend: Headend) => void)[] = [];
  let headend: Headend | undefined;
  const tell = (report: (headend: Headend) => void) => {
    if (headend) report(headend);
    else early.push(report);
  };
  const onFault = (fault: HeadendError) => tell((to) => to.reportFault(fault));
  const onLow = (freeBytes: number, message: string) =>
    tell((to) => to.reportLowDisk(freeBytes, message));
  const opened: { close(): void | Promise<void> }[] = [engine];
  try {
    const journal = await journalOf(valid, onFault);
    if (journal) opened.push(journal);
    const cache = probeCache && (await SqliteProbeCache.open(probeCache, () => systemClock.now()));
    if (cache) opened.push(cache);
    const parts = { clock: systemClock, onFault, onLow };
    const segmentFiles = diskStore && (await SegmentFiles.open(diskStore, parts));
    if (segmentFiles) opened.push(segmentFiles);
    headend = await Headend.create(valid, {
      engine,
      clock: systemClock,
      journal,
      ...(cache && { probeCache: cache }),
      ...(segmentFiles && { segmentFiles }),
    });
  } catch (error) {
    for (const part of opened.reverse()) await part.close();
    throw error;
  }
  for (const report of early) report(headend);
  return headend;
}

function requireThresholdWithin({
  batchSegments = HEADEND_DEFAULTS.batchSegments,
  batchThreshold = HEADEND_DEFAULTS.batchThreshold,
}: HeadendOptions): void {
  if (batchThreshold < batchSegments) return;
  const expected = `must be less than batchSegments (${batchSegments})`;
  throw invalidOption('createHeadend', 'batchThreshold', expected, batchThreshold);
}

async function journalOf(
  { journal = false, idleMs, viewerTimeoutMs }: HeadendOptions,
  onFault: (fault: HeadendError) => void,
): Promise<FileJournal | null> {
  if (journal === false) return null;
  if (typeof journal === 'object' && isOpen(journal)) return journal;
  const sessionTimeoutMs = viewerTimeoutMs ?? idleMs ?? HEADEND_DEFAULTS.idleMs;
  const given = typeof journal === 'string' ? { file: journal } : journal;
  return openJournal({
    sessionTimeoutMs,
    ...given,
    onFault: (fault) => {
      given.onFault?.(fault);
      onFault(fault);
    },
  });
}

function isOpen(journal: JournalOptions | FileJournal): journal is FileJournal {
  return 'record' in journal;
}
