// Feedback: the thumb that was pressed stays pressed; words selected in an article go into the form.
(() => {
  let pressed = {}; // by the number of the exchange and its question

  const name = thumb => {
    const exchange = thumb.closest('.exchange');
    return `${thumb.dataset.exchange} ${exchange.querySelector('.asked').textContent}`;
  };

  document.addEventListener('click', event => {
    const thumb = event.target.closest('.thumb');
    if (!thumb) return;
    pressed[name(thumb)] = thumb.dataset.up;
    press();
  });

  function press() {
    const thumbs = document.querySelectorAll('.thumb');
    if (!thumbs.length) pressed = {};
    for (const thumb of thumbs) thumb.setAttribute('aria-pressed', pressed[name(thumb)] === thumb.dataset.up);
  }

  let shown = '';
  function focusForm() {
    const form = document.querySelector('#correction form');
    const exchange = form ? form.dataset.exchange : '';
    if (exchange && exchange !== shown) form.querySelector('input').focus();
    shown = exchange;
  }

  wenju.after.push(press, focusForm);

  document.addEventListener('selectionchange', () => {
    const box = document.querySelector('#correction textarea');
    const selection = getSelection();
    const text = selection.anchorNode?.parentElement?.closest('#article .text');
    if (!box || !text || selection.isCollapsed) return;
    const part = selection.getRangeAt(0).cloneContents();
    part.querySelectorAll('sup').forEach(number => number.remove());
    box.value = part.textContent.trim().slice(0, 2000);
    const elsewhere = document.querySelector('#correction input[value=elsewhere]');
    if (!document.querySelector('#correction input:checked')) elsewhere.checked = true;
  });
})();
