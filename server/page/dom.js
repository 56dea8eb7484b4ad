// Small helpers over the DOM that all views share.

export const element = (id) => document.getElementById(id);

/** The first element of a template, cloned. */
export const instance = (id) => element(id).content.firstElementChild.cloneNode(true);

/** Sets text only where it differs: screen readers announce what changes, and the same text again is a change. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Makes the children of `parent` one per item, in order, and keeps those that are there already, so that focus
 * and animations stay. `make(item)` creates a child, `update(child, item)` fills it.
 */
export function reconcile(parent, items, { key, make, update }) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let child = present.get(id);
    present.delete(id);
    if (!child) {
      child = make(item);
      child.dataset.key = id;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of present.values()) child.remove();
}

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** Hours and minutes of an instant in the viewer's time zone. */
export const timeOf = (instant) => timeFormat.format(new Date(instant));
/** The same with seconds. */
export const clockOf = (instant) => clockFormat.format(new Date(instant));
