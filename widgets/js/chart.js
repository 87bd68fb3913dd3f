// Charts on a canvas, in the look of lab.mplstyle: axes, lines, marks, text, a legend.

const INK = {
  blue: "#0072B2", vermillion: "#D55E00", green: "#009E73", purple: "#CC79A7", black: "#000000",
  grey: "#8A8A8A", text: "#222222", label: "#333333", grid: "#E6E6E6",
};
const FONT = '"DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif';
const TICKS = 11.5, LABEL = 13, NAMES = 12.5;  // sizes of text in pixels

// A canvas of a size on the page, with as many pixels as the display has for it.
class Picture {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.canvas = document.createElement("canvas");
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.still = document.createElement("canvas");
    this.base = document.createElement("canvas");
    this.scale = 0;
  }

  // Canvases with the right number of pixels; says whether they are new and empty.
  begin() {
    const shown = this.canvas.getBoundingClientRect().width || this.width;
    const scale = (window.devicePixelRatio || 1) * shown / this.width;
    const changed = scale !== this.scale;
    if (changed) {
      for (const canvas of [this.canvas, this.still, this.base]) {
        canvas.width = Math.round(this.width * scale);
        canvas.height = Math.round(this.height * scale);
      }
      this.scale = scale;
    }
    return changed;
  }

  pen(canvas) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.lineJoin = "round";
    return pen;
  }

  // A pen on a copy of another canvas.
  copy(from, to) {
    const pen = to.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(from, 0, 0);
    return this.pen(to);
  }

  // Draw what stays, and return the pen for what moves. `frame` always stays; `draw` depends on
  // what `key` says. While that changes with every picture it goes straight to the canvas, and it
  // is kept when it is wanted for the second time.
  layer(key, frame, draw) {
    if (this.begin()) {
      this.kept = null;
      const pen = this.pen(this.base);
      pen.fillStyle = "white";
      pen.fillRect(0, 0, this.width, this.height);
      frame(pen);
    }
    if (key !== this.key) {
      this.key = key;
      const pen = this.copy(this.base, this.canvas);
      draw(pen);
      return pen;
    }
    if (key !== this.kept) draw(this.copy(this.base, this.still));
    this.kept = key;
    return this.copy(this.still, this.canvas);
  }

  axes(place, options = {}) {
    const [left, bottom, width, height] = place;
    return new Axes({
      left: left * this.width, width: width * this.width, height: height * this.height,
      top: (1 - bottom - height) * this.height,
    }, options);
  }
}

class Axes {
  constructor(place, {xlim = [0, 1], ylim = [0, 1], ylog = false, xlog = false, xlabel = "", ylabel = "",
    title = "", grid = true, box = false, xticks = null, yticks = null} = {}) {
    Object.assign(this, place, {xlim, ylim, xlog, ylog, xlabel, ylabel, title, grid, box, xticks, yticks});
  }

  x(value) {
    return this.left + this.width * part(value, this.xlim, this.xlog);
  }

  y(value) {
    return this.top + this.height * (1 - part(value, this.ylim, this.ylog));
  }

  // From a place on the page back to a point of the plane (linear axes).
  point(x, y) {
    return [
      this.xlim[0] + (x - this.left) / this.width * (this.xlim[1] - this.xlim[0]),
      this.ylim[0] + (this.top + this.height - y) / this.height * (this.ylim[1] - this.ylim[0]),
    ];
  }

  // Grid, frame, ticks and labels.
  frame(pen) {
    const {left, top, width, height} = this, bottom = top + height;
    const xs = this.xticks ?? ticks(this.xlim, this.xlog, width / 46);
    const ys = this.yticks ?? ticks(this.ylim, this.ylog, height / 38);
    pen.lineWidth = 1;
    pen.strokeStyle = INK.grid;
    if (this.grid) {
      xs.forEach(x => stroke(pen, [[crisp(this.x(x)), top], [crisp(this.x(x)), bottom]]));
      ys.forEach(y => stroke(pen, [[left, crisp(this.y(y))], [left + width, crisp(this.y(y))]]));
    }
    pen.strokeStyle = INK.grey;
    const [l, b, r, t] = [crisp(left), crisp(bottom), crisp(left + width), crisp(top)];
    stroke(pen, this.box ? [[l, t], [l, b], [r, b], [r, t], [l, t]] : [[l, t], [l, b], [r, b]]);
    xs.forEach(x => stroke(pen, [[crisp(this.x(x)), b], [crisp(this.x(x)), b + 4]]));
    ys.forEach(y => stroke(pen, [[l - 4, crisp(this.y(y))], [l, crisp(this.y(y))]]));
    pen.fillStyle = INK.label;
    pen.font = `${TICKS}px ${FONT}`;
    xs.forEach((x, i) => tickText(pen, x, xs, this.xlog, this.x(x), b + 6, "center", "top"));
    ys.forEach((y, i) => tickText(pen, y, ys, this.ylog, l - 7, this.y(y), "right", "middle"));
    const gap = xs.length ? 22 : 8;
    label(pen, this.xlabel, left + width / 2, b + gap, {baseline: "top", size: LABEL});
    if (this.ylabel) {
      const widest = Math.max(0, ...ys.map(y => pen.measureText(tickLabel(y, ys)).width));
      pen.save();
      pen.translate(l - (ys.length ? 16 + widest : 8), top + height / 2);
      pen.rotate(-Math.PI / 2);
      label(pen, this.ylabel, 0, 0, {baseline: "alphabetic", size: LABEL});
      pen.restore();
    }
    label(pen, this.title, left, top - 7, {align: "left", baseline: "alphabetic", size: LABEL, color: INK.text});
  }

  // Draw inside the frame only.
  inside(pen, draw, margin = 0) {
    pen.save();
    pen.beginPath();
    pen.rect(this.left - margin, this.top - margin, this.width + 2 * margin, this.height + 2 * margin);
    pen.clip();
    draw();
    pen.restore();
  }

  line(pen, xs, ys, {color = INK.blue, width = 2.2, dash = []} = {}) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    stroke(pen, Array.from(xs, (x, i) => [this.far(this.x(x)), this.far(this.y(ys[i]))]));
    pen.setLineDash([]);
  }

  // Canvases lose their way far outside of themselves.
  far(pixel) {
    return Math.min(Math.max(pixel, -1e4), 1e4);
  }

  marks(pen, xs, ys, look) {
    for (let i = 0; i < xs.length; i++) mark(pen, this.x(xs[i]), this.y(ys[i]), look);
  }
}

// Where a value lies between two limits, from 0 to 1.
function part(value, [low, high], log) {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

// A line one pixel wide is sharp in the middle of a pixel.
function crisp(pixel) {
  return Math.round(pixel) + 0.5;
}

function stroke(pen, points) {
  pen.beginPath();
  let down = false;
  for (const [x, y] of points) {
    if (x !== x || y !== y) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
}

// One mark: a dot "o", a square "s", a cross "x", a bar "|".
function mark(pen, x, y, {shape = "o", size = 7, color = INK.blue, fill = color, width = 2} = {}) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  const r = size / 2;
  pen.strokeStyle = color;
  pen.lineWidth = width;
  if (shape === "x") {
    stroke(pen, [[x - r, y - r], [x + r, y + r], [NaN, NaN], [x - r, y + r], [x + r, y - r]]);
    return;
  }
  if (shape === "|") return stroke(pen, [[x, y - r], [x, y + r]]);
  pen.beginPath();
  if (shape === "s") pen.rect(x - r, y - r, size, size);
  else pen.arc(x, y, r, 0, 2 * Math.PI);
  if (fill !== "none") {
    pen.fillStyle = fill;
    pen.fill();
  }
  if (fill !== color) pen.stroke();
}

// An arrow from one place on the page to another.
function arrow(pen, x, y, dx, dy, {color, width, head}) {
  const length = Math.hypot(dx, dy);
  if (!(length > 0.5) || length > 1e4) return;
  const [ex, ey] = [dx / length, dy / length], h = Math.min(head, length);
  const [tx, ty] = [x + dx, y + dy], [bx, by] = [tx - ex * h, ty - ey * h];
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = width;
  stroke(pen, [[x, y], [bx + ex, by + ey]]);
  pen.beginPath();
  pen.moveTo(tx, ty);
  pen.lineTo(bx - ey * h * 0.5, by + ex * h * 0.5);
  pen.lineTo(bx + ey * h * 0.5, by - ex * h * 0.5);
  pen.fill();
}

function label(pen, text, x, y,
  {align = "center", baseline = "middle", size = LABEL, color = INK.label, style = ""} = {}) {
  pen.font = `${style} ${size}px ${FONT}`;
  pen.textAlign = align;
  pen.textBaseline = baseline;
  pen.fillStyle = color;
  pen.fillText(text, x, y);
}

// Entries side by side: each a function that draws its sample around (x, y), and its name.
function legend(pen, entries, x, y, size = NAMES) {
  for (const [draw, name, wide = 12] of entries) {
    draw(x + wide / 2, y, wide);
    label(pen, name, x + wide + 6, y + 0.5, {align: "left", size, color: INK.text});
    pen.font = `${size}px ${FONT}`;
    x += wide + 6 + pen.measureText(name).width + 14;
  }
  return x;
}

// Round numbers between the limits: about `wanted` of them, or whole decades.
function ticks([low, high], log, wanted) {
  const found = [];
  if (log) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const by = Math.max(1, Math.ceil((last - first) / Math.max(wanted, 2)));
    for (let power = first; power <= last; power += by) found.push(10 ** power);
    return found;
  }
  const rough = (high - low) / Math.max(wanted, 2), ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(x => x * ten).find(x => x >= rough * 0.999);
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

function tickText(pen, value, all, log, x, y, align, baseline) {
  pen.textAlign = align;
  pen.textBaseline = baseline;
  if (!log) return pen.fillText(tickLabel(value, all), x, y);
  const power = `${Math.round(Math.log10(value))}`.replace("-", "−");
  pen.font = `${TICKS}px ${FONT}`;
  const ten = pen.measureText("10").width;
  pen.font = `${TICKS * 0.72}px ${FONT}`;
  const wide = ten + pen.measureText(power).width;
  const left = align === "right" ? x - wide : x - wide / 2;
  pen.textAlign = "left";
  pen.fillText(power, left + ten + 0.5, y - (baseline === "top" ? 2 : 5));
  pen.font = `${TICKS}px ${FONT}`;
  pen.fillText("10", left, y);
}

function tickLabel(value, all) {
  const step = all.length > 1 ? all[1] - all[0] : Math.abs(value) || 1;
  const largest = Math.max(...all.map(Math.abs));
  if (largest >= 1e5 || (largest < 1e-3 && largest > 0)) {
    return value === 0 ? "0" : value.toExponential(1).replace("e+", "e").replace("-", "−");
  }
  let decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals += 1;
  return (value + 0).toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "−");
}
