// The corpus: looking where the index stands, the bar of a running build, uploads, and leaving an edit unsaved.
(() => {
  const root = document.documentElement;
  const RUNNING = 1_000, IDLE = 5_000; // milliseconds between two looks
  let waiting = 0;
  let edited = ''; // what the editor held when it was opened

  const editor = () => document.querySelector('#editor-text textarea');
  const unsaved = () => editor()?.offsetParent && editor().value !== edited;

  async function look() {
    clearTimeout(waiting);
    let running = false;
    if (document.visibilityState === 'visible') try {
      const said = await (await fetch(`/standing?language=${wenju.language()}`)).json();
      running = 'label' in said;
      if (running) progress(said);
      if (said.key !== wenju.standing) {
        wenju.standing = said.key;
        document.querySelector('#badge [data-event=standing]')?.click();
      }
    } catch { /* the server does not answer: the next look tells */ }
    waiting = setTimeout(look, running ? RUNNING : IDLE);
  }

  function progress({ label, done, total }) {
    const strip = document.querySelector('.strip.running');
    if (!strip) return;
    const bar = strip.querySelector('progress');
    strip.querySelector('.stage').textContent = total ? `${label} ${done}/${total}` : label;
    if (total) [bar.max, bar.value] = [total, done];
    else bar.removeAttribute('value');
  }

  document.addEventListener('visibilitychange', look);
  look();

  async function upload(input, files) {
    const replace = document.getElementById('replace')?.checked;
    const said = [];
    for (const file of files) {
      if (file.size > Number(input.dataset.most)) { said.push(`${input.dataset.large} ${file.name}`); continue; }
      const address = `/articles/${encodeURIComponent(file.name)}?language=${wenju.language()}&replace=${Boolean(replace)}`;
      try {
        const put = () => fetch(address, { method: 'PUT', body: file });
        let answer = await put();
        while (answer.status === 429) { await wenju.pause(answer); answer = await put(); }
        said.push(answer.ok ? (await answer.json()).said : `${input.dataset.failed} ${file.name}`);
      } catch { said.push(`${input.dataset.failed} ${file.name}`); }
    }
    input.value = '';
    input.form.elements.said.value = said.join('\n').slice(0, 9_000);
    input.form.requestSubmit();
    look();
  }

  const files = () => document.querySelector('#corpus-tools input[type=file]');
  document.addEventListener('change', event => {
    if (event.target === files()) upload(event.target, [...event.target.files]);
  });
  document.addEventListener('dragover', event => {
    if (files() && event.target.closest?.('#corpus')) event.preventDefault();
  });
  document.addEventListener('drop', event => {
    if (!files() || !event.target.closest?.('#corpus') || !event.dataTransfer.files.length) return;
    event.preventDefault();
    upload(files(), [...event.dataTransfer.files]);
  });

  // Before gradio and the panes hear of a click.
  document.addEventListener('click', event => {
    const target = event.target.closest('button, [data-event]');
    if (target?.dataset.tab) document.getElementById(`${target.dataset.tab}_tab-button`)?.click();
    const leaves = target?.matches('#shelf [data-event=read], #shelf [data-event=new], #shelf [data-event=lint], #shelf [data-event=generations], #shelf [data-event=report], #editor-leave');
    if (leaves && unsaved() && !confirm(document.getElementById('leaving').textContent)) {
      event.stopImmediatePropagation();
      event.preventDefault();
      return;
    }
    if (target?.matches('#shelf [data-event=read], [data-event=new], [data-event=lint], [data-event=generations], [data-event=report]'))
      root.classList.add('at-desk');
    if (target?.matches('#desk .back, #editor-leave, [data-event=really], [data-tab]')) root.classList.remove('at-desk');
  }, true);

  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && !unsaved()) root.classList.remove('at-desk');
    const entries = [...document.querySelectorAll('#corpus-list .entry')];
    const place = entries.indexOf(event.target);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (place < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    entries[to]?.focus();
  });

  addEventListener('beforeunload', event => { if (unsaved()) event.preventDefault(); });

  // What had the focus in HTML that is rendered anew has it again there.
  let held = null, home = '';
  document.addEventListener('focusin', ({ target }) => {
    held = target.closest('#corpus [data-event]');
    home = held?.closest('#shelf') ? '#shelf' : '#desk';
  });
  const same = element => ['event', 'name', 'standing', 'spoken', 'sort'].every(key => element.dataset[key] === held.dataset[key]);
  function refocus() {
    if (!held || held.isConnected || document.activeElement !== document.body) return;
    [...document.querySelectorAll(`${home} [data-event]`)].find(same)?.focus({ preventScroll: true });
  }

  let seen = '', asking = null;
  wenju.after.push(() => {
    wenju.busy(false);
    const article = document.querySelector('#corpus-view article, #corpus-view section, #corpus-view .nothing');
    const now = article?.getAttribute('aria-label') ?? '';
    const mark = article?.querySelector('mark.current');
    const asked = article?.querySelector('.asked-back');
    if (asked && asked !== asking) asked.querySelector('input, button').focus({ preventScroll: true });
    asking = asked;
    refocus();
    if (now === seen && !mark) return;
    seen = now;
    const pane = document.getElementById('desk');
    if (pane) pane.scrollTop = mark ? pane.scrollTop + mark.getBoundingClientRect().top - pane.clientHeight / 3 : 0;
  });

  wenju.busy = busy => root.classList.toggle('busy', busy);
  wenju.opened = () => setTimeout(() => {
    edited = editor()?.value ?? '';
    document.getElementById('desk').scrollTop = 0;
  });
})();
