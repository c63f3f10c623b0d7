// What only the browser knows: the language and the appearance chosen in it; and the events of own HTML.
window.wenju = (() => {
  const root = document.documentElement;

  // A browser may forbid storage; the page then forgets with the visit.
  const recall = name => { try { return localStorage.getItem(`wenju.${name}`) } catch { return null } };
  const keep = (name, value) => { try { localStorage.setItem(`wenju.${name}`, value) } catch { /* forbidden */ } };

  const chosen = { language: recall('language'), theme: recall('theme') };
  const language = () => chosen.language || (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en');
  const theme = () => chosen.theme || new URLSearchParams(location.search).get('__theme') || 'system';

  const dark = matchMedia('(prefers-color-scheme: dark)');
  function appear() {
    const look = theme() === 'system' ? (dark.matches ? 'dark' : 'light') : theme();
    root.dataset.theme = look;
    document.body.classList.toggle('dark', look === 'dark');
  }
  dark.addEventListener('change', appear);

  function press() {
    for (const [name, value] of Object.entries({ language: language(), theme: theme() }))
      for (const button of document.querySelectorAll(`button[data-${name}]`))
        button.setAttribute('aria-pressed', button.dataset[name] === value);
  }

  document.addEventListener('click', event => {
    const button = event.target.closest('button[data-language], button[data-theme]');
    for (const [name, value] of Object.entries({ ...button?.dataset })) if (name in chosen) keep(name, chosen[name] = value);
    if (button) { appear(); press(); }
  }, true);

  // See `pane` in interface.py. Whole numbers are sent as numbers, so that the server need not read them.
  function values(element) {
    const { event, ...data } = element.dataset;
    for (const name of Object.keys(data)) if (/^\d+$/.test(data[name])) data[name] = Number(data[name]);
    return element.localName === 'form' ? { ...data, ...Object.fromEntries(new FormData(element)) } : data;
  }

  // What has the focus keeps it where its own HTML is written anew.
  let focused = null;
  const identity = target => JSON.stringify(target.dataset);
  function refocus() {
    if (!focused || focused.target.isConnected || document.activeElement !== document.body) return;
    const { element, same } = focused;
    [...element.querySelectorAll('[data-event]')].find(each => identity(each) === same)?.focus({ preventScroll: true });
  }
  document.addEventListener('pointerdown', () => { focused = null; }, true);

  function delegate(element, trigger, events) {
    element.addEventListener('focusin', ({ target }) => {
      focused = target.dataset.event ? { element, target, same: identity(target) } : null;
    });
    const send = target => events.includes(target.dataset.event) && trigger(target.dataset.event, values(target));
    element.addEventListener('click', event => {
      const target = event.target.closest('[data-event], button, a, input, summary');
      if (target?.dataset.event && target.localName !== 'form') send(target);
    });
    element.addEventListener('submit', event => {
      event.preventDefault();
      send(event.target);
    });
    new MutationObserver(changed).observe(element, { childList: true, subtree: true, characterData: true });
    changed();
  }

  // Once own HTML has changed, after all of it: what panels have to do then.
  const after = [press, refocus];
  let waiting = false;
  function changed() {
    if (!waiting) requestAnimationFrame(() => { waiting = false; for (const act of after) act(); });
    waiting = true;
  }

  function announce(text) { // what a screen reader says without being asked
    let status = document.getElementById('status');
    if (!status) {
      document.body.append(status = Object.assign(document.createElement('p'), { id: 'status', className: 'unseen' }));
      status.setAttribute('role', 'status');
    }
    status.textContent = text;
  }

  function save(text) { // the name and the text of a file, as JSON; nothing where there is none
    if (!text) return;
    const file = JSON.parse(text);
    const address = URL.createObjectURL(new Blob([file.text], { type: 'text/plain;charset=utf-8' }));
    Object.assign(document.createElement('a'), { href: address, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  // What is waited for: "searching", "unreachable" where it will not come, or nothing.
  function wait(state) {
    root.classList.remove('searching', 'unreachable');
    if (state) root.classList.add(state);
  }

  // gradio tells in a hidden box of its own, in English, that a call has failed; the page tells it in its language.
  new MutationObserver(() => document.querySelector('.toast-body.error') && wait('unreachable'))
    .observe(document.body, { childList: true, subtree: true });

  function ready() {
    root.lang = language() === 'zh' ? 'zh-CN' : 'en';
    root.classList.add('ready');
    appear();
    changed();
  }

  appear();
  setTimeout(ready, 8_000); // whatever happens, the page is shown
  return { after, announce, delegate, keep, language, ready, recall, save, wait };
})();
