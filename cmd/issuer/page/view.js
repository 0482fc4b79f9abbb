// What is on the screen: one section at a time, and what a screen reader is told.

export const $ = (id) => document.getElementById(id);

const sections = [...document.querySelectorAll('main > section')];

export const shown = (id) => !$(id).hidden;

// view shows a section. Whoever must know hears the event "view".
export function view(id) {
  for (const s of sections) s.hidden = s.id !== id;
  $('back').hidden = id === 'home';
  $('check').classList.remove('busy');
  say('');
  document.dispatchEvent(new CustomEvent('view', { detail: id }));
  window.scrollTo(0, 0);
  $(id).querySelector('h1').focus({ preventScroll: true });
}

// say tells a screen reader what is true now.
export const say = (text) => { $('live').textContent = text; };

// person writes whose something is.
export function person(element, { name, number }) {
  const b = document.createElement('b'), span = document.createElement('span');
  b.textContent = name;
  span.textContent = number;
  span.className = 'number';
  element.replaceChildren(b, span);
}
