// Exact ratios of integers: frame rates and seconds, and the integer divisions that round them.

import type { Rational } from '../engine/engine.js';

/** Quotient rounded towards minus infinity; `b` > 0. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}

/** Quotient rounded towards plus infinity; `b` > 0. */
export function ceilDiv(a: bigint, b: bigint): bigint {
  return -floorDiv(-a, b);
}

/** `num`/`den` in lowest terms. */
export function rational(num: number, den: number): Rational {
  let a = Math.abs(num);
  let b = den;
  while (b !== 0) [a, b] = [b, a % b];
  return a === 0 ? { num: 0, den: 1 } : { num: num / a, den: den / a };
}

/** `a` + `b` in lowest terms. */
export function ratioSum(a: Rational, b: Rational): Rational {
  let num = BigInt(a.num) * BigInt(b.den) + BigInt(b.num) * BigInt(a.den);
  let den = BigInt(a.den) * BigInt(b.den);
  let [x, y] = [num < 0n ? -num : num, den];
  while (y !== 0n) [x, y] = [y, x % y];
  num /= x;
  den /= x;
  return { num: Number(num), den: Number(den) };
}

/** Seconds from a decimal number, to the nearest microsecond. */
export function secondsToRational(seconds: number): Rational {
  return rational(Math.round(seconds * 1_000_000), 1_000_000);
}

/** `value` as a decimal with `digits` digits after the point, rounded half up from the exact ratio. */
export function toFixed(value: Rational, digits: number): string {
  const scale = 10n ** BigInt(digits);
  const scaled = floorDiv(
    2n * BigInt(value.num) * scale + BigInt(value.den),
    2n * BigInt(value.den),
  );
  const text = scaled.toString().padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

const DECIMAL_NTSC_TOLERANCE = 0.005;

/**
 * A frame rate as people write it: `25`, `12.5`, `29.97` (read as 30000/1001), `'24000/1001'` or an
 * exact ratio. Returns null when it is none of these, or not within 1 to 60 frames per second.
 */
export function parseFrameRate(value: unknown): Rational | null {
  const rate = readFrameRate(value);
  if (rate === null || rate.num < rate.den || rate.num > 60 * rate.den) return null;
  return rate;
}

function readFrameRate(value: unknown): Rational | null {
  if (typeof value === 'string') {
    const match = /^(\d{1,6})(?:\/(\d{1,6}))?$/.exec(value);
    if (!match) return null;
    return readFrameRate({ num: Number(match[1]), den: Number(match[2] ?? 1) });
  }
  if (typeof value === 'object' && value !== null && 'num' in value && 'den' in value) {
    const { num, den } = value;
    return isCount(num) && isCount(den) ? rational(num, den) : null;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  if (Number.isInteger(value)) return { num: value, den: 1 };
  const nominal = Math.round(value * 1.001);
  if (Math.abs(value - nominal / 1.001) < DECIMAL_NTSC_TOLERANCE) {
    return rational(nominal * 1000, 1001);
  }
  return rational(Math.round(value * 1000), 1000);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1e6;
}
