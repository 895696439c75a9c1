"use strict";
const body = document.querySelector("#board tbody");
const heads = [...document.querySelectorAll("#board thead th")];
const rows = [...body.rows];

function value(row, column) {
  const cell = row.cells[column];
  return cell.dataset.number === undefined ? cell.textContent : Number(cell.dataset.number);
}

function missing(found) {
  return found === "" || Number.isNaN(found);
}

function sort(column) {
  const head = heads[column];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  rows.sort((a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en");
    return down ? -order : order;
  });
  body.append(...rows);
}

heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(column)));

document.querySelector("#filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  document.querySelector("#shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
});

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
