// Keeps the tables of the page as they are now. Without it the page is one that is read again by hand.
'use strict';
const live = document.getElementById('live');
setInterval(async () => {
  if (document.hidden) return;
  const open = new Set([...live.querySelectorAll('details[open]>summary>code:first-child')].map(c => c.textContent));
  try {
    const answer = await fetch('/_vpcflow/live' + location.search);
    if (!answer.ok) return;
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, 'text/html').body;
    for (const d of fresh.querySelectorAll('details'))
      d.open = open.has(d.querySelector('summary>code').textContent);
    live.replaceChildren(...fresh.childNodes);
  } catch { /* The emulator is away: the last that was known stays. */ }
}, 2000);
