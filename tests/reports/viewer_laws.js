/* Drives viewer.js without a browser, by as much of a document as it asks for. */
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const vm = require('node:vm');

const SIZE = { width: 400, height: 300 };

class Part {
  constructor(fields = {}) {
    Object.assign(this, { hears: {}, classes: new Set(), vars: {}, attributes: {}, dataset: {} }, fields);
    this.style = { setProperty: (name, value) => { this.vars[name] = value; } };
    this.classList = { toggle: (name, on) => this.classes[on ? 'add' : 'delete'](name) };
  }
  addEventListener(name, hear) { this.hears[name] = hear; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return this.attributes[name]; }
  setPointerCapture() {}
  getBoundingClientRect() {
    return { left: 0, top: 0, right: SIZE.width, bottom: SIZE.height, ...SIZE };
  }
}

/* A viewer of pictures 800 wide on panes 400 wide, and what its script shows of it. */
function made(count) {
  const image = new Part({ attributes: { width: '800' } });
  const all = Array.from({ length: count }, () => new Part({ querySelector: () => image }));
  const panes = new Part({ querySelectorAll: () => all });
  const range = new Part({ parentElement: new Part() });
  const parts = { '.panes': panes, 'input[type=range]': range, output: new Part(),
    '[data-do=side]': new Part(), '.controls': new Part({ hidden: true }) };
  const selects = count > 2 ? [new Part(), new Part()] : [];
  const viewer = new Part({ querySelector: name => parts[name], querySelectorAll: () => selects });
  const context = { document: { querySelectorAll: () => [viewer] }, addEventListener() {}, Math };
  vm.runInNewContext(fs.readFileSync(process.argv[2], 'utf8') + ';this.laws = {zoomed, moved, MOST};', context);
  const key = (name, more = {}) => {
    let prevented = false;
    panes.hears.keydown({ key: name, ...more, preventDefault: () => { prevented = true; } });
    return prevented;
  };
  const point = (name, id, x, y) => panes.hears[name]({ pointerId: id, clientX: x, clientY: y, button: 0 });
  const view = () => ['--z', '--x', '--y', '--at'].map(name => panes.vars[name]);
  const shown = () => ['left', 'right'].map(name => all.findIndex(pane => pane.classes.has(name)));
  return { ...context.laws, all, panes, range, parts, selects, viewer, key, point, view, shown };
}

const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-9, `${one} is not ${other}`);

/* What is under the pointer stays there, unless the edge of the picture would come in. */
{
  const { zoomed, moved, MOST } = made(2);
  const at = (view, p, q) => [(p - view.x) / view.z, (q - view.y) / view.z];
  let view = { z: 1, x: 0, y: 0 };
  for (const factor of [2, 1.5, 3, 0.7]) {
    const before = at(view, 30, 60);
    view = zoomed(view, factor, 30, 60);
    at(view, 30, 60).forEach((value, axis) => near(value, before[axis]));
  }
  for (const [factor, dx, dy] of [[100, 0, 0], [1, 1e4, -1e4], [0.1, -1e4, 1e4], [1e-6, 3, 3]]) {
    view = moved(zoomed(view, factor), dx, dy);
    assert.ok(view.z >= 1 && view.z <= MOST);
    for (const edge of [view.x, view.y]) assert.ok(edge <= 0 && edge >= 100 - 100 * view.z - 1e-9);
  }
  assert.deepEqual({ ...view }, { z: 1, x: 0, y: 0 });
}

/* Keys. */
{
  const { key, view, shown, panes, range, parts } = made(3);
  assert.equal(parts['.controls'].hidden, false);
  assert.deepEqual([view()[3], shown(), parts.output.textContent], ['50%', [0, 1], '50 %']);
  key('ArrowLeft'); key('ArrowLeft'); key('ArrowRight');
  assert.deepEqual([view()[3], range.value], ['48%', 48]);
  assert.equal(key('ArrowUp'), false);  // the page scrolls
  assert.equal(key('+', { ctrlKey: true }), false);  // the browser zooms
  assert.equal(key('q'), false);
  key('1');
  assert.deepEqual(view(), [2, -50, -50, '48%']);
  assert.ok(panes.classes.has('near') && !panes.classes.has('squares'));
  key('ArrowUp'); key('ArrowLeft', { shiftKey: true });
  assert.deepEqual(view().slice(0, 3), [2, -42, -42]);
  for (let press = 0; press < 4; press++) key('+');
  assert.ok(panes.classes.has('squares'));
  key('0');
  assert.deepEqual(view().slice(0, 3), [1, 0, 0]);
  key('x');
  assert.deepEqual(shown(), [1, 0]);
  key('n'); key('n');
  assert.deepEqual(shown(), [1, 0]);
  key('n');
  assert.deepEqual(shown(), [1, 2]);
  key('S');
  assert.equal(panes.classes.has('slide'), false);
  assert.deepEqual([range.parentElement.hidden, parts['[data-do=side]'].attributes['aria-pressed']], [true, 'true']);
  assert.equal(key('ArrowLeft'), false);
}

/* Of two pictures the next is the one there is, and the two never become one. */
{
  const { key, shown } = made(2);
  key('n');
  assert.deepEqual(shown(), [0, 1]);
}

/* Choosing the picture that is on the other side swaps them. */
{
  const { selects, shown } = made(3);
  selects[0].value = '1';
  selects[0].hears.change();
  assert.deepEqual([shown(), selects.map(each => each.value)], [[1, 0], [1, 0]]);
}

/* A finger moves the divider; of a zoomed picture, the picture; two fingers zoom. */
{
  const { point, view, key } = made(2);
  point('pointerdown', 1, 100, 10);
  assert.equal(view()[3], '25%');
  point('pointermove', 1, 500, 10);
  assert.equal(view()[3], '100%');
  point('pointerup', 1, 500, 10);
  point('pointermove', 1, 0, 10);
  assert.equal(view()[3], '100%');
  key('1');
  point('pointerdown', 1, 200, 150);
  point('pointermove', 1, 240, 120);
  assert.deepEqual(view(), [2, -40, -60, '100%']);
  point('pointerup', 1, 240, 120);
  point('pointerdown', 1, 398, 10);
  point('pointermove', 1, 200, 10);
  assert.deepEqual(view(), [2, -40, -60, '50%']);
  point('pointerup', 1, 200, 10);
  key('0');
  point('pointerdown', 1, 100, 150);
  point('pointerdown', 2, 300, 150);
  point('pointermove', 1, 0, 150);
  near(view()[0], 1.5);
  point('pointercancel', 2, 300, 150);
  point('pointermove', 1, 10, 150);
  near(view()[0], 1.5);
}

/* Buttons and the slider below do what keys do; the wheel only with Ctrl. */
{
  const { viewer, panes, range, view } = made(2);
  viewer.hears.click({ target: { closest: () => ({ dataset: { do: 'full' } }) } });
  assert.equal(view()[0], 2);
  viewer.hears.click({ target: { closest: () => null } });
  range.value = '12.5';
  range.hears.input();
  assert.equal(view()[3], '12.5%');
  const turned = (more) => panes.hears.wheel({ deltaY: -200, clientX: 0, clientY: 0, preventDefault() {}, ...more });
  turned({});
  assert.equal(view()[0], 2);
  turned({ ctrlKey: true });
  near(view()[0], 2 * Math.E);
  panes.hears.dblclick({ shiftKey: true, clientX: 0, clientY: 0 });
  near(view()[0], Math.E);
}
console.log('all laws hold');
