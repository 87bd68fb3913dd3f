// Draw what `widgets/strokes.py` has written down: commands, and the numbers that they use up.

function drawStrokes(pen, view) {
  const length = view.getUint32(0, true);
  const text = new Uint8Array(view.buffer, view.byteOffset + 4, length);
  let next = view.byteOffset + 4 + length;
  const take = (Kind, count) => {
    const part = view.buffer.slice(next, next + count * Kind.BYTES_PER_ELEMENT);
    next += part.byteLength;
    return new Kind(part);
  };
  for (const command of JSON.parse(new TextDecoder().decode(text))) {
    pen.save();
    if (command.clip) {
      const [left, bottom, right, top] = command.clip;
      pen.beginPath();
      pen.rect(left, top, right - left, bottom - top);
      pen.clip();
    }
    if (command.image) {
      const [width, height] = command.image;
      drawImage(pen, take(Uint8ClampedArray, 4 * width * height), width, height, command.box);
    } else {
      const points = take(Float32Array, 2 * command.points);
      const places = "places" in command ? take(Float32Array, 2 * command.places) : [0, 0];
      choose(pen, command);
      for (let k = 0; k < places.length; k += 2) drawPath(pen, points, places[k], places[k + 1], command);
    }
    pen.restore();
  }
}

function choose(pen, { fill, stroke, width, cap, join, dashes, start }) {
  if (fill) pen.fillStyle = fill;
  if (!stroke) return;
  pen.strokeStyle = stroke;
  pen.lineWidth = width;
  pen.lineCap = cap;
  pen.lineJoin = join;
  pen.setLineDash(dashes);
  pen.lineDashOffset = start;
}

function drawPath(pen, points, dx, dy, { fill, stroke }) {
  pen.beginPath();
  let down = false;
  for (let k = 0; k < points.length; k += 2) {
    const x = points[k] + dx;
    const y = points[k + 1] + dy;
    if (Number.isNaN(x)) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  if (fill) pen.fill();
  if (stroke) pen.stroke();
}

// The first row of an image is its lowest.
function drawImage(pen, pixels, width, height, [left, bottom, right, top]) {
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  small.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.setTransform((right - left) / width, 0, 0, (top - bottom) / height, left, bottom);
  pen.drawImage(small, 0, 0);
}
