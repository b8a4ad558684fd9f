'use strict';

/* A view is {z, x, y}: the zoom, from 1, and where the left top corner of the picture lies, per
   cent of a pane. All panes of a viewer have the same one. */
const MOST = 32;
const WHOLE = { z: 1, x: 0, y: 0 };
const within = (value, low, high) => Math.min(Math.max(value, low), high);

function bounded({ z, x, y }) {
  const zoom = within(z, 1, MOST), least = 100 - 100 * zoom;
  return { z: zoom, x: within(x, least, 0), y: within(y, least, 0) };
}

/* Zoomed by a factor; what is at (px, py) of a pane stays there as far as the edges let it. */
function zoomed(view, factor, px = 50, py = 50) {
  const z = within(view.z * factor, 1, MOST), by = z / view.z;
  return bounded({ z, x: px - (px - view.x) * by, y: py - (py - view.y) * by });
}

const moved = (view, dx, dy) => bounded({ ...view, x: view.x + dx, y: view.y + dy });

function setUp(viewer) {
  const panes = viewer.querySelector('.panes');
  const all = [...panes.querySelectorAll('.pane')];
  const range = viewer.querySelector('input[type=range]');
  const said = viewer.querySelector('output');
  const chosen = [...viewer.querySelectorAll('select')];
  const side = viewer.querySelector('[data-do=side]');
  const width = Math.max(...all.map(pane => Number(pane.querySelector('img').getAttribute('width'))));
  const pointers = new Map();
  let view = WHOLE, slides = true, at = 50, sides = [0, 1], dragging = '', held = all[0];

  const share = () => all[sides[1]].getBoundingClientRect().width / width;

  function draw() {
    for (const [name, value] of Object.entries(view)) panes.style.setProperty(`--${name}`, value);
    panes.style.setProperty('--at', `${at}%`);
    all.forEach((pane, number) => {
      pane.classList.toggle('left', number === sides[0]);
      pane.classList.toggle('right', number === sides[1]);
    });
    panes.classList.toggle('slide', slides);
    panes.classList.toggle('near', view.z > 1);
    panes.classList.toggle('squares', view.z * share() >= 3);
    chosen.forEach((select, number) => { select.value = sides[number]; });
    range.value = at;
    range.parentElement.hidden = !slides;
    side.setAttribute('aria-pressed', !slides);
    said.textContent = `${Math.round(100 * view.z * share())} %`;
  }

  function choose(number, pane) {
    if (sides[1 - number] === pane) sides.reverse();
    sides[number] = pane;
  }

  const acts = {
    in: () => { view = zoomed(view, 1.5); },
    out: () => { view = zoomed(view, 1 / 1.5); },
    fit: () => { view = WHOLE; },
    full: () => { view = zoomed(view, 1 / share() / view.z); },
    side: () => { slides = !slides; },
    swap: () => { sides.reverse(); },
    next: () => {
      do sides[1] = (sides[1] + 1) % all.length; while (sides[1] === sides[0]);
    },
  };
  const keys = { '+': 'in', '=': 'in', '-': 'out', 0: 'fit', 1: 'full', s: 'side', x: 'swap', n: 'next' };
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  function press(event) {
    const act = acts[keys[event.key.toLowerCase()]], arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(act || arrow)) return;
    if (act) act();
    else if (slides && arrow[0] && !event.shiftKey) at = within(at - 2 * arrow[0], 0, 100);
    else if (view.z > 1) view = moved(view, 8 * arrow[0], 8 * arrow[1]);
    else return;
    event.preventDefault();
    draw();
  }

  function paneAt(event) {
    if (slides) return all[sides[1]];
    return all.find(pane => {
      const box = pane.getBoundingClientRect();
      return box.left <= event.clientX && event.clientX <= box.right
        && box.top <= event.clientY && event.clientY <= box.bottom;
    }) || all[0];
  }

  /* Where the pointer is, per cent of a pane. */
  function place(event, pane) {
    const box = pane.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top]
      .map((pixels, axis) => 100 * pixels / [box.width, box.height][axis]);
  }

  function down(event) {
    if (event.button) return;
    if (!pointers.size) held = paneAt(event);
    const [x, y] = place(event, held);
    pointers.set(event.pointerId, [x, y]);
    panes.setPointerCapture(event.pointerId);
    const close = Math.abs(x - at) / 100 * held.getBoundingClientRect().width < 24;
    dragging = slides && (view.z === 1 || close) ? 'divider' : 'picture';
    if (pointers.size > 1) dragging = 'both';
    else if (dragging === 'divider') at = within(x, 0, 100);
    draw();
  }

  function drag(event) {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event, held);
    if (dragging === 'divider') at = within(now[0], 0, 100);
    else if (dragging === 'picture') view = moved(view, now[0] - before[0], now[1] - before[1]);
    else pinch(event.pointerId, before, now);
    pointers.set(event.pointerId, now);
    draw();
  }

  function pinch(id, before, now) {
    const [, other] = [...pointers].find(([each]) => each !== id);
    const apart = point => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    view = zoomed(view, apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    view = moved(view, (now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  function up(event) {
    pointers.delete(event.pointerId);
    dragging = view.z > 1 || !slides ? 'picture' : 'divider';
  }

  function wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    view = zoomed(view, Math.exp(-event.deltaY / 200), ...place(event, paneAt(event)));
    draw();
  }

  panes.addEventListener('keydown', press);
  panes.addEventListener('pointerdown', down);
  panes.addEventListener('pointermove', drag);
  for (const end of ['pointerup', 'pointercancel']) panes.addEventListener(end, up);
  panes.addEventListener('wheel', wheel, { passive: false });
  panes.addEventListener('dblclick', event => {
    view = zoomed(view, event.shiftKey ? 1 / 2 : 2, ...place(event, paneAt(event)));
    draw();
  });
  viewer.addEventListener('click', event => {
    const button = event.target.closest('[data-do]');
    if (button) { acts[button.dataset.do](); draw(); }
  });
  range.addEventListener('input', () => { at = Number(range.value); draw(); });
  chosen.forEach((select, number) => select.addEventListener('change', () => {
    choose(number, Number(select.value));
    draw();
  }));
  addEventListener('resize', draw);
  viewer.querySelector('.controls').hidden = false;
  draw();
}

document.querySelectorAll('.viewer').forEach(setUp);
