"use strict";
const body = document.querySelector("#board tbody");
const heads = [...document.querySelectorAll("#board thead th")];
const rows = [...body.rows];

function value(row, column) {
  const cell = row.cells[column];
  return cell.dataset.number === undefined ? cell.textContent : Number(cell.dataset.number);
}

function isMissing(cellValue) {
  return cellValue === "" || Number.isNaN(cellValue);
}

// missing values stay last, whichever way the others are sorted
function compare(first, second, isDescending) {
  if (isMissing(first) || isMissing(second)) return isMissing(first) - isMissing(second);
  const areNumbers = typeof first === "number" && typeof second === "number";
  const order = areNumbers ? first - second : String(first).localeCompare(String(second), "en");
  return isDescending ? -order : order;
}

function sort(column) {
  const head = heads[column];
  const isDescending = head.getAttribute("aria-sort") === "ascending";
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
  rows.sort((a, b) => compare(value(a, column), value(b, column), isDescending));
  body.append(...rows);
}

function showRowsWith(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const rowText = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => rowText.includes(word));
    if (!row.hidden) shown += 1;
  }
  document.querySelector("#shown").textContent = `${shown} of ${rows.length} rows`;
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => sort(column));
});

document.querySelector("#filter").addEventListener("input", (event) => {
  showRowsWith(event.target.value);
});

addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
