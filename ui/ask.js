// Asking: the mark in view, the newest answer in view, the keys, and on a phone the article as a sheet from below.
(() => {
  const root = document.documentElement;
  const phone = matchMedia('(max-width: 800px)');
  const all = selector => [...document.querySelectorAll(selector)];
  const box = () => document.querySelector('#question textarea');
  let opener = null; // what the sheet was opened with
  let clicked = false; // whether a citation was asked for, perhaps the one that is shown already
  let focusing = 0;
  let seen = '';
  let count = 0;

  function showMark() {
    const article = document.querySelector('#article article');
    const { of, exchange, number } = article ? article.dataset : {};
    for (const chip of all('#conversation button[data-number]')) {
      const own = chip.dataset.event === of && chip.dataset.exchange === exchange && chip.dataset.number === number;
      if (own) chip.setAttribute('aria-current', 'true');
      else chip.removeAttribute('aria-current');
    }
    for (const each of all('.exchange')) each.classList.toggle('current', each.dataset.exchange === exchange);
    const place = `${of} ${exchange} ${number}`;
    if (place === seen && !clicked) return;
    [seen, clicked] = [place, false];
    const mark = article?.querySelector('mark.current');
    if (!mark) return;
    const pane = document.getElementById('beside');
    pane.scrollTop += mark.getBoundingClientRect().top - pane.getBoundingClientRect().top - pane.clientHeight / 3;
  }

  function showLast() {
    const exchanges = all('.exchange');
    if (exchanges.length > count) {
      const pane = document.getElementById('said-so-far');
      pane.scrollTop += exchanges.at(-1).getBoundingClientRect().top - pane.getBoundingClientRect().top;
      wenju.announce(document.getElementById('said').textContent);
    }
    count = exchanges.length;
  }

  wenju.after.push(showMark, showLast);

  function closeSheet() {
    root.classList.remove('sheet');
    clearTimeout(focusing);
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
  }

  function open(target) {
    clicked = true;
    if (target.hasAttribute('aria-current')) showMark(); // is shown already: the server sends nothing else
    if (!phone.matches || root.classList.contains('sheet')) return;
    opener = target;
    root.classList.add('sheet');
    focusing = setTimeout(() => document.querySelector('#article .close')?.focus(), 300); // once it can be seen
  }

  function type(text) {
    box().value = text;
    box().dispatchEvent(new Event('input', { bubbles: true }));
  }

  // gradio loads the page anew once a server that was away is back; what was being typed stays.
  const draft = () => `wenju.${wenju.own('draft')}`;
  addEventListener('pagehide', () => box() && sessionStorage.setItem(draft(), box().value));
  wenju.after.push(function restore() {
    if (!root.classList.contains('ready') || !box()) return;
    wenju.after.splice(wenju.after.indexOf(restore), 1);
    const typed = sessionStorage.getItem(draft());
    if (typed && !box().value) type(typed);
  });

  document.addEventListener('click', event => {
    const asks = event.target.closest('[data-ask]'); // anywhere on the page: asks that question
    if (asks) {
      document.querySelector('#panels [role=tab]').click();
      type(asks.dataset.ask);
      setTimeout(() => document.querySelector('#question button').click());
    }
    const opens = event.target.closest('[data-event=open], [data-event=passage], button, summary, input, a');
    if (opens?.matches('button[data-event=open], button[data-event=passage]')) open(opens);
    if (event.target.closest('#article .close') || event.target.matches('.gradio-container')) closeSheet();
  }, true);

  document.addEventListener('toggle', event => {
    if (event.target.open && event.target.matches('.search-as')) event.target.scrollIntoView({ block: 'nearest' });
  }, true);

  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !box()?.offsetParent) return;
    if (event.key === 'Escape') {
      if (box().value) type('');
      else closeSheet();
    } else if (event.target.closest('input, textarea, select, [contenteditable]')) {
      return;
    } else if (event.key === '/') {
      event.preventDefault();
      box().focus();
    } else if (/^[1-9]$/.test(event.key)) {
      const exchange = document.querySelector('.exchange.current') || all('.exchange').at(-1);
      exchange?.querySelector(`button[data-number="${event.key}"]`)?.click();
    }
  });
})();
