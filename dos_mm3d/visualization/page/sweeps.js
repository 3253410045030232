'use strict';
// The page of viewer.html: sweeps as points and boxes in WebGL, coloured by what the file holds of them.
const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const NEAREST = 5, GREY = [100, 110, 120], WHITE = '#fff', BLUE = '#3df', ORANGE = '#fb4';

// ---- what the file holds ----
for (const sweep of data.sweeps) {
  sweep.xyz = new Int16Array(bytes(sweep.xyz).buffer);
  sweep.count = sweep.xyz.length / 3;
  sweep.intensity = bytes(sweep.intensity);
  sweep.categories = sweep.categories.map(bytes);
  const [low, high] = data.height_m;
  sweep.heights = Uint8Array.from({length: sweep.count}, (_, i) =>
    255 * Math.min(Math.max((sweep.xyz[3 * i + 2] * data.step_m - low) / (high - low), 0), 1));
  if (data.width) readFeatures(sweep);
}

function readFeatures(sweep) {
  sweep.cell = new Int32Array(bytes(sweep.cell).buffer);
  sweep.directions = new Int8Array(bytes(sweep.directions).buffer);
  sweep.pca = bytes(sweep.pca);
  sweep.softmaps = sweep.softmaps.map(bytes);
  sweep.cells = sweep.pca.length / 3;
  sweep.pointOf = new Int32Array(sweep.cells);  // one of the points of each loss voxel
  for (let i = sweep.count - 1; i >= 0; i--) sweep.pointOf[sweep.cell[i]] = i;
  sweep.norms = new Float32Array(sweep.cells);
  for (let i = 0; i < sweep.cells; i++) sweep.norms[i] = Math.sqrt(dot(sweep, i, sweep, i)) || 1;
}

function dot(one, i, other, j) {
  let sum = 0;
  for (let k = 0, a = i * data.width, b = j * data.width; k < data.width; k++)
    sum += one.directions[a + k] * other.directions[b + k];
  return sum;
}

function cosinesOf(sweep) {
  const found = new Float32Array(sweep.cells);
  for (let i = 0; i < sweep.cells; i++)
    found[i] = dot(chosen.sweep, chosen.cell, sweep, i) / (chosen.sweep.norms[chosen.cell] * sweep.norms[i]);
  return found;
}

// numbers of the largest values, largest first
function largest(values, count) {
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (found.length === count && values[i] <= values[found[count - 1]]) continue;
    let at = found.length;
    while (at && values[found[at - 1]] < values[i]) at--;
    found.splice(at, 0, i);
    found.length = Math.min(found.length, count);
  }
  return found;
}

const placeOf = (sweep, i) => [0, 1, 2].map(k => sweep.xyz[3 * i + k] * data.step_m);
const written = place => `(${place.map(value => value.toFixed(1)).join(', ')}) m`;

// ---- colours: a palette, and for every point its number in it ----
const HEIGHT = table([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]);
const HEAT = table([[28, 34, 48], [72, 36, 117], [181, 54, 122], [251, 136, 97], [252, 253, 191]]);
const CATEGORIES = data.categories.map(({names, colours}) => {
  const palette = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) palette.set(i < names.length ? colours[i] : GREY, 3 * i);
  return palette;
});

function table(stops) {
  const found = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const place = i / 255 * (stops.length - 1), k = Math.min(Math.floor(place), stops.length - 2);
    found.set(stops[k].map((from, c) => from + (place - k) * (stops[k + 1][c] - from)), 3 * i);
  }
  return found;
}

// of every loss voxel its colour: shade 0-255
function shaded(count, shade) {
  const palette = new Uint8Array(3 * count);
  for (let i = 0; i < count; i++) for (let c = 0, at = 3 * shade(i); c < 3; c++) palette[3 * i + c] = HEAT[at + c];
  return palette;
}

let chosen = null;  // {sweep, cell}

// what the colours of a sweep are now, and the loss voxels that get a ring
function coloured(sweep) {
  const mode = byId('mode').value;
  if (mode === 'height') return {palette: HEIGHT, index: sweep.heights};
  if (mode === 'intensity') return {palette: HEIGHT, index: sweep.intensity};
  const category = data.categories.findIndex(({kind}) => kind === mode);
  if (category >= 0) return {palette: CATEGORIES[category], index: sweep.categories[category]};
  if (mode === 'similarity') {
    if (!chosen) return {palette: shaded(sweep.cells, () => 60), index: sweep.cell};
    const cosines = cosinesOf(sweep), own = sweep === chosen.sweep;
    return {palette: shaded(sweep.cells, i => Math.round(255 * Math.max(cosines[i], 0))), index: sweep.cell, cosines,
            rings: own ? [chosen.cell] : largest(cosines, NEAREST), ring: own ? WHITE : BLUE};
  }
  const kind = data.kinds.indexOf(mode);
  if (kind < 0) return {palette: sweep.pca, index: sweep.cell};
  const first = byId('prototype').value * sweep.cells;
  const shares = sweep.softmaps[kind].subarray(first, first + sweep.cells);
  return {palette: shaded(sweep.cells, i => shares[i]), index: sweep.cell, rings: largest(shares, NEAREST), ring: ORANGE};
}

// ---- boxes: twelve edges, and a line from the centre ahead ----
function cornersOf([x, y, z, length, width, height, yaw]) {
  const cos = Math.cos(yaw), sin = Math.sin(yaw);
  return (a, b, c) => {
    const ahead = a * length / 2, left = b * width / 2;
    return [x + cos * ahead - sin * left, y + sin * ahead + cos * left, z + c * height / 2];
  };
}
function linesOf(box) {
  const at = cornersOf(box), lines = [at(0, 0, 1), at(1, 0, 1)];
  for (const a of [-1, 1]) for (const b of [-1, 1])
    lines.push(at(-1, a, b), at(1, a, b), at(a, -1, b), at(a, 1, b), at(a, b, -1), at(a, b, 1));
  return lines;
}
function isInside([x, y, z, length, width, height, yaw], place) {
  const dx = place[0] - x, dy = place[1] - y, cos = Math.cos(yaw), sin = Math.sin(yaw), slack = 0.1;
  return Math.abs(cos * dx + sin * dy) < length / 2 + slack && Math.abs(cos * dy - sin * dx) < width / 2 + slack
    && Math.abs(place[2] - z) < height / 2 + slack;
}
const isShown = box => box.score === null || box.score >= byId('score').value;
const shownBoxes = (sweep, group) => sweep.boxes[group].filter(isShown);
