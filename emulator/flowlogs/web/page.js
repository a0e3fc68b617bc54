// Refreshes the tables of the page every two seconds. The page works without this script.
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
  } catch { /* The emulator does not answer: the last tables stay. */ }
}, 2000);
