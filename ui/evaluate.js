// Measuring: a file that is chosen is read here and sent as text; what was opened is brought into view.
(() => {
  let chosen = null; // the box a file was last chosen in

  document.addEventListener('change', event => {
    if (!event.target.matches('#evaluate-controls input[type=file]') || !event.target.files.length) return;
    chosen = event.target;
    chosen.closest('label').nextElementSibling.click();
  });

  // Its name on the first line, then its text; nothing where it is longer than a call may be.
  wenju.chosenFile = async () => {
    const [file] = chosen.files;
    const packed = file.name.endsWith('.gz');
    let text = '\n';
    try {
      const stream = packed ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream();
      const limit = Number(chosen.dataset.limit);
      if (file.size > limit) return '';
      text = await new Response(stream).text();
      if (new Blob([JSON.stringify(text)]).size > limit) return '';
    } catch { /* no gzip: an empty file */ }
    chosen.value = '';
    return `${file.name.replaceAll('\n', ' ')}\n${text}`;
  };

  let seen = '';
  wenju.after.push(() => {
    const opened = document.querySelector('#question-view h3');
    if (opened && opened.textContent !== seen) {
      opened.focus({ preventScroll: true });
      opened.scrollIntoView({ block: 'start' });
    }
    seen = opened?.textContent ?? '';
  });

  let name = '';
  wenju.after.push(() => {
    const run = document.getElementById('evaluated');
    if (run && run.textContent !== name) wenju.announce(name = run.textContent);
  });
})();
