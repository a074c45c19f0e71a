/**
 * Elements of the page. Whatever comes from the relay is put in as text, never as markup.
 */

export function $(id) {
  return document.getElementById(id);
}

/** Only what differs is written: a selection stays, and nothing is announced twice. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(name, text = null, kind = '') {
  const element = document.createElement(name);
  if (kind !== '') element.className = kind;
  if (text !== null) element.textContent = text;
  return element;
}

export function dot() {
  const element = make('span', null, 'dot');
  element.ariaHidden = 'true';
  return element;
}

/** A sentence whose parts between backticks are what somebody writes or types. */
export function sentence(text, kind = '') {
  const element = make('p', null, kind);
  element.append(...text.split('`').map((part, i) => (i % 2 === 1 ? make('code', part) : part)));
  return element;
}
