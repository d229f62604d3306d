// The page's own script: opens pages beside the chat, copies, sets formulas, and says when the
// program is gone. It holds no state that matters and asks nobody but the page's own server.

const $ = (selector, within = document) => within.querySelector(selector);
const root = document.documentElement;
const narrow = () => window.matchMedia('(max-width: 999px)').matches;

// --- The page pane -----------------------------------------------------------------------------

let place = '';        // what the pane shows
let zoom = 1;
let opener = null;     // what gets the focus back when the pane is closed
let asked = 0;         // the newest request wins
const panes = new Map();  // place -> promise of its HTML, a few of the latest

function fetchPane(query) {
  if (!panes.has(query)) {
    const answer = fetch('room/pane?' + query).then(async (response) => {
      if (!response.ok) panes.delete(query);
      return response.text();
    });
    answer.catch(() => panes.delete(query));
    panes.set(query, answer);
    if (panes.size > 24) panes.delete(panes.keys().next().value);
  }
  return panes.get(query);
}

function pictureWidth(fraction = zoom) {
  const room = ($('#pane .desk')?.clientWidth || $('#pane').clientWidth || 640) - 2;
  return Math.round(room * fraction * Math.min(window.devicePixelRatio || 1, 3));
}

function setPicture() {
  const sheet = $('#pane .sheet');
  if (!sheet) return;
  sheet.style.width = zoom * 100 + '%';
  const image = $('img', sheet);
  const source = image.dataset.src + '&w=' + Math.ceil(pictureWidth() / 160) * 160;
  if (image.getAttribute('src') !== source) image.src = source;
}

function showMark() {
  const desk = $('#pane .desk'), mark = $('#pane .mark');
  if (!desk) return;
  const wanted = mark ? mark.offsetTop - desk.clientHeight / 4 : 0;
  desk.scrollTo({ top: Math.max(0, wanted), left: mark ? Math.max(0, mark.offsetLeft - 40) : 0 });
}

function prepareNeighbours() {
  for (const button of document.querySelectorAll('#pane [data-go]:not(:disabled)')) {
    fetchPane(button.dataset.place).then((html) => {
      const source = new DOMParser().parseFromString(html, 'text/html').querySelector('img')?.dataset.src;
      if (source) new Image().src = source + '&w=' + Math.ceil(pictureWidth() / 160) * 160;
    }).catch(() => {});
  }
}

// Where the pane covers the chat, nobody should get lost behind it.
function coverChat() {
  $('#tabs').inert = narrow() && !$('#pane').hidden;
}

async function openPlace(query, from) {
  const pane = $('#pane'), ticket = ++asked;
  if (!pane) return;
  if (from && !pane.contains(from)) opener = from;
  const go = pane.contains(from) ? from?.dataset.go : null;
  pane.hidden = false;
  root.classList.add('pane-open');
  coverChat();
  pane.setAttribute('aria-busy', 'true');
  let html;
  try {
    html = await fetchPane(query);
  } catch {
    html = '<p class="note" role="alert">The page could not be fetched. Is the program still running?</p>';
  }
  if (ticket !== asked) return;
  place = query;
  $('#pane-body').innerHTML = html;
  pane.removeAttribute('aria-busy');
  setPicture();
  showMark();
  markChips();
  $('#pane img')?.addEventListener('load', prepareNeighbours, { once: true });
  const focus = (go && $(`#pane [data-go=${go}]:not(:disabled)`)) || $('#pane-title');
  focus?.focus({ preventScroll: true });
}

function closePane() {
  $('#pane').hidden = true;
  root.classList.remove('pane-open');
  coverChat();
  place = '';
  asked += 1;
  markChips();
  if (opener?.isConnected) opener.focus();
}

function markChips() {
  for (const chip of document.querySelectorAll('.chip')) {
    if (place && chip.dataset.place === place) chip.setAttribute('aria-current', 'true');
    else chip.removeAttribute('aria-current');
  }
}

// --- Pressing, hovering, keys ------------------------------------------------------------------

async function copy(button, text) {
  const name = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard to write to, but the old way works.
    const field = Object.assign(document.createElement('textarea'), { value: text });
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
    button.focus();
  }
  button.textContent = button.dataset.done || 'Copied';
  setTimeout(() => { button.textContent = name; }, 1500);
}

document.addEventListener('click', (event) => {
  const at = event.target.closest?.('[data-place], [data-close], [data-zoom], [data-copy], [data-copy-link]');
  if (!at) return;
  if (at.dataset.place !== undefined) openPlace(at.dataset.place, at);
  else if (at.dataset.close !== undefined) closePane();
  else if (at.dataset.copy !== undefined) copy(at, at.dataset.copy);
  else if (at.dataset.copyLink !== undefined) copy(at, new URL('./?' + at.dataset.copyLink, location.href).href);
  else {
    zoom = Math.min(4, Math.max(0.5, zoom * (Number(at.dataset.zoom) > 0 ? 1.25 : 0.8)));
    setPicture();
    showMark();
  }
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    const peeked = $('.cite.peeking');
    if (peeked) return peeked.classList.remove('peeking');
    if (!$('#pane')?.hidden) closePane();
  }
});

function peek(event) {
  const cite = event.target.closest?.('.cite');
  if (!cite) return;
  cite.classList.add('peeking');
  const chip = $('.chip', cite), box = $('.peek', cite);
  const right = root.clientWidth - (root.classList.contains('pane-open') && !narrow() ? $('#pane').offsetWidth : 0);
  const place = chip.getBoundingClientRect();
  box.style.left = Math.max(8, Math.min(place.left, right - box.offsetWidth - 8)) + 'px';
  const below = place.bottom + box.offsetHeight + 8 < window.innerHeight;
  box.style.top = (below ? place.bottom + 4 : Math.max(8, place.top - box.offsetHeight - 4)) + 'px';
  fetchPane(chip.dataset.place).catch(() => {});
}
function unpeek(event) {
  const cite = event.target.closest?.('.cite');
  if (cite && !cite.contains(event.relatedTarget)) cite.classList.remove('peeking');
}
document.addEventListener('pointerover', peek);
document.addEventListener('focusin', peek);
document.addEventListener('pointerout', unpeek);
document.addEventListener('focusout', unpeek);
window.addEventListener('scroll', () => $('.cite.peeking:not(:focus-within)')?.classList.remove('peeking'), { passive: true });

let resized;
window.addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(() => { setPicture(); coverChat(); }, 200); });

// --- What changes in the chat ------------------------------------------------------------------

let katex;
function setFormulas(within) {
  const source = $('meta[name=katex]');
  const formulas = [...within.querySelectorAll('.tex:not([data-set])')];
  if (!source || !formulas.length) return;
  katex ??= new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: source.dataset.css }));
    import(new URL(source.content, location.href).href).then((module) => resolve(module.default), reject);
  });
  katex.then((set) => {
    for (const formula of formulas) {
      if (!formula.isConnected || formula.dataset.set) continue;
      const text = formula.textContent;
      formula.dataset.set = text;
      try {
        set.render(text, formula, { displayMode: 'display' in formula.dataset, throwOnError: true, trust: false, maxExpand: 100 });
      } catch {
        formula.textContent = text;
      }
    }
  }).catch(() => {});
}

// A button that is pressed in the chat goes when the chat is drawn anew; the question box does not.
let focusLost = false;
document.addEventListener('click', (event) => {
  if (event.target.closest?.('#chat [data-do]')) focusLost = true;
});
function giveFocus() {
  if (focusLost && document.activeElement === document.body) $('#question textarea').focus({ preventScroll: true });
  focusLost = false;
}

let turns = 0, busy = false;
function chatChanged() {
  const chat = $('#chat');
  const now = chat.querySelectorAll('.turn');
  const isBusy = !!$('[aria-busy]', chat);
  root.classList.toggle('answering', isBusy);
  // A question that is asked comes to the top; whoever comes back goes on where they ended.
  const cameBack = turns === 0 && now.length > 1;
  if ((now.length > turns && isBusy) || cameBack) now[now.length - 1].scrollIntoView({ block: 'start', behavior: 'auto' });
  if (busy && !isBusy && now.length) {
    $('#announce').textContent = $('.answer', now[now.length - 1]).innerText;
    for (const chip of [...now[now.length - 1].querySelectorAll('.chip')].slice(0, 3)) {
      fetchPane(chip.dataset.place).then((html) => {
        const source = new DOMParser().parseFromString(html, 'text/html').querySelector('img')?.dataset.src;
        if (source) new Image().src = source + '&w=' + Math.ceil(pictureWidth() / 160) * 160;
      }).catch(() => {});
    }
  }
  if (!isBusy) {
    setFormulas(chat);
    if (!narrow()) giveFocus();
  }
  turns = now.length;
  busy = isBusy;
  markChips();
}

function parcelChanged() {
  const file = $('#parcel [data-file]');
  if (!file) return;
  const blob = new Blob([file.dataset.text], { type: file.dataset.type + ';charset=utf-8' });
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: file.dataset.file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  file.remove();
}

// --- Own PDFs ----------------------------------------------------------------------------------

let ownReady = '', ownTimer;

function showOwn(html) {
  const list = $('#own-list');
  if (list.innerHTML !== html) list.innerHTML = html;
  const now = $('ul', list)?.dataset.ready || '';
  if (now !== ownReady) $('#own-renew').click();
  ownReady = now;
  clearTimeout(ownTimer);
  if ($('[data-busy]', list)) ownTimer = setTimeout(lookAtOwn, 1000);
}

async function lookAtOwn() {
  try {
    const answer = await fetch('room/own');
    if (answer.ok) showOwn(await answer.text());
  } catch {
    ownTimer = setTimeout(lookAtOwn, 4000);
  }
}

function sendFile(file) {
  const sending = $('#own-sending');
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', 'room/own?' + new URLSearchParams({ name: file.name.slice(-200) }));
    request.upload.onprogress = (event) => {
      sending.textContent = `Sending ${file.name}: ${Math.round(100 * event.loaded / (event.total || 1))} %`;
    };
    request.onload = () => {
      if (request.status === 200) showOwn(request.responseText);
      else sayOfFile(file, new DOMParser().parseFromString(request.responseText, 'text/html').body.textContent);
      resolve();
    };
    request.onerror = () => { sayOfFile(file, 'It could not be sent. Is the program still running?'); resolve(); };
    request.send(file);
  });
}

function sayOfFile(file, why) {
  $('#own-said').append(Object.assign(document.createElement('p'), { className: 'note', textContent: `${file.name}: ${why}` }));
}

document.addEventListener('change', async (event) => {
  if (!event.target.matches?.('#own input[type=file]')) return;
  const files = [...event.target.files];
  event.target.value = '';
  $('#own-said').replaceChildren();
  for (const file of files) {
    // What the server would refuse anyway need not be sent first.
    const most = $('#own [data-megabytes]').dataset.megabytes;
    if (file.size > 1e6 * most) sayOfFile(file, `It has more than ${most} MB.`);
    else await sendFile(file);
  }
  $('#own-sending').textContent = '';
});

document.addEventListener('click', async (event) => {
  const at = event.target.closest?.('#own [data-remove]');
  if (!at) return;
  at.disabled = true;
  const answer = await fetch('room/own?' + new URLSearchParams({ upload: at.dataset.remove }), { method: 'DELETE' }).catch(() => null);
  if (answer?.ok) showOwn(await answer.text());
  else at.disabled = false;
  // The button that was pressed is gone.
  if (document.activeElement === document.body) $('#own input').focus();
});

// --- The program behind the page ---------------------------------------------------------------

const KEPT = ['reading-room', 'reading-room log'], DRAFT = 'reading-room draft';
let started = null;

async function lookAlive() {
  let now = null;
  try {
    const answer = await fetch('room/alive', { signal: AbortSignal.timeout(4000) });
    now = answer.ok ? (await answer.json()).started : null;
  } catch { /* said below */ }
  const lost = $('#lost');
  if (now === null && lost) {
    lost.textContent = 'The program behind this page has stopped. Your conversations are safe in this browser; the page goes on by itself when the program is back.';
    lost.hidden = false;
  } else if (now !== null && started !== null && now !== started) {
    return location.reload();
  } else if (lost) {
    lost.hidden = true;
    started = now ?? started;
  }
  setTimeout(lookAlive, now === null ? 1000 : document.hidden ? 30_000 : 4000);
}

// Another tab of the same student has kept something newer: what this one knows is old.
let outdated = false;
window.addEventListener('storage', (event) => { if (KEPT.includes(event.key)) outdated = true; });
window.addEventListener('focus', () => { if (outdated && !busy) location.reload(); });

function keepDraft() {
  const field = $('#question textarea');
  if (!field) return;
  const draft = sessionStorage.getItem(DRAFT);
  if (draft && !field.value) {
    field.value = draft;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }
  const keep = () => sessionStorage.setItem(DRAFT, field.value);
  window.addEventListener('pagehide', keep);
}

function openLink() {
  const query = new URLSearchParams(location.search);
  if (query.get('reading')) {
    const named = new URLSearchParams();
    for (const name of ['reading', 'page', 'cite']) if (query.get(name)) named.set(name, query.get(name));
    openPlace(named.toString());
  }
  // A question of a link is asked once, not again at every reload.
  if (query.has('q')) setTimeout(() => history.replaceState(null, '', location.pathname), 3000);
}

function begin() {
  new MutationObserver(chatChanged).observe($('#chat'), { childList: true, subtree: true, attributes: true, attributeFilter: ['aria-busy'] });
  const parcel = $('#parcel');
  if (parcel) new MutationObserver(parcelChanged).observe(parcel, { childList: true, subtree: true });
  $('#pane').classList.add('alive');
  keepDraft();
  openLink();
  chatChanged();
  lookAlive();
}

// A tab's content comes when the tab is first opened.
const awaiting = setInterval(() => {
  if ($('#own-list')) { clearInterval(awaiting); lookAtOwn(); }
}, 250);

const waiting = setInterval(() => {
  if ($('#chat') && $('#pane') && $('#question textarea')) { clearInterval(waiting); begin(); }
}, 50);
