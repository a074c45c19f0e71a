/**
 * The status page. It asks /api/status every few seconds, and the detail of the feed that is open, and changes of the page only what is otherwise than before: focus, selection and
 * scrolling stay where they are. Whatever comes from the relay is put in as text, never as markup.
 */
import { $, dot, make, put } from './dom.js';
import { showFeeds } from './feeds.js';
import { STATES, WORDS, duration, since } from './words.js';

const REFRESH_MS = 3_000;
const NAMES_TOLD = 5;

/** What is known, and what becomes of clicks: handed to whatever shows it. */
const view = { page: null, open: fromHash(), detail: null, token: '', choose, give };
let isAsking = false;
let lastAt = 0;

for (const input of ['filter', 'sort']) $(input).addEventListener('input', show);
$('states').addEventListener('change', show);
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  view.token = $('token').value.trim();
  put($('token-said'), view.token === '' ? 'There is no token: nothing can be ordered.' : 'Open a feed to give it an order.');
  show();
});
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    $('filter').focus();
  } else if (event.key === 'Escape' && event.target === $('filter')) {
    $('filter').value = '';
    show();
  } else if (event.key === 'Escape' && view.open !== null && !isTyping) {
    const line = document.querySelector('.feed.open .line');
    choose(null);
    line?.focus();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    walk(event, event.key === 'ArrowDown' ? 1 : -1);
  }
});
document.addEventListener('visibilitychange', () => document.hidden || ask());
window.addEventListener('hashchange', () => choose(fromHash()));

makeDials();
ask();
setInterval(() => document.hidden || ask(), REFRESH_MS);
setInterval(showPulse, 1_000);

/** One question at a time: an answer that is late must not take the place of a later one. */
async function ask() {
  if (isAsking) return;
  isAsking = true;
  try {
    const asked = view.open;
    const [status, one] = await Promise.all([
      fetchJson('api/status'),
      asked === null ? null : fetchJson(`api/feeds/${encodeURIComponent(asked)}`).catch(() => null),
    ]);
    view.page = { ...status, isLost: false };
    lastAt = Date.now();
    if (asked === view.open) view.detail = one;
  } catch {
    view.page = { ...(view.page ?? { feeds: [], gaps: [], sources: [] }), isLost: true };
  }
  isAsking = false;
  show();
}

async function fetchJson(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(10_000), cache: 'no-store' });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

/** `say` is told what becomes of it. */
async function give(order, id, say) {
  say(`Asked to ${order} …`);
  try {
    const response = await fetch(`api/feeds/${encodeURIComponent(id)}/${order}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${view.token}` },
    });
    const { message, error } = await response.json();
    say(message ?? error);
  } catch {
    say('The relay did not answer: whether the order was carried out is to be seen above.');
  }
  await ask();
}

function show() {
  const { page } = view;
  if (page === null) return;
  document.title = titleOf(page);
  put($('relay'), page.relay?.name ?? 'cdf-relay');
  put(
    $('replica'),
    page.replica === undefined
      ? ''
      : `cdf-relay ${page.relay.version}, answered by ${page.replica.name}, up ${since(page.replica.startedAt, page.at)}`,
  );
  showPulse();
  showNotices(page);
  showDials(page);
  showFeeds(view);
  showSources(page);
  $('orders').hidden = page.actions !== 'on';
}

function titleOf({ feeds, relay }) {
  const parked = feeds.filter(({ state }) => state === 'parked').length;
  return `${parked > 0 ? `(${parked}) ` : ''}${relay?.name ?? 'cdf-relay'}`;
}

function showPulse() {
  const { page } = view;
  if (page === null) return;
  const pulse = $('pulse');
  const isReady = page.ready?.isReady === true;
  pulse.dataset.is = page.isLost ? 'lost' : isReady ? 'well' : 'wait';
  if (page.isLost) put($('pulse-text'), lastAt === 0 ? 'Not answering' : `Not answering for ${duration((Date.now() - lastAt) / 1000)}`);
  else put($('pulse-text'), isReady ? 'Ready' : 'Not ready');
}

function showNotices(page) {
  const notices = [];
  if (page.isLost)
    notices.push([
      'lost',
      lastAt === 0
        ? 'The relay does not answer. This page asks again by itself.'
        : 'The relay does not answer: what stands here is as it was before. This page asks again by itself.',
    ]);
  else if (page.ready?.because) notices.push(['wait', page.ready.because]);
  for (const gap of page.isLost ? [] : page.gaps) notices.push(['wait', gap]);
  const orphans = page.orphans?.map(({ id }) => id) ?? [];
  if (orphans.length > 0) notices.push(['wait', `Nothing is published of feeds that the config does not know: ${listed(orphans)}.`]);
  const place = $('notices');
  if (place.dataset.told === JSON.stringify(notices)) return;
  place.dataset.told = JSON.stringify(notices);
  place.replaceChildren(...notices.map(([kind, text]) => make('p', text, kind)));
}

function listed(names) {
  const more = names.length - NAMES_TOLD;
  return more > 0 ? `${names.slice(0, NAMES_TOLD).join(', ')} and ${more} more` : names.join(', ');
}

function makeDials() {
  const dials = ['', ...STATES].map((state) => {
    const label = make('label', null, 'dial');
    label.dataset.state = state;
    const input = make('input');
    Object.assign(input, { type: 'radio', name: 'state', value: state, checked: state === '' });
    const of = make('span', null, 'of');
    if (state !== '') of.append(dot());
    of.append(state === '' ? 'All' : WORDS[state]);
    label.append(input, make('b', '0'), of);
    return label;
  });
  $('states').append(...dials);
}

function showDials(page) {
  for (const dial of document.querySelectorAll('.dial')) {
    const { state } = dial.dataset;
    const count = state === '' ? page.feeds.length : page.feeds.filter((feed) => feed.state === state).length;
    put(dial.querySelector('b'), String(count));
    dial.classList.toggle('none', count === 0);
  }
}

function showSources(page) {
  const list = $('sources');
  const told = JSON.stringify(page.sources);
  if (list.dataset.told === told) return;
  list.dataset.told = told;
  list.replaceChildren(
    ...page.sources.map(({ name, pollSeconds, credentialExpiresAt }) => {
      const box = make('div');
      box.append(make('dt', name), make('dd', pollSeconds === null ? 'polled by its schedule' : `polled every ${duration(pollSeconds)}`));
      if (credentialExpiresAt !== null) {
        const seconds = (Date.parse(credentialExpiresAt) - Date.parse(page.at)) / 1000;
        box.append(
          make(
            'dd',
            seconds <= 0 ? 'its credential has expired' : `its credential expires in ${duration(seconds)}`,
            seconds < 7 * 86_400 ? 'late' : '',
          ),
        );
      }
      return box;
    }),
  );
}

function choose(id) {
  if (view.open === id) return;
  view.open = id;
  view.detail = null;
  history.replaceState(null, '', id === null ? location.pathname : `#${encodeURIComponent(id)}`);
  show();
  if (id !== null) ask();
}

function fromHash() {
  try {
    return location.hash.length > 1 ? decodeURIComponent(location.hash.slice(1)) : null;
  } catch {
    return null;
  }
}

/** From feed to feed by the arrows. */
function walk(event, by) {
  const lines = [...document.querySelectorAll('.line')];
  const at = lines.indexOf(event.target);
  const next = lines[at + by];
  if (at === -1 || next === undefined) return;
  event.preventDefault();
  next.focus();
}
