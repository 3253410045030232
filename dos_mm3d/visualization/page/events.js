// ---- mouse and fingers; all panes share one eye ----
function listen(pane) {
  const canvas = pane.canvas, down = new Map();
  let moved = 0;
  const shift = (dx, dy) => {
    const {right, up} = pane.rows(), metres = view.distance / canvas.clientHeight;
    view.target = view.target.map((value, k) => value + metres * (up[k] * dy - right[k] * dx));
  };
  const nearer = by => { view.distance = Math.min(Math.max(view.distance * by, 1), 2000); };
  canvas.oncontextmenu = event => event.preventDefault();
  canvas.onpointerdown = event => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event);
    moved = down.size > 1 ? Infinity : 0;  // two fingers click on nothing
  };
  canvas.onpointermove = event => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
    moved += Math.abs(dx) + Math.abs(dy);
    if (down.size === 2) {
      const other = [...down.values()].find(one => one.pointerId !== event.pointerId);
      const apart = one => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      nearer(apart(last) / apart(event));
      shift(dx / 2, dy / 2);
    } else if (event.shiftKey || event.buttons & 2) shift(dx, dy);
    else {
      view.yaw -= dx * 0.006;
      view.pitch = Math.min(Math.max(view.pitch + dy * 0.006, -1.5), 1.57);
    }
    down.set(event.pointerId, event);
    redraw();
  };
  canvas.onpointercancel = event => down.delete(event.pointerId);
  canvas.onpointerup = event => {
    const clicked = down.delete(event.pointerId) && moved < 4 && event.button === 0 && !event.shiftKey;
    if (clicked) choose(pane, event.offsetX, event.offsetY);
  };
  canvas.onwheel = event => { event.preventDefault(); nearer(Math.exp(event.deltaY * 0.001)); redraw(); };
  canvas.ondblclick = () => { Object.assign(view, JSON.parse(atFirst)); redraw(); };
}

// what the file says of a point: its place, its categories, the boxes around it
function described(sweep, i) {
  const place = placeOf(sweep, i), said = [`${written(place)} of ${sweep.name}`];
  data.categories.forEach(({kind, names}, k) => said.push(`${kind} ${names[sweep.categories[k][i]] ?? 'none'}`));
  data.boxes.forEach(({title}, group) => {
    for (const box of shownBoxes(sweep, group))
      if (isInside(box.box, place)) said.push(`${title}: ${box.text}`);
  });
  return said.join(', ');
}

function choose(pane, x, y) {
  const i = pane.pick(x, y), sweep = pane.sweep;
  if (i < 0) return;
  if (!data.width) { byId('said').textContent = described(sweep, i); return; }
  chosen = {sweep, cell: sweep.cell[i]};
  byId('mode').value = 'similarity';
  paint();
  const others = panes.filter(other => other.sweep !== sweep).map(other => other.rings.map(point =>
    `${written(placeOf(other.sweep, point))} ${other.cosines[other.sweep.cell[point]].toFixed(2)}`).join('; '));
  byId('said').textContent = `similarity to ${described(sweep, i)} (white ring)`
    + (others.length ? `; blue rings: most similar in the other sweep, with their cosines: ${others}` : '');
}

// ---- together ----
let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; for (const pane of panes) pane.draw(); });
}

function paint() {
  const kind = data.kinds.includes(byId('mode').value), number = byId('prototype').value;
  byId('prototypes').hidden = !kind;
  if (kind) byId('prototypes').querySelector('output').textContent =
    `${data.prototypes[number].number}, nearest to ${(100 * data.prototypes[number].share).toFixed(1)} % of the places`;
  byId('scores').querySelector('output').textContent = Number(byId('score').value).toFixed(2);
  for (const pane of panes) pane.paint();
  if (kind) byId('said').textContent = 'orange rings: the places that use this prototype most';
  writeLegend();
  redraw();
}

function writeLegend() {
  const legend = byId('legend');
  const shown = data.boxes.map(({title, colour}, group) =>
    [colour, `${title}: ${panes.map(pane => shownBoxes(pane.sweep, group).length).join(', ')}`]);
  const k = data.categories.findIndex(({kind}) => kind === byId('mode').value);
  if (k >= 0) {
    const used = new Set(panes.flatMap(pane => [...new Set(pane.sweep.categories[k])]));
    const {names, colours} = data.categories[k];
    names.forEach((name, i) => { if (used.has(i)) shown.push([colours[i], name]); });
  }
  legend.replaceChildren(...shown.map(([colour, name]) => {
    const entry = document.createElement('span'), mark = document.createElement('i');
    mark.style.background = `rgb(${colour})`;
    entry.append(mark, name);
    return entry;
  }));
}

const modes = [...data.width ? ['PCA', 'similarity'] : [], ...data.categories.map(({kind}) => kind), 'height',
               'intensity', ...data.kinds];
for (const name of modes) byId('mode').add(new Option(name, name));
byId('prototype').max = Math.max(data.prototypes.length - 1, 0);
byId('score').value = data.score;
byId('scores').hidden = !data.sweeps.some(sweep => sweep.boxes.flat().some(box => box.score !== null));
const sections = [...document.querySelectorAll('section')];
sections[1].hidden = data.sweeps.length === 1;
const panes = sections.filter(section => !section.hidden).map((section, i) => new Pane(section, i));
byId('said').textContent = 'drag: turn; right button, shift or two fingers: move; wheel or two fingers: nearer; '
  + `double click: as at first; click on a point: ${data.width ? 'all others light up by the similarity of their features'
                                                            : 'what is known of it'}`;
byId('mode').onchange = byId('prototype').oninput = byId('score').oninput = paint;
byId('size').oninput = window.onresize = redraw;
paint();
