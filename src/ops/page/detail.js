/**
 * What is shown of a feed that is open: why it stands, where it stands, its latest transactions, and the orders that it takes.
 */
import { make, put, sentence } from './dom.js';
import { WORDS, clock, count, duration, size, time } from './words.js';

const ORDERS = { poll: 'Poll now', pause: 'Pause', resume: 'Resume', restart: 'Restart' };

/** Each part is built anew only when it says something else, so that focus and selection in it stay. */
export function fillDetail(place, feed, view) {
  const { page, detail, token } = view;
  const latest = detail?.feed.id === feed.id ? detail.commits : null;
  part(place, 'fault', [feed.failure, nextTry(feed, page)], () => fault(feed, page));
  part(place, 'facts', [feed.position, feed.state, feed.since, feed.latestVersion, feed.lastCommitAt, feed.owner, feed.snapshotShare], () =>
    facts(feed),
  );
  part(place, 'orders', [page.actions, token === '', feed.state, feed.seen], () => orders(place, feed, view));
  part(place, 'commits', latest, () => (latest === null ? null : commits(latest, page.at)));
}

/** The part of that name, made where it is not as it was made last. */
function part(place, name, told, build) {
  const slot = place.querySelector(`[data-part="${name}"]`) ?? place.appendChild(make('div'));
  slot.dataset.part = name;
  const text = JSON.stringify(told);
  if (slot.dataset.told === text) return;
  slot.dataset.told = text;
  const held = slot.contains(document.activeElement) ? document.activeElement.dataset.order : undefined;
  const isHeld = slot.contains(document.activeElement);
  slot.replaceChildren(...[build()].filter((built) => built !== null));
  // An order that has changed the state takes its button with it: then the next one has the focus.
  if (isHeld)
    (slot.querySelector(`[data-order="${held}"]:enabled`) ?? slot.querySelector('button:enabled, [tabindex]'))?.focus({
      preventScroll: true,
    });
}

function fault(feed, page) {
  const { failure } = feed;
  if (failure === null) return null;
  const box = make('div', null, 'fault');
  const next = nextTry(feed, page);
  box.append(sentence(failure.message));
  if (failure.remedy !== null) box.append(sentence(failure.remedy, 'remedy'));
  box.append(
    make(
      'p',
      `${failure.code}${failure.version === null ? '' : ` at version ${failure.version}`}, ${time(failure.at)}${next === '' ? '' : `, ${next}`}`,
      'code',
    ),
  );
  return box;
}

function nextTry({ failure }, page) {
  if (!failure?.nextTryAt) return '';
  const seconds = (Date.parse(failure.nextTryAt) - Date.parse(page.at)) / 1000;
  return seconds <= 0 ? 'tries again now' : `tries again in ${duration(seconds)}`;
}

function facts(feed) {
  const list = make('dl', null, 'facts');
  const fact = (name, text, extra) => {
    const box = make('div');
    const value = make('dd', text);
    if (extra !== undefined) value.append(extra);
    box.append(make('dt', name), value);
    list.append(box);
  };
  const { position, generation } = feed;
  fact('Recipient', feed.recipient);
  fact('Source', feed.source);
  if (generation > 1) fact('Generation', String(generation));
  if (position === null) fact('Position', 'nothing published yet');
  else if (position.kind === 'snapshot')
    fact('Position', `snapshot of version ${position.version}`, feed.snapshotShare === null ? undefined : bar(feed.snapshotShare));
  else fact('Next version', `${position.version}${position.records > 0 ? `, ${count(position.records)} records of it published` : ''}`);
  fact('Latest version known', feed.latestVersion === null ? '–' : String(feed.latestVersion));
  if (feed.since !== null) fact(`${WORDS[feed.state] ?? feed.state} since`, time(feed.since));
  fact('Last commit', feed.lastCommitAt === null ? '–' : time(feed.lastCommitAt));
  fact('Replica', `${feed.owner ?? 'none'}, checkpoint partition ${feed.partition}`);
  return list;
}

function bar(share) {
  const progress = make('progress', null, 'bar');
  Object.assign(progress, { max: 1, value: share, ariaLabel: 'Share of the snapshot that is published' });
  return progress;
}

function orders(place, feed, { page, token, give }) {
  if (page.actions !== 'on' || token === '') return null;
  const box = make('div', null, 'buttons');
  const said = make('span', place.dataset.said ?? '', 'quiet');
  said.role = 'status';
  const fits = {
    poll: feed.state !== 'parked' && feed.state !== 'paused',
    pause: feed.state !== 'paused',
    resume: feed.state === 'paused' || feed.state === 'parked',
    restart: feed.state !== 'paused',
  };
  for (const [order, text] of Object.entries(ORDERS)) {
    const button = make('button', text);
    // Of a feed of another replica less is known here than there.
    Object.assign(button, { type: 'button', disabled: !fits[order] && feed.seen === 'live' });
    button.dataset.order = order;
    button.addEventListener('click', () => {
      const say = (sentence) => {
        place.dataset.said = sentence;
        put(place.querySelector('.buttons [role="status"]') ?? said, sentence);
      };
      give(order, feed.id, say);
    });
    box.append(button);
  }
  box.append(said);
  return box;
}

function commits(all, now) {
  const box = make('div', null, 'commits');
  if (all.length === 0) {
    box.append(make('p', 'No transaction of rows since this feed was taken up.', 'quiet'));
    return box;
  }
  box.tabIndex = 0;
  box.setAttribute('role', 'region');
  box.ariaLabel = 'Latest transactions';
  const table = make('table');
  table.append(make('caption', 'Latest transactions'));
  const head = table.createTHead().insertRow();
  for (const name of ['At', 'Next version', 'Inserted', 'Updated', 'Deleted', 'Bytes'])
    head.append(Object.assign(make('th', name), { scope: 'col' }));
  const body = table.createTBody();
  for (const { at, nextVersion, rows, deadLetters, bytes } of all) {
    const row = body.insertRow();
    const cells = [clock(at, now), nextVersion, count(rows.insert), count(rows.update_postimage), count(rows.delete), size(bytes)];
    for (const cell of cells) row.insertCell().textContent = String(cell);
    if (deadLetters > 0) row.lastElementChild.textContent += `, ${count(deadLetters)} dead`;
  }
  box.append(table);
  return box;
}
