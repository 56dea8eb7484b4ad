// Sends bytes and documents over HTTP: entity tags, conditional requests and ranges (RFC 9110 13 and 14).

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { HeadendError } from '../errors.js';

/** What is sent. */
export interface Bytes {
  readonly data: Uint8Array;
  readonly contentType: string;
  /** Strong entity tag with its quotes. */
  readonly etag: string;
  /** Whether caches that many share may keep them. */
  readonly isPublic: boolean;
}

/** A text that is made for each request. */
export interface Document {
  readonly text: string;
  readonly contentType: string;
  /** `Cache-Control`. Default `no-cache`: it is to be asked for again each time. */
  readonly caching?: string;
}

/**
 * Answers a GET or HEAD with the bytes, the part asked for (206), or 304.
 * @throws HeadendError `RANGE_NOT_SATISFIABLE`
 */
export function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  bytes: Bytes,
): FastifyReply {
  const { data, contentType, etag, isPublic } = bytes;
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', caching(isPublic))
    .type(contentType);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  const range = wantedRange(request, etag, data.byteLength);
  if (range === null) return reply.send(buffer(data, 0, data.byteLength));
  const { first, last } = range;
  if (first > last || first >= data.byteLength) {
    reply.header('content-range', `bytes */${data.byteLength}`);
    throw new HeadendError(
      'RANGE_NOT_SATISFIABLE',
      'http',
      `the range lies outside of the ${data.byteLength} bytes`,
    );
  }
  return reply
    .code(206)
    .header('content-range', `bytes ${first}-${last}/${data.byteLength}`)
    .send(buffer(data, first, last + 1));
}

/** What is sent while it is being made. */
export interface BytesInProgress {
  readonly parts: AsyncIterable<Uint8Array>;
  readonly contentType: string;
  /** As the whole will have it. */
  readonly etag: string;
  /** As the whole will have it. */
  readonly isPublic: boolean;
}

/**
 * Whether the answer to this request can begin before all bytes are known: one that asks for the whole, from a client
 * that notices when a body is cut off.
 */
export function takesProgress({ method, headers, raw }: FastifyRequest): boolean {
  const conditions = ['range', 'if-none-match', 'if-match', 'if-range'];
  return (
    method === 'GET' &&
    raw.httpVersionMajor * 10 + raw.httpVersionMinor >= 11 &&
    conditions.every((name) => headers[name] === undefined)
  );
}

/**
 * Tells nginx to let through at once what comes over time, also where its `proxy_buffering` is on.
 * https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
 */
export const UNBUFFERED = { 'x-accel-buffering': 'no' } as const;

/** Answers with the parts as they come. When one fails to come the connection is cut, so that no part looks whole. */
export function sendProgress(
  reply: FastifyReply,
  { parts, contentType, etag, isPublic }: BytesInProgress,
): FastifyReply {
  return reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', caching(isPublic))
    .headers(UNBUFFERED)
    .type(contentType)
    .send(Readable.from(parts, { objectMode: false, highWaterMark: 1 }));
}

/** The part of OpenAPI that describes a JSON document that is sent as a text. */
export function document(description: string, schema: TSchema) {
  return { description, content: { 'application/json': { schema } } };
}

/** Answers a GET or HEAD with the text, or 304 to a client that has it. */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { text, contentType, caching = 'no-cache' }: Document,
): FastifyReply {
  // Weak: the same text may be sent compressed or not.
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  reply.header('etag', `W/${etag}`).header('cache-control', caching).type(contentType);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.send(text);
}

// A segment's URL never means two things.
function caching(isPublic: boolean): string {
  return `${isPublic ? 'public' : 'private'}, max-age=31536000, immutable`;
}

function buffer(data: Uint8Array, from: number, to: number): Buffer {
  return Buffer.from(data.buffer, data.byteOffset + from, to - from);
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => {
    const trimmed = tag.trim();
    return trimmed === '*' || trimmed.replace(/^W\//, '') === etag;
  });
}

// One range only; several, other units, and what is not a range get the whole (RFC 9110 14.2 allows it).
function wantedRange(
  request: FastifyRequest,
  etag: string,
  length: number,
): { readonly first: number; readonly last: number } | null {
  const { range, 'if-range': ifRange } = request.headers;
  if (request.method !== 'GET' || range === undefined) return null;
  if (ifRange !== undefined && ifRange !== etag) return null;
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  const [, from = '', to = ''] = match ?? [];
  if (!match || (from === '' && to === '')) return null;
  if (from === '') return { first: Math.max(0, length - Number(to)), last: length - 1 };
  if (to !== '' && Number(to) < Number(from)) return null;
  return { first: Number(from), last: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
}
