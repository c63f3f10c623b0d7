// The language and the appearance that were chosen in this browser, on the login page too.
(() => {
  const recall = name => { try { return localStorage.getItem(`wenju.${name}`) } catch { return null } };
  const theme = recall('theme');
  if (theme) document.documentElement.dataset.theme = theme;
  const language = recall('language');
  const asked = new URLSearchParams(location.search).has('language');
  const other = language && !document.documentElement.lang.startsWith(language);
  if (other && !asked) location.replace(`/login?language=${language}`);
  document.addEventListener('click', event => {
    const link = event.target.closest('a[data-language]');
    if (link) try { localStorage.setItem('wenju.language', link.dataset.language) } catch { /* forbidden */ }
  });
})();
