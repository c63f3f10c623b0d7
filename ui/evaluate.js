// Measuring: a file that is chosen is read here and sent as text; what was opened is brought into view.
(() => {
  let chosen = null; // the box a file was last chosen in

  document.addEventListener('change', event => {
    if (!event.target.matches('#evaluate-controls input[type=file]') || !event.target.files.length) return;
    chosen = event.target;
    chosen.closest('label').nextElementSibling.click();
  });

  // What a stream holds; nothing where it is longer than a call may be, however small it was packed.
  async function bytes(stream, limit) {
    const parts = [];
    for await (const part of stream) {
      parts.push(part);
      if ((limit -= part.length) < 0) return null;
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  // UTF-16 where the file begins with its mark, as Windows writes it; else UTF-8, or no text at all.
  function decoded(whole) {
    const mark = whole[0] << 8 | whole[1];
    const coding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
    return new TextDecoder(coding, { fatal: true }).decode(whole);
  }

  // Its name on the first line, then its text; nothing where it is longer than a call may be.
  wenju.chosenFile = async () => {
    const [file] = chosen.files;
    const limit = Number(chosen.dataset.limit);
    let text = '';
    try {
      const packed = file.name.endsWith('.gz');
      const whole = await bytes(packed ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream(), limit);
      if (whole) text = decoded(whole);
      if (!whole || new Blob([JSON.stringify(text)]).size > limit) return '';
    } catch { /* no gzip, or no text: taken for an empty file */ }
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
