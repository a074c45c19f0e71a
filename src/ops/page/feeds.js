/**
 * The list of feeds: filtered, sorted, and changed in place, so that focus, selection and scrolling stay where they are.
 */
import { fillDetail } from './detail.js';
import { $, put } from './dom.js';
import { STATES, WORDS, count, duration, rate, since } from './words.js';

/** Below this a feed that is behind is not late: to be told of a version and to publish it takes its time. */
const LATE_SECONDS = 60;

const ORDER_BY = {
  // By nothing that moves: what a person reads must not jump.
  attention: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
  name: () => 0,
  behind: (a, b) => (b.lag.seconds ?? -1) - (a.lag.seconds ?? -1) || (b.lag.versions ?? -1) - (a.lag.versions ?? -1),
  rate: (a, b) => (b.rowsPerSecond ?? -1) - (a.rowsPerSecond ?? -1),
  commit: (a, b) => Date.parse(b.lastCommitAt ?? 0) - Date.parse(a.lastCommitAt ?? 0),
};

const items = new Map();

/**
 * `view` is what the page knows: the last answer of /api/status (`page`), the id of the feed that is open and its detail, the token, and what becomes of a click (`choose`) and of an
 * order (`give`).
 */
export function showFeeds(view) {
  const { page } = view;
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = document.querySelector('.dial input:checked').value;
  const found = page.feeds
    .filter((feed) => (state === '' || feed.state === state) && words.every((word) => textOf(feed).includes(word)))
    .toSorted((a, b) => ORDER_BY[$('sort').value](a, b) || (a.id < b.id ? -1 : 1));
  const list = $('feeds');
  found.forEach((feed, i) => {
    const item = items.get(feed.id) ?? makeItem(feed.id, view);
    fill(item, feed, view);
    // Only what stands elsewhere is moved: an element that is moved loses the focus.
    if (list.children[i] !== item.element) moveTo(list, item.element, i);
  });
  while (list.children.length > found.length) list.lastElementChild.remove();
  put($('count'), found.length === page.feeds.length ? '' : `${found.length} of ${page.feeds.length} feeds`);
  for (const id of items.keys()) if (!page.feeds.some((feed) => feed.id === id)) items.delete(id);
  showEmpty(page, found.length);
}

function moveTo(list, element, i) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(element, list.children[i] ?? null);
  if (focused !== null && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

function showEmpty(page, shown) {
  const empty = $('empty');
  empty.hidden = shown > 0 || page.isLost;
  put(
    empty,
    page.feeds.length > 0
      ? 'No feed matches: clear the filter, or choose All.'
      : page.ready?.isReady
        ? 'There are no feeds: the config names no table, or its patterns match none yet.'
        : 'The feeds are shown as soon as the relay has reached Kafka.',
  );
}

function textOf({ id, topic, state, failure }) {
  return `${id} ${topic} ${WORDS[state] ?? state} ${failure?.code ?? ''} ${failure?.message ?? ''}`.toLowerCase();
}

function makeItem(id, view) {
  const element = $('feed').content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  const item = {
    element,
    line: part('line'),
    detail: part('detail'),
    parts: Object.fromEntries(
      ['table', 'to', 'word', 'version', 'behind', 'time', 'versions', 'rate', 'commit', 'why'].map((name) => [name, part(name)]),
    ),
  };
  for (const [name, text] of [
    ['version', 'Version'],
    ['behind', 'Behind'],
    ['rate', 'Rows/s'],
    ['commit', 'Last commit'],
  ])
    item.parts[name].dataset.name = text;
  item.detail.id = `detail-${encodeURIComponent(id)}`;
  item.line.setAttribute('aria-controls', item.detail.id);
  item.line.addEventListener('click', () => view.choose(view.open === id ? null : id));
  items.set(id, item);
  return item;
}

function fill(item, feed, view) {
  const { element, line, parts } = item;
  const isOpen = view.open === feed.id;
  Object.assign(element.dataset, { state: feed.state, seen: feed.seen });
  element.classList.toggle('open', isOpen);
  element.toggleAttribute('data-fault', feed.failure !== null);
  line.setAttribute('aria-expanded', String(isOpen));
  put(parts.table, feed.table);
  put(parts.to, `→ ${feed.topic}`);
  put(parts.word, WORDS[feed.state] ?? feed.state);
  put(parts.version, versionText(feed));
  const [behind, versions] = behindText(feed);
  put(parts.time, behind);
  put(parts.versions, versions);
  parts.behind.classList.toggle('late', (feed.lag.seconds ?? 0) >= LATE_SECONDS);
  parts.behind.classList.toggle('soft', feed.lag.versions === 0 || feed.lag.versions === null);
  put(parts.rate, feed.rowsPerSecond === null ? '–' : rate(feed.rowsPerSecond));
  parts.rate.classList.toggle('soft', !feed.rowsPerSecond);
  put(parts.commit, feed.lastCommitAt === null ? '–' : `${since(feed.lastCommitAt, view.page.at)} ago`);
  put(parts.why, whyText(feed).replaceAll('`', ''));
  item.detail.hidden = !isOpen;
  if (isOpen) fillDetail(item.detail, feed, view);
}

function versionText({ position, snapshotShare }) {
  if (position === null) return '–';
  if (position.kind === 'changes') return String(position.version - 1);
  return snapshotShare === null ? 'snapshot' : `${Math.floor(snapshotShare * 100)} %`;
}

/** In time where that is known, with the versions under it. */
function behindText({ lag: { versions, seconds }, position }) {
  if (versions === null) return ['–', ''];
  if (versions === 0) return ['current', ''];
  if (position?.kind === 'snapshot' && versions === 1) return ['snapshot', ''];
  const inVersions = `${count(versions)} version${versions === 1 ? '' : 's'}`;
  return seconds === null ? [inVersions, ''] : [duration(seconds), inVersions];
}

function whyText({ failure, state, seen, owner }) {
  if (failure !== null && state !== 'paused') return failure.message;
  if (seen === 'checkpoint' && owner !== null) return `As of its last commit: replica ${owner} has it.`;
  return state === 'new' ? 'No replica has claimed it yet.' : '';
}
