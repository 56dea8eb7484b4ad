// XML documents from plain objects. A member whose name begins with `@` is an attribute, `#text` is the text,
// an array is an element for each item.

import Builder from 'fast-xml-builder';

/** An element: its attributes, its text, its children. */
export interface XmlElement {
  readonly [member: string]: XmlValue | readonly XmlValue[];
}

/** What a member of an element can be; undefined leaves it out. */
export type XmlValue = string | XmlElement | undefined;

const builder = new Builder({
  attributeNamePrefix: '@',
  ignoreAttributes: false,
  format: true,
  suppressEmptyNode: true,
});

/**
 * The text of a document.
 * @param doctype The document type declaration, if it has one.
 */
export function writeXml(root: XmlElement, doctype?: string): string {
  return xmlHead(doctype) + writeElements(root);
}

/** What stands before the root element, a line each. */
export function xmlHead(doctype?: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${doctype ? `${doctype}\n` : ''}`;
}

/** The text of elements that stand side by side; empty without any. */
export function writeElements(elements: XmlElement): string {
  const text = builder.build(elements).trim();
  return text && `${text}\n`;
}

// XML 1.0, production 2: what is not in it cannot be written at all, not even escaped.
const NO_CHARACTER = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Text without the characters that XML does not have. */
export function xmlText(text: string): string {
  return text.toWellFormed().replace(NO_CHARACTER, '');
}

/** The same on one line. */
export function xmlLine(text: string): string {
  return xmlText(text).replace(/\s+/gu, ' ').trim();
}
