'use strict';
const VERTEX = `
attribute vec3 position, color;
attribute vec4 normal;               // its last part is 1 on walls, floor and ceiling, which may be looked through from behind
attribute float label, truth, heat;
uniform mat4 matrix;
uniform vec3 eye, low, extent;
uniform sampler2D palette;           // 256 entries: rgb, and 1 when the class is shown; the last is "no label"
uniform float pixels, cull;
uniform int mode;                    // 0 scan, 1 labels, 2 heat, 3 mistakes
varying vec3 tint;
vec4 entry(float label) { return texture2D(palette, vec2((label + .5)/256., .5)); }
vec4 paint(float grey) {
  if (mode == 1) return entry(label);
  if (mode == 2) {
    vec3 hot = vec3(min(1., .35 + 1.2*heat), clamp(1.7*heat - .55, 0., 1.)*.92, clamp(2.4*heat - 1.7, 0., 1.)*.7);
    return vec4(mix(vec3(.34 + .5*grey), hot, smoothstep(.07, .55, heat)), 1.);
  }
  if (mode == 3) {
    bool right = truth > 254.5 || abs(label - truth) < .5;
    return vec4(right ? vec3(.52 + .3*grey) : vec3(.86, .16, .12), entry(truth).a);
  }
  return vec4(color, 1.);
}
void main() {
  vec3 p = low + extent*position;
  vec3 away = eye - p;
  float facing = dot(normal.xyz, away)/length(away);
  vec4 c = paint(dot(color, vec3(.3, .59, .11)));
  tint = c.rgb*(.68 + .32*abs(facing));
  gl_Position = matrix*vec4(p, 1.);
  gl_PointSize = clamp(pixels/gl_Position.w, 1.5, 40.);
  if (c.a < .5 || cull*normal.a > .5 && facing < -.1) gl_Position = vec4(2., 2., 2., 1.);
}`;
const FRAGMENT = `
precision mediump float;
varying vec3 tint;
void main() {
  vec2 d = gl_PointCoord - .5;
  if (dot(d, d) > .25) discard;
  gl_FragColor = vec4(tint, 1.);
}`;

const LINE_VERTEX = `
attribute vec3 position, color;
uniform mat4 matrix;
varying vec3 tint;
void main() {
  tint = color;
  gl_Position = matrix*vec4(position, 1.);
}`;
const LINE_FRAGMENT = `
precision mediump float;
varying vec3 tint;
void main() { gl_FragColor = vec4(tint, 1.); }`;
const EDGES = [0, 1, 1, 2, 2, 3, 3, 0, 4, 5, 5, 6, 6, 7, 7, 4, 0, 4, 1, 5, 2, 6, 3, 7]; // corners of a box

const UNLABELLED = 255,
  FIELD = Math.tan(Math.PI / 9); // half a field of view of 40 degrees

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

class Camera {
  // Orbits a target, z up; shared by all panels, which is what keeps them in step.
  constructor() {
    this.listeners = [];
  }
  frame(cloud) {
    this.home = cloud;
    this.azimuth = cloud.azimuth;
    this.elevation = 0.62;
    this.target = cloud.center.map((c, i) => (i < 2 ? c : c - 0.05 * cloud.reach));
    this.distance = 1.42 * cloud.reach;
    this.changed();
  }
  changed() {
    this.listeners.forEach((f) => f());
  }
  orbit(dx, dy) {
    this.azimuth -= dx * 0.008;
    this.elevation = Math.min(1.55, Math.max(-0.35, this.elevation + dy * 0.008));
    this.changed();
  }
  zoom(factor) {
    this.distance = Math.min(40, Math.max(0.4, this.distance * factor));
    this.changed();
  }
  axes() {
    const [a, e] = [this.azimuth, this.elevation],
      [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    return { forward: [-ce * ca, -ce * sa, -se], right: [-sa, ca, 0], up: [-se * ca, -se * sa, ce] };
  }
  pan(dx, dy, height) {
    const { right, up } = this.axes(),
      s = (2 * this.distance * FIELD) / (height * this.fit);
    this.target = this.target.map((t, i) => t + s * (-dx * right[i] + dy * up[i]));
    this.changed();
  }
  get eye() {
    const { forward } = this.axes();
    return this.target.map((t, i) => t - this.distance * forward[i]);
  }
  matrix(aspect) {
    // world to clip space, column-major; a narrow panel sees the same width as a square one
    this.fit = Math.min(1, aspect);
    const { forward, right, up } = this.axes(),
      eye = this.eye,
      s = this.fit / FIELD,
      near = 0.05,
      far = 120,
      a = (far + near) / (far - near),
      b = (-2 * far * near) / (far - near);
    const rows = [right.map((v) => (v * s) / aspect), up.map((v) => v * s), forward.map((v) => v * a), forward];
    const shift = rows.map((r) => -(r[0] * eye[0] + r[1] * eye[1] + r[2] * eye[2]));
    shift[2] += b;
    return [0, 1, 2, 3].flatMap((c) => rows.map((r, i) => (c < 3 ? r[c] : shift[i])));
  }
}

class PointView {
  constructor(canvas, camera, palette) {
    Object.assign(this, { canvas, camera, palette, size: 1, cull: true, ends: 0 });
    const gl = (this.gl = canvas.getContext('webgl', { antialias: true, preserveDrawingBuffer: false }));
    if (!gl) throw new Error('no WebGL');
    const program = (this.program = this.build(VERTEX, FRAGMENT));
    this.lines = this.build(LINE_VERTEX, LINE_FRAGMENT);
    this.lineMatrix = gl.getUniformLocation(this.lines, 'matrix');
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const [key, value] of [
      ['MIN_FILTER', 'NEAREST'],
      ['MAG_FILTER', 'NEAREST'],
      ['WRAP_S', 'CLAMP_TO_EDGE'],
      ['WRAP_T', 'CLAMP_TO_EDGE'],
    ])
      gl.texParameteri(gl.TEXTURE_2D, gl['TEXTURE_' + key], gl[value]);
    this.buffers = {};
    this.pointers = {};
    this.uniforms = {};
    for (const name of ['matrix', 'eye', 'low', 'extent', 'pixels', 'cull', 'mode'])
      this.uniforms[name] = gl.getUniformLocation(program, name);
    camera.listeners.push(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(canvas);
    this.listen();
  }
  build(vertex, fragment) {
    const gl = this.gl,
      program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    return program;
  }
  upload(name, data, components, type, normalized) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, (this.buffers[name] ??= gl.createBuffer()));
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    this.pointers[name] = [components, type, normalized];
  }
  use(program, attributes) {
    // both programs number their attributes for themselves, so pointers are set before each drawing
    const gl = this.gl;
    gl.useProgram(program);
    for (let at = 0; at < gl.getParameter(gl.MAX_VERTEX_ATTRIBS); at++) gl.disableVertexAttribArray(at);
    for (const [attribute, buffer] of Object.entries(attributes)) {
      const at = gl.getAttribLocation(program, attribute);
      if (at < 0) continue;
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[buffer]);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, ...this.pointers[buffer], 0, 0);
    }
  }
  showBoxes(boxes) {
    // uploaded once, and drawn by every frame
    const gl = this.gl,
      corners = boxes.flatMap((b) => EDGES.flatMap((k) => b.corners[k])),
      colors = boxes.flatMap((b) => EDGES.flatMap(() => b.color.map((c) => 0.75 * c)));
    this.upload('corner', new Float32Array(corners), 3, gl.FLOAT, false);
    this.upload('edge', new Uint8Array(colors), 3, gl.UNSIGNED_BYTE, true);
    this.ends = boxes.length * EDGES.length;
    this.redraw();
  }
  drawBoxes(matrix) {
    if (!this.ends) return;
    const gl = this.gl;
    this.use(this.lines, { position: 'corner', color: 'edge' });
    gl.uniformMatrix4fv(this.lineMatrix, false, matrix);
    gl.drawArrays(gl.LINES, 0, this.ends);
  }
  show(cloud, layer) {
    const gl = this.gl,
      empty = new Uint8Array(cloud.count);
    if (cloud !== this.cloud) {
      this.upload('position', cloud.position, 3, gl.UNSIGNED_SHORT, true);
      this.upload('normal', cloud.normal, 4, gl.BYTE, true);
      this.upload('color', cloud.color, 3, gl.UNSIGNED_BYTE, true);
      this.upload('truth', cloud.truth ?? new Uint8Array(cloud.count).fill(255), 1, gl.UNSIGNED_BYTE, false);
    }
    this.cloud = cloud;
    this.layer = layer;
    this.upload('label', layer.labels ?? empty, 1, gl.UNSIGNED_BYTE, false);
    this.upload('heat', layer.heat ?? empty, 1, gl.UNSIGNED_BYTE, true);
    this.redraw();
  }
  redraw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }
  draw() {
    if (!this.cloud) return;
    const { gl, canvas, camera, uniforms: u, cloud } = this,
      ratio = Math.min(2, devicePixelRatio || 1);
    const [w, h] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const points = ['position', 'normal', 'color', 'truth', 'label', 'heat'];
    this.use(this.program, Object.fromEntries(points.map((name) => [name, name])));
    gl.viewport(0, 0, w, h);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const matrix = camera.matrix(w / h);
    gl.uniformMatrix4fv(u.matrix, false, matrix);
    gl.uniform3fv(u.eye, camera.eye);
    gl.uniform3fv(u.low, cloud.low);
    gl.uniform3fv(u.extent, cloud.extent);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, this.palette);
    gl.uniform1f(u.pixels, (this.size * 1.5 * cloud.spacing * h * camera.fit) / (2 * FIELD));
    gl.uniform1f(u.cull, this.cull ? 1 : 0);
    gl.uniform1i(u.mode, { scan: 0, labels: 1, heat: 2, mistakes: 3 }[this.layer.shows]);
    gl.drawArrays(gl.POINTS, 0, cloud.count);
    this.drawBoxes(matrix);
  }
  pick(x, y) {
    // the nearest visible point within a few pixels of (x, y), or -1
    const { cloud, camera, canvas } = this,
      [w, h] = [canvas.clientWidth, canvas.clientHeight],
      m = camera.matrix(w / h),
      eye = camera.eye;
    let best = -1,
      nearest = Infinity;
    for (let i = 0, j = 0, k = 0; i < cloud.count; i++, j += 3, k += 4) {
      const [px, py, pz] = [0, 1, 2].map((a) => cloud.low[a] + (cloud.extent[a] * cloud.position[j + a]) / 65535);
      const d = m[3] * px + m[7] * py + m[11] * pz + m[15];
      if (d < 0.05 || d >= nearest) continue;
      const sx = ((1 + (m[0] * px + m[4] * py + m[8] * pz + m[12]) / d) * w) / 2,
        sy = ((1 - (m[1] * px + m[5] * py + m[9] * pz + m[13]) / d) * h) / 2;
      if ((sx - x) ** 2 + (sy - y) ** 2 > 25) continue;
      if (
        this.cull &&
        cloud.normal[k + 3] &&
        cloud.normal[k] * (eye[0] - px) + cloud.normal[k + 1] * (eye[1] - py) + cloud.normal[k + 2] * (eye[2] - pz) < 0
      )
        continue;
      best = i;
      nearest = d;
    }
    return best;
  }
  listen() {
    const { canvas, camera } = this,
      pointers = new Map();
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return [Math.hypot(a.x - b.x, a.y - b.y), (a.x + b.x) / 2, (a.y + b.y) / 2];
    };
    canvas.addEventListener('contextmenu', (e) => e.preventDefault());
    canvas.addEventListener('pointerdown', (e) => {
      canvas.setPointerCapture(e.pointerId);
      pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    });
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, (e) => pointers.delete(e.pointerId));
    canvas.addEventListener('pointermove', (e) => {
      const last = pointers.get(e.pointerId);
      if (!last) return this.hover?.(e);
      const before = pointers.size === 2 && spread(),
        [dx, dy] = [e.clientX - last.x, e.clientY - last.y];
      pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
      if (before) {
        const after = spread();
        camera.zoom(before[0] / Math.max(1, after[0]));
        camera.pan(after[1] - before[1], after[2] - before[2], canvas.clientHeight);
      } else if (e.buttons & 2 || e.shiftKey || e.ctrlKey) camera.pan(dx, dy, canvas.clientHeight);
      else camera.orbit(dx, dy);
    });
    canvas.addEventListener(
      'wheel',
      (e) => {
        e.preventDefault();
        camera.zoom(Math.exp(Math.sign(e.deltaY) * Math.min(60, Math.abs(e.deltaY)) * 0.0025));
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (e) => {
      const step = { ArrowLeft: [-30, 0], ArrowRight: [30, 0], ArrowUp: [0, 20], ArrowDown: [0, -20] }[e.key];
      if (step) {
        e.preventDefault();
        camera.orbit(...step);
      }
      if (e.key === '+' || e.key === '-') camera.zoom(e.key === '+' ? 0.9 : 1.1);
    });
  }
}

const $ = (tag, props = {}, ...children) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
};
const css = (rgb) => `rgb(${rgb.join(',')})`;

function unpack(room) {
  const cloud = room.cloud;
  if (typeof cloud.color !== 'string') return;
  Object.assign(cloud, {
    position: new Uint16Array(decode(cloud.position).buffer),
    normal: new Int8Array(decode(cloud.normal).buffer),
    color: decode(cloud.color),
  });
  if (cloud.truth) cloud.truth = decode(cloud.truth);
  for (const layer of room.layers)
    for (const key of ['labels', 'heat']) if (layer[key]) layer[key] = decode(layer[key]);
}

function start(data) {
  const stage = document.getElementById('viewer'),
    camera = new Camera(),
    shown = data.names.map(() => true);
  const palette = Uint8Array.from({ length: 1024 }, (_, i) =>
    i % 4 === 3 ? 255 : (data.colors[i >> 2]?.[i % 4] ?? 165),
  );
  let room = null;
  const tip = $('div', { className: 'tip', hidden: true }),
    legend = $('div', { className: 'legend' }),
    presets = $('div', { className: 'presets' }),
    tabs = $('div', { className: 'tabs' });
  const boxes = $('input', { type: 'checkbox', checked: true, onchange: () => drawBoxes() }),
    boxesLabel = $('label', {}, boxes, ' boxes of objects');
  const panels = [0, 1].map((side) => panel(side));
  stage.replaceChildren(
    $('div', { className: 'bar' }, tabs, presets),
    $('div', { className: 'panels' }, ...panels.map((p) => p.box)),
    legend,
    controls(),
    tip,
  );
  data.rooms.forEach((r, i) => tabs.append($('button', { textContent: r.title, onclick: () => open(i) })));
  open(0);

  function panel(side) {
    const canvas = $('canvas', { tabIndex: 0 }),
      select = $('select'),
      score = $('span', { className: 'score' }),
      scale = $('div', { className: 'scale' });
    canvas.setAttribute('aria-label', '3D view: drag to turn, wheel to zoom, right button or two fingers to move');
    select.setAttribute('aria-label', side ? 'what the right view shows' : 'what the left view shows');
    const p = {
      canvas,
      select,
      score,
      scale,
      box: $('figure', { className: 'panel' }, $('figcaption', {}, select, score), canvas, scale),
      view: new PointView(canvas, camera, palette),
    };
    select.onchange = () => {
      show(p, select.value);
      highlight(null);
    };
    p.view.hover = (e) => hover(p, e);
    canvas.addEventListener('pointerleave', () => (tip.hidden = true));
    canvas.addEventListener('dblclick', () => camera.frame(room.cloud));
    return p;
  }
  function open(i) {
    room = data.rooms[i];
    unpack(room);
    [...tabs.children].forEach((b, j) => b.setAttribute('aria-pressed', i === j));
    document.querySelectorAll('[data-room]').forEach((e) => (e.hidden = +e.dataset.room !== i));
    for (const p of panels) {
      p.select.replaceChildren();
      for (const group of [...new Set(room.layers.map((l) => l.group))])
        p.select.append(
          $(
            'optgroup',
            { label: group },
            ...room.layers
              .filter((l) => l.group === group)
              .map((l) => $('option', { value: l.id, textContent: l.title })),
          ),
        );
    }
    presets.replaceChildren(
      ...room.presets.map((q) => $('button', { textContent: q.title, onclick: (e) => choose(q, e.target) })),
    );
    choose(room.presets[room.start ?? 0], presets.children[room.start ?? 0]);
    camera.frame(room.cloud);
    drawBoxes();
  }
  function drawBoxes() {
    // those of the classes that are shown; a scan's own colours and heat are not hidden by class, nor are their boxes
    const named = new Set(data.names.filter((_, i) => shown[i])),
      known = new Set(data.names);
    boxesLabel.hidden = !room.boxes?.length;
    const seen = boxes.checked ? (room.boxes ?? []).filter((b) => named.has(b.name) || !known.has(b.name)) : [];
    for (const p of panels) p.view.showBoxes(seen);
  }
  function choose(preset, button) {
    show(panels[0], preset.left);
    show(panels[1], preset.right);
    highlight(button);
  }
  function highlight(button) {
    [...presets.children].forEach((b) => b.setAttribute('aria-pressed', b === button));
    drawLegend();
  }
  function show(p, id) {
    const layer = room.layers.find((l) => l.id === id) ?? room.layers[0];
    p.select.value = layer.id;
    p.score.textContent = layer.score ?? '';
    p.score.title = layer.explain ?? '';
    p.scale.replaceChildren(...(layer.range ? [layer.range[0], $('i'), layer.range[1]] : []));
    p.view.show(room.cloud, layer);
    drawLegend();
  }
  function drawLegend() {
    const layers = panels.map((p) => p.view.layer).filter(Boolean),
      counts = new Map();
    const label = layers.some((l) => l.shows === 'labels' || l.shows === 'mistakes');
    legend.hidden = !label;
    if (!label) return;
    for (const array of [room.cloud.truth, ...layers.map((l) => l.labels)].filter(Boolean))
      for (const c of array) counts.set(c, (counts.get(c) ?? 0) + 1);
    const order = [...counts.keys()]
      .filter((c) => c < data.names.length && counts.get(c) > 20 * layers.length)
      .sort((a, b) => counts.get(b) - counts.get(a));
    const chip = (c) => {
      const b = $(
        'button',
        {
          title: 'click: hide or show · double click: only this one',
          onclick: () => toggle(c),
          ondblclick: () => only(c),
        },
        $('i'),
        data.names[c],
      );
      b.firstChild.style.background = css(data.colors[c]);
      b.setAttribute('aria-pressed', shown[c]);
      return b;
    };
    const all = $('button', { className: 'all', textContent: 'all classes', onclick: () => only(null) });
    const wrong = layers.some((l) => l.shows === 'mistakes')
      ? [$('span', { className: 'key' }, $('i', { className: 'wrong' }), 'labelled wrongly')]
      : [];
    const grey = counts.get(UNLABELLED)
      ? [$('span', { className: 'key' }, $('i', { className: 'grey' }), 'not labelled')]
      : [];
    legend.replaceChildren(...wrong, ...order.map(chip), ...grey, ...(shown.every(Boolean) ? [] : [all]));
  }
  function toggle(c) {
    setShown((i) => (i === c ? !shown[i] : shown[i]));
  }
  function only(c) {
    setShown((i) => c === null || i === c);
  }
  function setShown(f) {
    data.names.forEach((_, i) => {
      shown[i] = f(i);
      palette[4 * i + 3] = shown[i] ? 255 : 0;
    });
    palette[4 * UNLABELLED + 3] = shown.every(Boolean) ? 255 : 0;
    drawLegend();
    drawBoxes();
  }
  function controls() {
    const size = $('input', {
      type: 'range',
      min: 0.5,
      max: 2.5,
      step: 0.1,
      value: 1,
      oninput: () =>
        panels.forEach((p) => {
          p.view.size = +size.value;
          p.view.redraw();
        }),
    });
    const cull = $('input', {
      type: 'checkbox',
      checked: true,
      onchange: () =>
        panels.forEach((p) => {
          p.view.cull = cull.checked;
          p.view.redraw();
        }),
    });
    return $(
      'div',
      { className: 'controls' },
      $('label', {}, 'point size ', size),
      $('label', {}, cull, ' look through walls from outside'),
      boxesLabel,
      $('button', { textContent: 'reset the view', onclick: () => camera.frame(room.cloud) }),
      $('span', {
        className: 'hint',
        textContent:
          'drag to turn · wheel or pinch to zoom · right button, shift or two fingers to move · both views follow',
      }),
    );
  }
  function hover(p, event) {
    if (hover.busy) return;
    hover.busy = requestAnimationFrame(() => {
      hover.busy = null;
      const box = p.canvas.getBoundingClientRect(),
        i = p.view.pick(event.clientX - box.left, event.clientY - box.top),
        layer = p.view.layer;
      tip.hidden = i < 0;
      if (i < 0) return;
      const name = (c) => data.names[c] ?? 'unlabelled',
        truth = room.cloud.truth ? name(room.cloud.truth[i]) : null;
      const value = layer.labels
        ? name(layer.labels[i])
        : layer.heat
          ? `cosine ${(layer.low + ((layer.high - layer.low) * layer.heat[i]) / 255).toFixed(2)}`
          : (truth ?? '');
      tip.textContent = truth && value !== truth ? `${value} (truth: ${truth})` : value;
      tip.hidden = !tip.textContent;
      tip.style.transform = `translate(${event.clientX + 14}px, ${event.clientY + 14}px)`;
    });
  }
}

try {
  start(JSON.parse(document.getElementById('data').textContent));
} catch (error) {
  document
    .getElementById('viewer')
    .replaceChildren(
      $('p', {
        className: 'sorry',
        textContent:
          error.message === 'no WebGL'
            ? 'This browser has WebGL switched off, so the rooms cannot be turned around here. The pictures below show the same, and the PLY files beside this page open in any point cloud viewer.'
            : `The 3D views could not start: ${error.message}`,
      }),
    );
}
