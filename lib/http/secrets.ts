// Comparison of secrets.

import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether two texts are equal; takes as long wherever they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
