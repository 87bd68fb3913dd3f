// The phase plane: direction field, nullclines, fixed points and one trajectory.

class PhasePlane {
  constructor(spec, program) {
    Object.assign(this, {spec, program, box: spec.box});
    this.picture = new Picture(spec.width, spec.height);
    const [x, y] = spec.labels;
    this.plane = this.picture.axes([0.085, 0.125, 0.50, 0.775],
      {xlim: [this.box[0], this.box[1]], ylim: [this.box[2], this.box[3]], xlabel: x, ylabel: y, grid: false});
    this.time = this.picture.axes([0.665, 0.125, 0.315, 0.775], {
      xlim: spec.tspan, ylim: [Math.min(this.box[0], this.box[2]), Math.max(this.box[1], this.box[3])], xlabel: "time t",
    });
    this.drawn = "";
  }

  help() {
    return "Drag the start, or move it with the arrow keys.";
  }

  // The sum of the terms that are switched on.
  equation(values) {
    const {terms, work} = this.program;
    const on = this.spec.terms.length ? terms.filter((_, i) => values[this.spec.terms[i]]) : terms;
    if (on.length === 1) return {f: on[0], work};
    const part = new Float64Array(2);
    return {work, f(du, u, p, t, memory) {
      du.fill(0);
      for (const term of on) {
        term(part, u, p, t, memory);
        du[0] += part[0];
        du[1] += part[1];
      }
    }};
  }

  react() {}

  draw(values) {
    const {picture, spec} = this, equation = this.equation(values);
    const p = Float64Array.from(spec.parameters, name => values[name]);
    const u0 = [values.start_x, values.start_y];
    const key = JSON.stringify(Object.entries(values).filter(([name]) => !name.startsWith("start_")));
    if (key !== this.drawn) {
      this.drawn = key;
      this.look(equation, p, values.nullclines);
    }
    const run = prepare(equation, this.program.method, this.program.controller, u0, p, ...spec.tspan,
      {rtol: spec.rtol, atol: 1e-9, maxSteps: spec.mostSteps});
    const size = [this.box[1] - this.box[0], this.box[3] - this.box[2]];
    const sol = integrate(run, step => step.uNew.some((x, i) => Math.abs(x) > 30 * size[i]));
    const dense = [], at = (k, t) => (dense[k] ??= inside(run, sol.steps[k]))(t);
    const {t, u} = thirds(sol, at);
    this.drawPath(picture.layer(key, pen => this.drawFrame(pen), pen => this.drawField(pen)), t, u, u0);
    this.last = {sol, t, u};
    return [...this.sayPoints(equation, p), ...this.sayPath(values, p, sol, at, t, u)].join(" ");
  }

  // What there is to be seen of the equation, whatever the start.
  look(equation, p, nullclines) {
    const [x0, x1, y0, y1] = this.box, ex = 1e-3 * (x1 - x0), ey = 1e-3 * (y1 - y0);
    this.points = fixedPoints(equation, p, this.box);
    this.field = sampleField(equation, p, this.box, 20);
    this.curves = [[], []];
    if (!nullclines) return;
    // Without the very edge, where a factor x or y is zero anyway.
    const fine = sampleField(equation, p, [x0 + ex, x1 - ex, y0 + ey, y1 - ey], 100);
    this.curves = [fine.dx, fine.dy].map(values => zeroCurves(fine, values));
  }

  drawField(pen) {
    const {plane} = this;
    plane.inside(pen, () => {
      drawArrows(pen, plane, this.field, this.box);
      this.curves.forEach((curves, i) => curves.forEach(
        curve => plane.line(pen, curve.map(q => q[0]), curve.map(q => q[1]), NULLCLINES[i])));
    });
  }

  drawFrame(pen) {
    const {plane, time, spec} = this;
    plane.frame(pen);
    time.frame(pen);
    const sample = look => (x, y, wide) => {
      pen.strokeStyle = look.color;
      pen.lineWidth = look.width;
      pen.setLineDash(look.dash);
      stroke(pen, [[x - wide / 2, y], [x + wide / 2, y]]);
      pen.setLineDash([]);
    };
    const names = spec.labels.map(name => name.split(" ").at(-1));
    legend(pen, [
      [(x, y) => mark(pen, x, y, START), "start", 8],
      [(x, y) => mark(pen, x, y, POINT), "fixed point", 9],
      [sample(NULLCLINES[0]), `${names[0]}′ = 0`, 26],
      [sample(NULLCLINES[1]), `${names[1]}′ = 0`, 26],
    ], plane.left, 18);
    legend(pen, spec.labels.map((name, i) => [sample(TIMES[i]), name, 26]), time.left, 18);
  }

  drawPath(pen, t, u, u0) {
    const {plane, time} = this;
    plane.inside(pen, () => plane.line(pen, u.map(v => v[0]), u.map(v => v[1]), {color: INK.blue}));
    time.inside(pen, () => TIMES.forEach((look, i) => time.line(pen, t, u.map(v => v[i]), look)));
    plane.marks(pen, this.points.map(v => v[0]), this.points.map(v => v[1]), POINT);
    mark(pen, plane.x(u0[0]), plane.y(u0[1]), {...START, size: 9, color: "white", fill: INK.black, width: 3});
    mark(pen, plane.x(u0[0]), plane.y(u0[1]), START);
  }

  // Where the pointer takes hold of something: anywhere in the plane.
  grab(x, y) {
    const {left, top, width, height} = this.plane;
    return x >= left - 8 && x <= left + width + 8 && y >= top - 8 && y <= top + height + 8;
  }

  drag(x, y) {
    const [start_x, start_y] = this.plane.point(x, y);
    return {start_x, start_y};
  }

  nudge(key, values) {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[key];
    if (!way) return null;
    const step = [(this.box[1] - this.box[0]) / 200, (this.box[3] - this.box[2]) / 200];
    return {start_x: values.start_x + way[0] * step[0], start_y: values.start_y + way[1] * step[1]};
  }

  sayPoints(equation, p) {
    const inner = this.points.filter(u => u[0] > this.box[0] && u[1] > this.box[2]);
    if (!this.points.length) return ["No isolated fixed point in this window."];
    return (inner.length ? inner : this.points).slice(0, 2).map(
      u => `Fixed point at (${number(u[0])}, ${number(u[1])}): ${classify(equation, u, p)}.`);
  }

  sayPath(values, p, sol, at, t, u) {
    const {nf, naccept, nreject, last: reached} = sol.run, last = u.at(-1), words = [];
    if (!sol.success) return [sayTrouble(sol.trouble, reached, naccept + nreject)];
    const [period, gap] = firstReturn(sol, at), out = v => v[0] < this.box[0] || v[0] > this.box[1] || v[1] < this.box[2] || v[1] > this.box[3];
    if (period !== null && gap < 1e-3) words.push(`The orbit closes after ${number(period)} time units.`);
    else if (period !== null) {
      words.push(`After one turn, ${number(period)} time units, the trajectory misses its start by ${number(gap)} of its size.`);
    } else if (out(last)) words.push(`The trajectory leaves the window at t = ${number(t[u.findIndex(out)])}.`);
    else words.push(`The trajectory ends at (${number(last[0])}, ${number(last[1])}).`);
    if (this.program.invariant && this.spec.terms.every(name => values[name])) {
      const v = u.map(state => this.program.invariant(state, p));
      const drift = Math.max(...v.map(x => Math.abs(x - v[0]))) / Math.max(Math.abs(v[0]), 1e-300);
      if (Number.isFinite(drift)) {
        words.push(`The invariant drifts by ${number(drift)} of itself (${naccept + nreject} steps, ${nf} evaluations of f).`);
      }
    }
    return words;
  }
}

const NULLCLINES = [{color: INK.green, dash: [8, 4], width: 2}, {color: INK.purple, dash: [9, 3, 2, 3], width: 2}];
const TIMES = [{color: INK.blue, dash: [], width: 2.2}, {color: INK.vermillion, dash: [8, 4], width: 2.2}];
const START = {shape: "o", size: 9, color: INK.black}, POINT = {shape: "x", size: 9, color: INK.vermillion, width: 2.6};

// Why a solve ended early, in short.
function sayTrouble(trouble, t, steps) {
  const why = {
    nan: "f is not finite beyond it", min_step: "the steps became too small to go on",
    max_steps: `${steps} steps were not enough`, roundoff: "the tolerance is finer than rounding",
  }[trouble];
  return `The trajectory ends at t = ${number(t)}: ${why}.`;
}

// Arrows of one length: the darker, the faster. One path for each of a few greys: that is quick.
function drawArrows(pen, axes, {n, x, y, dx, dy}, [x0, x1, y0, y1]) {
  const speeds = dx.map((v, k) => Math.log10(Math.hypot(v / (x1 - x0), dy[k] / (y1 - y0))));
  const finite = speeds.filter(Number.isFinite), paths = Array.from({length: GREYS}, () => new Path2D());
  const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const length = axes.width / (1.5 * n);
  for (let k = 0; k < n * n; k++) {
    if (!Number.isFinite(speeds[k])) continue;
    const size = 10 ** speeds[k];
    const ex = dx[k] / (x1 - x0) / size, ey = -dy[k] / (y1 - y0) / size * axes.height / axes.width;
    const shade = Math.round((GREYS - 1) * (speeds[k] - low) / Math.max(high - low, 1e-12));
    outline(paths[shade], axes.x(x[k % n]), axes.y(y[Math.floor(k / n)]), ex * length, ey * length);
  }
  paths.forEach((path, shade) => {
    const grey = Math.round(255 * (0.80 - 0.38 * shade / (GREYS - 1)));
    pen.fillStyle = `rgb(${grey},${grey},${grey})`;
    pen.fill(path);
  });
}

const GREYS = 10;

// The outline of an arrow whose middle is (x, y).
function outline(path, x, y, dx, dy) {
  const length = Math.hypot(dx, dy);
  if (!(length > 0)) return;
  const [ex, ey] = [dx / length, dy / length], head = Math.min(5, length), neck = length / 2 - head;
  const corner = (along, across) => [x + ex * along - ey * across, y + ey * along + ex * across];
  const points = [[-length / 2, 0.65], [neck, 0.65], [neck, 2.5], [length / 2, 0], [neck, -2.5], [neck, -0.65], [-length / 2, -0.65]];
  points.forEach(([along, across], i) => path[i ? "lineTo" : "moveTo"](...corner(along, across)));
  path.closePath();
}
