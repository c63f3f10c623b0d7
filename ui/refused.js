// Calls that the server refuses are told in the language of the page; and who is logged in.
(() => {
  const root = document.documentElement;
  const call = window.fetch;
  const user = () => window.gradio_config?.username ?? '';
  let forgetting = 0;

  // Keeps apart what several users of one browser have stored.
  wenju.own = name => user() ? `${name}.${user()}` : name;

  function tell(text, { link, seconds }) {
    clearTimeout(forgetting);
    let place = document.getElementById('refused');
    if (!place) {
      document.body.append(place = Object.assign(document.createElement('p'), { id: 'refused' }));
      place.setAttribute('role', 'alert');
    }
    place.replaceChildren(link ? Object.assign(document.createElement('a'), { href: link, textContent: text }) : text);
    root.classList.toggle('refused', Boolean(text));
    if (seconds) forgetting = setTimeout(() => tell('', {}), seconds * 1_000);
  }

  wenju.pause = answer => new Promise(done => setTimeout(done, Number(answer.headers.get('Retry-After')) * 1_000));

  async function look(answer) {
    const now = answer.headers.get('Wenju-User');
    if (now !== null && decodeURIComponent(now) !== user()) location.reload(); // another has logged in, in another tab
    if (answer.ok || !answer.headers.get('content-type')?.startsWith('application/json')) return;
    const { said } = await answer.clone().json();
    const seconds = Number(answer.headers.get('Retry-After'));
    if (said) tell(said[wenju.language()], { link: answer.status === 401 ? '/login' : '', seconds });
  }

  window.fetch = async (...request) => {
    const answer = await call(...request);
    await look(answer);
    if (answer.ok && request[1]?.method === 'POST') tell('', {});
    return answer;
  };

  document.addEventListener('click', async event => {
    if (!event.target.closest('button[data-leave]')) return;
    try { localStorage.removeItem(`wenju.${wenju.own('history')}`) } catch { /* forbidden */ }
    const box = document.querySelector('#question textarea');
    if (box) box.value = '';
    await call('/logout', { method: 'POST' });
    location.assign('/login');
  });
})();
