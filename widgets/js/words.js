// Numbers in words, as widgets/words.py and Python's formats write them.

// x with d digits after the point; an exact half goes to the even digit, as in Python.
function fixed(x, d) {
  return evenHalf(x, x.toFixed(d), x.toFixed(Math.min(d + 40, 100)), d);
}

// x with d digits after the point and a power of ten.
function scientific(x, d) {
  const [digits, power] = x.toExponential(d).split("e");
  const [exact, same] = x.toExponential(Math.min(d + 40, 100)).split("e");
  return [same === power ? evenHalf(x, digits, exact, d) : digits, Number(power)];
}

function evenHalf(x, rounded, exact, d) {
  const point = exact.indexOf("."), rest = exact.slice(point + 1 + d);
  if (!/^50*$/.test(rest)) return rounded;
  const down = d ? exact.slice(0, point + 1 + d) : exact.slice(0, point);
  return Number(down.at(-1)) % 2 === 0 ? down : rounded;
}

// Python's "{:.3g}"
function general(x, digits) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  if (x === 0) return "0";
  const [mantissa, power] = scientific(x, digits - 1), strip = s => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
  if (power >= -4 && power < digits) return strip(fixed(x, digits - 1 - power));
  return `${strip(mantissa)}e${power < 0 ? "-" : "+"}${`${Math.abs(power)}`.padStart(2, "0")}`;
}

// A number with some significant digits, with a power of ten where it is far from one
function number(x, digits = 3) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "not a number" : "infinite";
  if (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e4) {
    return fixed(x, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(x)))));
  }
  const [mantissa, power] = scientific(x, digits - 1);
  return `${mantissa} × 10${`${power}`.replace(/./g, c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])}`;
}

function sentence(text) {
  text = text.trim().replace(/\.+$/, "");
  return (text[1] === " " ? text : text[0].toUpperCase() + text.slice(1)) + ".";
}
