// One attempt of a solve, magnified: stages, error estimate, accept or reject, the next step size.

class StepMicroscope {
  constructor(spec, program) {
    Object.assign(this, {spec, program, p: Float64Array.from(spec.p), key: "", last: 1, shown: null});
    this.equation = {f: program.f, work: program.work};
    const picture = this.picture = new Picture(spec.width, spec.height), span = [...spec.tspan].sort((a, b) => a - b);
    this.lens = picture.axes([0.045, 0.075, 0.55, 0.785],
      {grid: true, box: true, xticks: [], yticks: [], xlabel: spec.labels[0], ylabel: spec.labels[1]});
    this.whole = picture.axes([0.665, 0.69, 0.32, 0.255],
      {title: "whole solution", xlim: around(spec.reference.x), ylim: around(spec.reference.y)});
    this.gauge = picture.axes([0.665, 0.505, 0.32, 0.05],
      {xlog: true, xlim: [1e-3, 1e3], xticks: [1e-2, 1, 1e2], yticks: [], title: "estimated error / tolerance", grid: false});
    this.sizes = picture.axes([0.665, 0.1, 0.32, 0.265],
      {ylog: true, xlim: span, ylim: [0.1, 1], xlabel: "time t", title: "step size"});
  }

  help() {
    return "Click in the step sizes to choose an attempt; the left and right arrow keys go to its neighbours.";
  }

  // Run the solve if one of its settings has changed, and adapt the controls to it.
  react(values, controls, following) {
    const key = JSON.stringify([values.method, values.controller, values.rtol, values.dt]);
    const {attempt, stage} = controls;
    if (key !== this.key) {
      const facts = this.spec.methods[values.method], all = stage.value === stage.high;
      const time = this.shown ? this.shown.t : -Infinity, fixed = isFixed(facts, values);
      this.solve(values, fixed);
      this.key = key;
      controls.controller.enable(facts.adaptive);
      controls.rtol.enable(!fixed);
      controls.dt.enable(fixed);
      if (!following && attempt.value === this.last) {  // not asked for one: stay at the same time
        attempt.put(this.nearest(time) + 1);
      }
      stage.limit(facts.stages);
      if (!following && all) stage.put(stage.high);
    }
    values.attempt = attempt.limit(this.records.length);
    values.stage = stage.limit(stage.high);
    this.last = values.attempt;
    this.shown = this.records[this.last - 1];
  }

  nearest(time) {
    let best = 0;
    this.records.forEach((r, i) => {
      if (Math.abs(r.t - time) < Math.abs(this.records[best].t - time)) best = i;
    });
    return best;
  }

  solve(values, fixed) {
    const {spec, program} = this, options = fixed
      ? {dt: values.dt, adaptive: false}
      : {rtol: values.rtol, atol: 1e-3 * values.rtol};
    const controller = program.controllers[values.controller] ?? program.controllers.PI;
    this.run = prepare(this.equation, program.methods[values.method], controller, spec.u0, this.p, ...spec.tspan, options);
    this.run.points = true;
    this.records = [];
    for (const record of attempts(this.run)) {
      this.records.push(record);
      if (this.records.length === spec.most) break;
    }
    this.accepted = this.records.filter(r => r.accepted);
    const last = this.records.at(-1);
    this.arrived = last.accepted && last.tNew === spec.tspan[1];
    const h = this.records.map(r => Math.abs(r.h));
    this.sizes.ylim = [10 ** Math.floor(Math.log10(Math.min(...h) / 1.5)), 10 ** Math.ceil(Math.log10(Math.max(...h) * 1.5))];
  }

  // Where a state is in the plane: two unknowns, or the only one over time.
  place(t, u) {
    return this.spec.one ? [t, u[0]] : [u[this.spec.plane[0]], u[this.spec.plane[1]]];
  }

  draw(values) {
    const {shown: r, program, picture} = this, count = values.stage, {sizes, whole, gauge} = this;
    const exactRun = prepare(this.equation, program.exact, program.controllers.PI, r.u, this.p, r.t, r.tNew,
      {rtol: 1e-9, atol: 1e-12, maxSteps: 2000});
    const exact = integrate(exactRun);
    const pen = picture.layer(this.key, still => this.drawFrame(still), still => this.drawSizes(still));
    const done = [this.records[0], ...this.accepted.map(a => ({t: a.tNew, u: a.uNew}))].filter(a => a.t <= r.t);
    const way = done.map(a => this.place(a.t, a.u)), here = this.place(r.t, r.u);
    whole.inside(pen, () => whole.line(pen, way.map(q => q[0]), way.map(q => q[1]), {width: 1.3}));
    if (way.length < 150) whole.marks(pen, way.map(q => q[0]), way.map(q => q[1]), {size: 3.5});
    whole.marks(pen, [here[0]], [here[1]], RING);
    if (Number.isFinite(r.norm)) {
      mark(pen, gauge.x(Math.min(Math.max(r.norm, 1.2e-3), 8e2)), gauge.top + gauge.height / 2, {shape: "|", size: 28, color: INK.black, width: 3.5});
    }
    sizes.marks(pen, [r.t], [Math.abs(r.h)], RING);
    this.drawLens(pen, r, count, way, exact, exactRun);
    return [...this.say(r, count, exact)].join(" ");
  }

  // The history of step sizes.
  drawSizes(pen) {
    const {sizes} = this;
    sizes.frame(pen);
    const good = this.accepted, bad = this.records.filter(r => !r.accepted);
    sizes.line(pen, good.map(r => r.t), good.map(r => Math.abs(r.h)), {width: 1.3});
    if (good.length < 150) sizes.marks(pen, good.map(r => r.t), good.map(r => Math.abs(r.h)), {size: 4});
    sizes.marks(pen, bad.map(r => r.t), bad.map(r => Math.abs(r.h)), REJECTED);
    pen.font = `11.5px ${FONT}`;
    const wide = pen.measureText("acceptedrejected").width + 50;
    legend(pen, [[(x, y) => mark(pen, x, y, {size: 5.5}), "accepted", 7], [(x, y) => mark(pen, x, y, REJECTED), "rejected", 8]],
      sizes.left + sizes.width - wide, sizes.top - 12, 11.5);
  }

  drawFrame(pen) {
    const {spec, whole, gauge, lens} = this;
    whole.frame(pen);
    whole.inside(pen, () => whole.line(pen, spec.reference.x, spec.reference.y, {color: INK.grey, width: 1.2}));
    const half = gauge.x(1);
    for (const [left, right, color] of [[gauge.left, half, "#009E7340"], [half, gauge.left + gauge.width, "#D55E0040"]]) {
      pen.fillStyle = color;
      pen.fillRect(left, gauge.top, right - left, gauge.height);
    }
    gauge.frame(pen);
    const middle = gauge.top + gauge.height / 2 + 0.5;
    label(pen, "accept", gauge.left + 6, middle, {align: "left", size: 12, color: INK.text});
    label(pen, "reject", gauge.left + gauge.width - 6, middle, {align: "right", size: 12, color: INK.text});
    lens.frame(pen);
    const column = lens.width / 3, line = look => (x, y, w) => {
      pen.strokeStyle = look.color;
      pen.lineWidth = look.width;
      pen.setLineDash(look.dash ?? []);
      stroke(pen, [[x - w / 2, y], [x + w / 2, y]]);
      pen.setLineDash([]);
    };
    [
      [[(x, y) => mark(pen, x, y, BEGIN), "start"], [(x, y) => mark(pen, x, y, STAGE), "stage point"]],
      [[(x, y, w) => arrow(pen, x - w / 2, y, w, 0, SLOPE), "slope k"], [line({color: INK.blue, width: 2.4}), "this step"]],
      [[line(EXACT), "exact flow"], [(x, y) => mark(pen, x, y, END), "end"]],
    ].forEach((pair, i) => pair.forEach(([draw, name], j) => legend(pen, [[draw, name, 26]], lens.left + i * column, 16 + 21 * j)));
  }

  // Stages up to `count`; with the last one also the end of the step.
  drawLens(pen, r, count, way, exact, exactRun) {
    const {c} = this.run.method, stages = r.k.length, whole = count >= stages, {lens} = this;
    const v = r.v.map((u, i) => this.place(r.t + c[i] * r.h, u));
    const tips = r.k.map((k, i) => this.place(r.h, k.map(x => x * r.h)).map((x, j) => v[i][j] + ARROW * x));
    const start = this.place(r.t, r.u), end = this.place(r.tNew, r.uNew);
    const curve = smooth(exact, exactRun, 30).map(([t, u]) => this.place(t, u));
    const page = frameFor([...v, ...tips, start, end, ...curve]), X = q => page(q)[0], Y = q => page(q)[1];
    const path = dense => Array.from({length: 25}, (_, i) => r.t + i / 24 * r.h).map(t => this.place(t, dense(t)));
    const draw = (points, look) => lens.line(pen, points.map(X), points.map(Y), look);
    lens.inside(pen, () => {
      draw(way, {color: INK.grey, width: 1.2});
      way.forEach(q => mark(pen, lens.x(X(q)), lens.y(Y(q)), {size: 4, color: INK.grey}));
      v.slice(0, count).forEach(q => draw([start, q], {color: INK.grey, width: 1, dash: [5, 3]}));
      if (whole) draw(path(inside(this.run, r)), {color: INK.blue, width: 2.4, dash: r.accepted ? [] : [7, 4]});
      draw(curve, EXACT);
      const stagesShown = v.slice(0, count).map((q, i) => this.drawStage(pen, q, tips[i], X, Y, i === count - 1));
      stagesShown.forEach((tip, i) => count <= 7 || i === count - 1 ? nameStage(pen, i, tip) : null);
      mark(pen, lens.x(X(start)), lens.y(Y(start)), BEGIN);
      if (whole) mark(pen, lens.x(X(end)), lens.y(Y(end)), r.accepted ? END : {...END, fill: "white"});
    }, 6);
    label(pen, `window ${number(page.size[0], 2)} × ${number(page.size[1], 2)}`, lens.left + 8, lens.top + lens.height - 10,
      {align: "left", size: 11.5, color: "#555555"});
  }

  drawStage(pen, from, to, X, Y, last) {
    const {lens} = this, x = lens.x(X(from)), y = lens.y(Y(from)), dx = lens.x(X(to)) - x, dy = lens.y(Y(to)) - y;
    const color = last ? INK.vermillion : INK.green;
    mark(pen, x, y, STAGE);
    arrow(pen, x, y, dx, dy, {...SLOPE, color});
    return {x: x + dx, y: y + dy, dx, dy, color};
  }

  grab(x, y) {
    const {left, top, width, height} = this.sizes;
    return x >= left - 4 && x <= left + width + 4 && y >= top - 4 && y <= top + height + 4;
  }

  drag(x, y) {
    return {attempt: this.nearest(this.sizes.point(x, y)[0]) + 1};
  }

  nudge(key, values) {
    const by = {ArrowLeft: -1, ArrowRight: 1}[key];
    return by ? {attempt: values.attempt + by} : null;
  }

  // The stage, the attempt, the whole solve.
  *say(r, count, exact) {
    const total = this.records.length, stages = r.k.length, {method} = this.run;
    yield `Attempt ${this.last} of ${total} starts at t = ${number(r.t)} with h = ${number(r.h)}.`;
    if (count < stages) {
      yield `Stage ${count} of ${stages} evaluates f at t = ${number(r.t + method.c[count - 1] * r.h)}; it is the last one shown.`;
      return;
    }
    const end = exact.u.at(-1), truth = exact.success ? Math.hypot(...r.uNew.map((x, i) => x - end[i])) : NaN;
    if (method.adaptive && Number.isFinite(r.norm)) {
      yield `Estimated error ${number(Math.hypot(...r.error))}, true error of this step ${number(truth)}.`;
    } else if (Number.isFinite(truth)) yield `True error of this step ${number(truth)}; a fixed step looks at no estimate.`;
    yield sentence(reason(r, this.run));
    yield* this.sayStability(r);
    yield* this.sayWhole();
  }

  // For one or two unknowns: how far the step lies from the border of stability.
  *sayStability(r) {
    if (r.u.length > 2) return;
    const rates = eigenvalues(jacobian(this.equation, r.u, this.p, r.t));
    const growth = rates.map(([re, im]) => size(this.spec.methods[this.run.method.name].stability, r.h * re, r.h * im));
    if (rates.every(([re]) => re < 0) && Math.max(...growth) > 1) {
      yield `Unstable: errors grow by ${number(Math.max(...growth))} in this step, though the solution decays.`;
    }
  }

  // Cost and global error.
  *sayWhole() {
    const {accepted, records, spec} = this;
    if (!this.arrived) yield `The solve is cut off after ${records.length} attempts.`;
    else if (spec.reference.end) {
      const error = Math.hypot(...accepted.at(-1).uNew.map((x, i) => x - spec.reference.end[i]));
      yield `Whole solve: ${accepted.length} steps accepted, ${records.length - accepted.length} rejected, error at the end ${number(error)}.`;
    }
  }
}

const ARROW = 0.4;  // an arrow shows this part of h k: whole ones would hide each other
const RING = {size: 11, color: INK.vermillion, fill: "none", width: 2.4}, REJECTED = {shape: "x", size: 8, color: INK.vermillion, width: 2.2};
const BEGIN = {size: 10, color: INK.black}, STAGE = {size: 8, color: INK.green}, END = {shape: "s", size: 11, color: INK.blue, fill: INK.blue};
const SLOPE = {color: INK.green, width: 3, head: 11}, EXACT = {color: INK.black, width: 2, dash: [2.2, 2.6]};

function isFixed(facts, values) {
  return values.controller.startsWith("none") || !facts.adaptive;
}

// Limits around numbers, with a margin.
function around(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)], margin = 0.05 * (high - low || 1);
  return [low - margin, high + margin];
}

// From the plane to a unit square that holds these points with a margin.
function frameFor(points) {
  const good = points.filter(q => q.every(Number.isFinite));
  const ends = [0, 1].map(i => {
    const [low, high] = [Math.min(...good.map(q => q[i])), Math.max(...good.map(q => q[i]))];
    const size = Math.max(high - low, 1e-9 * (1 + Math.abs(high)));
    return [low - 0.14 * size, 1.28 * size];
  });
  const page = q => q.map((x, i) => (x - ends[i][0]) / ends[i][1]);
  page.size = ends.map(end => end[1]);
  return page;
}

// Times and states of a solution on a fine grid.
function smooth(sol, run, points) {
  const [first, last] = [sol.t[0], sol.t.at(-1)], dense = [];
  return Array.from({length: points}, (_, i) => first + i / (points - 1) * (last - first)).map(t => {
    let k = sol.steps.findIndex(step => (t - step.tNew) * (last - first) <= 0);
    if (k < 0) k = sol.steps.length - 1;
    return k < 0 ? [t, sol.u[0]] : [t, (dense[k] ??= inside(run, sol.steps[k]))(t)];
  });
}

// |R(z)| of a polynomial in z = x + iy
function size(coefficients, x, y) {
  let [re, im] = [0, 0];
  for (const c of [...coefficients].reverse()) [re, im] = [re * x - im * y + c, re * y + im * x];
  return Math.hypot(re, im);
}

// The controller's decision in words, as `StepRecord.reason` has it.
function reason(r, run) {
  if (!run.adaptive) return r.accepted ? "accepted: fixed step" : "failed: not finite";
  const change = r.h ? r.hNext / r.h : 1, why = run.controller.name, size = `error ${general(r.norm, 3)} times the tolerance`;
  if (!r.accepted) return `rejected: ${size}; trying ${general(change, 2)} of this step (${why} control)`;
  if (Math.abs(change - 1) < 0.005) return `accepted: ${size}; the next step stays as it is (${why} control)`;
  return `accepted: ${size}; the next step ${change > 1 ? "grows" : "shrinks"} by ${general(change, 3)} (${why} control)`;
}

// The name of a stage beside the tip of its arrow; neighbours stand on two sides.
function nameStage(pen, i, {x, y, dx, dy, color}) {
  const length = Math.max(Math.hypot(dx, dy), 1e-9), side = i % 2 ? -1 : 1, [ax, ay] = [dx / length, dy / length];
  pen.lineWidth = 3;
  pen.strokeStyle = "white";
  subscript(pen, "k", `${i + 1}`, x + 12 * ax + 12 * side * ay, y + 12 * ay - 12 * side * ax, color);
}

// A letter with a small number below, on a white seam.
function subscript(pen, letter, number, x, y, color) {
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  const place = (font, text, px, py) => {
    pen.font = font;
    pen.strokeText(text, px, py);
    pen.fillStyle = color;
    pen.fillText(text, px, py);
    return pen.measureText(text).width;
  };
  const wide = place(`italic 15px ${FONT}`, letter, x - 8, y + 5);
  place(`10.5px ${FONT}`, number, x - 8 + wide, y + 9);
}
