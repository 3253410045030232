// ---- one pane: a sweep on a canvas ----
const VERTEX = `attribute vec3 place; attribute vec3 colour; uniform mat4 view; uniform float step, size;
  varying vec3 shown;
  void main() { gl_Position = view * vec4(place * step, 1.0); shown = colour;
    gl_PointSize = clamp(size / gl_Position.w, 1.0, 12.0); }`;
const FRAGMENT = `precision mediump float; varying vec3 shown; void main() { gl_FragColor = vec4(shown, 1.0); }`;
const view = {yaw: -Math.PI / 2, pitch: 0.8, distance: data.reach_m * 1.6, target: [0, 0, 0]};
const atFirst = JSON.stringify(view);

class Pane {
  constructor(section, first) {
    [this.select, this.canvas] = section.children;
    this.section = section;
    this.gl = this.canvas.getContext('webgl', {antialias: false, preserveDrawingBuffer: true});
    if (!this.gl) throw new Error('this browser has no WebGL');
    this.program = this.link();
    this.gl.enable(this.gl.DEPTH_TEST);
    this.gl.clearColor(0.063, 0.078, 0.094, 1);
    [this.places, this.colours, this.ends, this.endColours] = [0, 1, 2, 3].map(() => this.gl.createBuffer());
    data.sweeps.forEach((sweep, i) => this.select.add(new Option(`${sweep.name} (${sweep.count} points)`, i)));
    this.select.value = Math.min(first, data.sweeps.length - 1);
    this.select.onchange = () => { this.load(); paint(); };
    this.load();
    listen(this);
  }

  link() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    return program;
  }

  load() {
    this.sweep = data.sweeps[this.select.value];
    this.fill(this.places, this.sweep.xyz);
  }

  fill(buffer, values) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
  }

  paint() {
    const {palette, index, rings = [], ring, cosines} = coloured(this.sweep), out = new Uint8Array(4 * index.length);
    for (let i = 0; i < index.length; i++) {
      const from = 3 * index[i], to = 4 * i;
      out[to] = palette[from]; out[to + 1] = palette[from + 1]; out[to + 2] = palette[from + 2];
    }
    this.fill(this.colours, out);
    this.cosines = cosines;
    this.rings = rings.map(cell => this.sweep.pointOf[cell]);
    for (const mark of this.section.querySelectorAll('.mark')) mark.remove();
    this.marks = this.rings.map(() => this.section.appendChild(document.createElement('i')));
    for (const mark of this.marks) [mark.className, mark.style.borderColor] = ['mark', ring];
    this.paintBoxes();
  }

  paintBoxes() {
    const ends = [], colours = [];
    data.boxes.forEach(({colour}, group) => {
      const points = shownBoxes(this.sweep, group).flatMap(box => linesOf(box.box));
      for (const point of points) {
        ends.push(...point);
        colours.push(...colour, 0);
      }
    });
    this.fill(this.ends, new Float32Array(ends));
    this.fill(this.endColours, new Uint8Array(colours));
    this.endCount = ends.length / 3;
  }

  // rows of the matrix metres -> clip coordinates
  rows() {
    const {yaw, pitch, distance, target} = view, [cy, sy, cp, sp] =
      [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const back = [cp * cy, cp * sy, sp], right = [-sy, cy, 0], up = [-sp * cy, -sp * sy, cp];
    const eye = target.map((value, k) => value + distance * back[k]);
    const scaled = (axis, by) => [...axis.map(v => v * by), -by * axis.reduce((sum, v, k) => sum + v * eye[k], 0)];
    const focal = 1.5, aspect = this.canvas.width / this.canvas.height, near = distance / 200, far = distance * 20;
    const depth = scaled(back, -(far + near) / (far - near));
    depth[3] -= 2 * far * near / (far - near);
    return {right, up, rows: [scaled(right, focal / Math.max(aspect, 1)), scaled(up, focal * Math.min(aspect, 1)),
                              depth, scaled(back, -1)]};
  }

  draw() {
    const gl = this.gl, canvas = this.canvas, ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const {rows} = this.rows(), uniform = name => gl.getUniformLocation(this.program, name);
    gl.uniformMatrix4fv(uniform('view'), false, [0, 1, 2, 3].flatMap(column => rows.map(row => row[column])));
    gl.uniform1f(uniform('size'), byId('size').value * 0.1 * canvas.height);
    this.drawArrays(gl.POINTS, this.sweep.count, [this.places, gl.SHORT, data.step_m], this.colours);
    this.drawArrays(gl.LINES, this.endCount, [this.ends, gl.FLOAT, 1], this.endColours);
    this.marks.forEach((mark, i) => {
      const seen = this.project(this.rings[i], rows);
      mark.hidden = !seen;
      if (seen) [mark.style.left, mark.style.top] = [`${seen[0]}px`, `${seen[1]}px`];
    });
  }

  drawArrays(what, count, [places, kind, step], colours) {
    const gl = this.gl;
    for (const [buffer, name, type, normalised, stride] of
      [[places, 'place', kind, false, 0], [colours, 'colour', gl.UNSIGNED_BYTE, true, 4]]) {
      const where = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(where);
      gl.vertexAttribPointer(where, 3, type, normalised, stride, 0);
    }
    gl.uniform1f(gl.getUniformLocation(this.program, 'step'), step);
    gl.drawArrays(what, 0, count);
  }

  // place of a point on the canvas in CSS pixels, null behind the eye
  project(i, rows) {
    const p = placeOf(this.sweep, i);
    const [x, y, , w] = rows.map(row => row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3]);
    return w <= 0 ? null : [(x / w + 1) / 2 * this.canvas.clientWidth, (1 - y / w) / 2 * this.canvas.clientHeight];
  }

  // the foremost point within 5 pixels, else the one nearest to the click within 25
  pick(x, y) {
    const {rows: [across, up, , deep]} = this.rows(), {xyz, count} = this.sweep, step = data.step_m;
    const wide = this.canvas.clientWidth / 2, high = this.canvas.clientHeight / 2;
    let best = -1, least = Infinity;
    // plain numbers instead of project(): a click on 120 000 points must not be felt
    for (let i = 0; i < count; i++) {
      const a = xyz[3 * i] * step, b = xyz[3 * i + 1] * step, c = xyz[3 * i + 2] * step;
      const w = deep[0] * a + deep[1] * b + deep[2] * c + deep[3];
      if (w <= 0) continue;
      const dx = (1 + (across[0] * a + across[1] * b + across[2] * c + across[3]) / w) * wide - x;
      const dy = (1 - (up[0] * a + up[1] * b + up[2] * c + up[3]) / w) * high - y;
      const off = dx * dx + dy * dy, cost = off < 25 ? w : off < 625 ? 1e6 * (1 + off) : Infinity;
      if (cost < least) { best = i; least = cost; }
    }
    return best;
  }
}
