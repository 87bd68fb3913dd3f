// What a plane shows of u' = f(u, p, t): directions, nullclines, where it rests, and returns.
// The same questions as in widgets/orbit.py; a test holds the answers against each other.

// f on a grid of n x n points: x, y, and both derivatives with y outermost.
function sampleField(equation, p, [x0, x1, y0, y1], n) {
  const line = (low, high) => Float64Array.from({length: n}, (_, i) => i === n - 1 ? high : low + i * ((high - low) / (n - 1)));
  const x = line(x0, x1), y = line(y0, y1), work = new Float64Array(equation.work + 1);
  const u = new Float64Array(2), du = new Float64Array(2);
  const dx = new Float64Array(n * n), dy = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      u[0] = x[i];
      u[1] = y[j];
      equation.f(du, u, p, 0, work);
      dx[n * j + i] = du[0];
      dy[n * j + i] = du[1];
    }
  }
  return {n, x, y, dx, dy};
}

// The curves where `values` change sign: where they cross the sides of each cell, joined.
function zeroCurves({n, x, y}, values) {
  const pieces = [];
  // Both cells beside a side compute it in the same direction: the ends meet to the last bit.
  const cross = (x1, y1, v1, x2, y2, v2) => [x1 + (x2 - x1) * v1 / (v1 - v2), y1 + (y2 - y1) * v1 / (v1 - v2)];
  for (let j = 0; j + 1 < n; j++) {
    for (let i = 0; i + 1 < n; i++) {
      const a = values[n * j + i], b = values[n * j + i + 1];
      const c = values[n * j + n + i + 1], d = values[n * j + n + i];
      const above = (a > 0) + (b > 0) + (c > 0) + (d > 0);
      if (above === 0 || above === 4 || Number.isNaN(a + b + c + d)) continue;
      const ends = [];
      if (a > 0 !== b > 0) ends.push(cross(x[i], y[j], a, x[i + 1], y[j], b));
      if (b > 0 !== c > 0) ends.push(cross(x[i + 1], y[j], b, x[i + 1], y[j + 1], c));
      if (c > 0 !== d > 0) ends.push(cross(x[i], y[j + 1], d, x[i + 1], y[j + 1], c));
      if (d > 0 !== a > 0) ends.push(cross(x[i], y[j], a, x[i], y[j + 1], d));
      for (let k = 0; k + 1 < ends.length; k += 2) pieces.push([ends[k], ends[k + 1]]);
    }
  }
  return join(pieces);
}

// Pieces that share an end, joined to long curves: dashes then run through.
function join(pieces) {
  const ends = new Map(), key = ([x, y]) => `${x},${y}`, curves = [], used = new Set();
  pieces.forEach((piece, i) => piece.forEach(end => {
    const k = key(end);
    ends.set(k, [...(ends.get(k) ?? []), i]);
  }));
  const next = end => (ends.get(key(end)) ?? []).find(i => !used.has(i));
  pieces.forEach((piece, i) => {
    if (used.has(i)) return;
    used.add(i);
    const curve = [...piece];
    for (const side of ["push", "unshift"]) {
      for (;;) {
        const end = side === "push" ? curve.at(-1) : curve[0], j = next(end);
        if (j === undefined) break;
        used.add(j);
        curve[side](pieces[j][key(pieces[j][0]) === key(end) ? 1 : 0]);
      }
    }
    curves.push(curve);
  });
  return curves;
}

// df/du at one point by central differences, row by row.
function jacobian(equation, u, p, t) {
  const n = u.length, work = new Float64Array(equation.work + 1), J = Array.from({length: n}, () => new Float64Array(n));
  const [ahead, behind] = [new Float64Array(n), new Float64Array(n)];
  for (let j = 0; j < n; j++) {
    const h = 6e-6 * Math.max(Math.abs(u[j]), 1), v = Float64Array.from(u);
    v[j] = u[j] + h;
    equation.f(ahead, v, p, t, work);
    v[j] = u[j] - h;
    equation.f(behind, v, p, t, work);
    for (let i = 0; i < n; i++) J[i][j] = (ahead[i] - behind[i]) / (2 * h);
  }
  return J;
}

// Isolated points in the window where f = 0, by Newton's method from every likely cell.
function fixedPoints(equation, p, box) {
  const field = sampleField(equation, p, box, 24), {n, x, y} = field;
  const [low, high] = [[box[0], box[2]], [box[1], box[3]]], near = low.map((l, i) => 1e-6 * (high[i] - l));
  const changes = (values, k) => {
    const corners = [values[k], values[k + 1], values[k + n], values[k + n + 1]];
    return Math.min(...corners) <= 0 && Math.max(...corners) >= 0;
  };
  const starts = [], found = [];
  for (let j = 0; j + 1 < n; j++) {
    for (let i = 0; i + 1 < n; i++) {
      if (changes(field.dx, n * j + i) && changes(field.dy, n * j + i)) starts.push([(x[i] + x[i + 1]) / 2, (y[j] + y[j + 1]) / 2]);
    }
  }
  for (const start of starts.slice(0, 60)) {
    const u = newton(equation, p, start);
    if (u === null || u.some((x, i) => !(x >= low[i] - near[i] && x <= high[i] + near[i]))) continue;
    if (found.some(v => v.every((x, i) => Math.abs(x - u[i]) < 1e3 * near[i]))) continue;
    found.push(u.map((x, i) => Math.abs(x) < 1e-3 * near[i] ? 0 : x));
  }
  const away = u => Math.hypot(u[0] - low[0], u[1] - low[1]);
  return found.sort((u, v) => away(v) - away(u));
}

// Ten Newton steps; null where they lead nowhere
function newton(equation, p, u) {
  const work = new Float64Array(equation.work + 1), du = new Float64Array(2);
  for (let k = 0; k < 10; k++) {
    const [[a, b], [c, d]] = jacobian(equation, u, p, 0), det = a * d - b * c;
    const size = a * a + b * b + c * c + d * d;  // the sum of the squares of both singular values
    const largest = (size + Math.sqrt(Math.max(size * size - 4 * det * det, 0))) / 2;
    if (!Number.isFinite(size) || !(largest <= 1e10 * Math.abs(det))) return null;
    equation.f(du, u, p, 0, work);
    const step = [(b * du[1] - d * du[0]) / det, (c * du[0] - a * du[1]) / det];
    u = [u[0] + step[0], u[1] + step[1]];
    if (Math.hypot(...step) <= 1e-12 * (1 + Math.hypot(...u))) return u;
  }
  return null;
}

// Eigenvalues of a 1 x 1 or 2 x 2 matrix, as pairs (real, imaginary).
function eigenvalues(J) {
  if (J.length === 1) return [[J[0][0], 0]];
  const [[a, b], [c, d]] = J, half = (a + d) / 2, inside = ((a - d) / 2) ** 2 + b * c;
  const root = Math.sqrt(Math.abs(inside));
  if (inside < 0) return [[half, root], [half, -root]];
  return [[half + root, 0], [half - root, 0]];
}

// The behaviour near a fixed point
function classify(equation, u, p) {
  const values = eigenvalues(jacobian(equation, u, p, 0)), real = values.map(v => v[0]);
  const turning = Math.abs(values[0][1]);
  const size = Math.max(...values.map(v => Math.hypot(...v)), 1e-300);
  if (turning > 1e-6 * size) {
    const turn = `turning once in ${general(2 * Math.PI / turning, 3)} time units`;
    if (Math.abs(real[0]) < 1e-6 * size) return `a centre, ${turn}`;
    return `${real[0] < 0 ? "a stable" : "an unstable"} spiral, ${turn}`;
  }
  if (Math.min(...real) * Math.max(...real) < 0) return "a saddle";
  return Math.max(...real) < 0 ? "a stable node" : "an unstable node";
}

// When a trajectory comes back through its start, and by how much it misses it; [null, NaN] if never.
function firstReturn(sol, at) {
  const {run, t, u} = sol, u0 = u[0], ahead = new Float64Array(2);
  run.f(ahead, u0, run.p, t[0], run.work);
  if (!(Math.hypot(...ahead) > 0)) return [null, NaN];
  const size = [0, 1].map(i => {
    const values = u.map(v => v[i]), range = Math.max(...values) - Math.min(...values);
    return range > 0 ? range : 1;
  });
  const from = v => [(v[0] - u0[0]) / size[0], (v[1] - u0[1]) / size[1]];
  const side = v => from(v)[0] * (ahead[0] / size[0]) + from(v)[1] * (ahead[1] / size[1]);
  const away = u.map(side), left = u.findIndex(v => Math.hypot(...from(v)) > 0.2);
  if (left < 0) return [null, NaN];
  for (let k = left; k + 1 < away.length; k++) {
    if (!(away[k] < 0 && away[k + 1] >= 0)) continue;
    let [low, high] = [t[k], t[k + 1]];
    for (let i = 0; i < 22; i++) {
      const middle = 0.5 * (low + high);
      if (side(at(k, middle)) < 0) low = middle;
      else high = middle;
    }
    const back = 0.5 * (low + high), gap = Math.hypot(...from(at(k, back)));
    if (gap < 0.35) return [back - t[0], gap];
  }
  return [null, NaN];
}

// Times and states at the steps and at two points inside each
function thirds(sol, at) {
  const t = [], u = [];
  sol.steps.forEach((step, k) => {
    const h = step.tNew - step.t;
    for (const inner of [step.t + h / 3, step.t + 2 * h / 3]) {
      if (inner === step.t + h / 3) {
        t.push(step.t);
        u.push(step.u);
      }
      t.push(inner);
      u.push(at(k, inner));
    }
  });
  t.push(sol.t.at(-1));
  u.push(sol.u.at(-1));
  return {t, u};
}
