"use strict";
const data = JSON.parse(document.querySelector("#data").textContent);
const boards = [...document.querySelectorAll("table.board")];
const LANE = 7; // pixels from one line that joins tied methods to the next

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function cellOf(row, condition) {
  return [...row.cells].find((cell) => cell.dataset.condition === condition);
}

// --- ties and ranks: those of the condition that a table is sorted by

function tiesOf(cell) {
  return cell?.dataset.ties ? cell.dataset.ties.split(" ") : [];
}

// a thick line where a method is in the group, a thin one where the group goes past it
function line(lane, isMember) {
  const [colour, width, shift] = isMember ? ["--tie", 3, 2] : ["--line", 1, 3];
  return `linear-gradient(var(${colour}), var(${colour})) ${LANE * lane + shift}px 0 / ${width}px 100% no-repeat`;
}

// The lane of each group of several methods; groups that do not touch share one.
// members: the places of the rows of each group, by its letter
function lanesOf(members) {
  const groups = Object.keys(members).filter((letter) => members[letter].length > 1);
  groups.sort((a, b) => members[a][0] - members[b][0]);
  const ends = [];
  const lanes = {};
  for (const letter of groups) {
    const free = ends.findIndex((end) => end + 1 < members[letter][0]);
    lanes[letter] = free < 0 ? ends.length : free;
    ends[lanes[letter]] = members[letter].at(-1);
  }
  return lanes;
}

function showPlaces(board, condition) {
  const rows = [...board.tBodies[0].rows];
  const members = {};
  rows.forEach((row, place) => {
    for (const letter of tiesOf(cellOf(row, condition))) (members[letter] ??= []).push(place);
  });
  const lanes = lanesOf(members);
  board.style.setProperty("--lanes", Math.max(0, ...Object.values(lanes).map((at) => at + 1)));
  rows.forEach((row, place) => {
    const cell = cellOf(row, condition);
    const letters = tiesOf(cell);
    const lines = [];
    for (const [letter, at] of Object.entries(lanes)) {
      const isBeside = place > members[letter][0] && place < members[letter].at(-1);
      const isMember = letters.includes(letter);
      if (isMember || isBeside) lines.push(line(at, isMember));
    }
    const ties = row.querySelector(".ties");
    ties.style.background = lines.join(", ");
    ties.firstElementChild.textContent = letters.join(" ");
    row.querySelector(".rank").textContent = cell?.dataset.rank ?? "";
  });
}

// --- sorting

function value(row, column) {
  const cell = cellOf(row, column);
  const text = cell ? cell.dataset.number : row.dataset[column];
  if (text === undefined || text === "") return null;
  return cell || column === "trainings" ? Number(text) : text;
}

// missing values stay last, whichever way the others are sorted
function compare(first, second, isDescending) {
  if (first === null || second === null) return (first === null) - (second === null);
  const order = typeof first === "number" ? first - second : first.localeCompare(second, "en");
  return isDescending ? -order : order;
}

function sort(board, column, isDescending) {
  for (const head of board.tHead.rows[0].cells) {
    head.removeAttribute("aria-sort");
    if (head.dataset.column === column) {
      head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
    }
  }
  const body = board.tBodies[0];
  const rows = [...body.rows];
  rows.sort((a, b) => compare(value(a, column), value(b, column), isDescending));
  body.append(...rows);
  if (cellOf(board.tHead.rows[0], column)) showPlaces(board, column);
  limit(board);
}

// --- long tables begin with their first rows

const FIRST = 40; // rows

function limit(board) {
  const rows = [...board.tBodies[0].rows].filter((row) => !row.hidden);
  rows.forEach((row, place) => row.classList.toggle("beyond", place >= FIRST && !board.isWhole));
  board.more.hidden = board.isWhole || rows.length <= FIRST;
  board.more.textContent = `Show all ${rows.length} methods`;
}

for (const board of boards) {
  board.isWhole = false;
  board.more = element("button", "", "more");
  board.more.type = "button";
  board.parentElement.after(board.more);
  board.more.addEventListener("click", () => {
    board.isWhole = true;
    limit(board);
  });
  limit(board);
}

function conditionsOf(board) {
  return [...board.tHead.rows[0].cells].map((head) => head.dataset.condition).filter(Boolean);
}

for (const board of boards) {
  showPlaces(board, conditionsOf(board).at(-1));
  for (const head of board.tHead.rows[0].cells) {
    head.querySelector("button")?.addEventListener("click", () => {
      const isNumber = head.classList.contains("number");
      const now = head.getAttribute("aria-sort");
      // numbers begin with the highest, names with the first
      const isDescending = now === null ? isNumber : now === "ascending";
      sort(board, head.dataset.column, isDescending);
    });
  }
}

document.querySelector("#sort").addEventListener("change", (event) => {
  const column = event.target.value;
  for (const board of boards) {
    const last = conditionsOf(board).at(-1);
    const wanted = column || last;
    const isCondition = conditionsOf(board).includes(wanted);
    if (isCondition || wanted in board.tBodies[0].rows[0].dataset) {
      sort(board, wanted, isCondition || wanted === "trainings");
    }
  }
});

// --- filters

const shown = document.querySelector("#shown");

function chosen(name) {
  return document.querySelector(`[data-filter="${name}"]`)?.value ?? "";
}

function matches(row, words) {
  const isOfRule = !chosen("rule") || row.dataset.rule === chosen("rule");
  const isOfEncoder = !chosen("encoder") || row.dataset.encoder === chosen("encoder");
  const text = row.textContent.toLowerCase();
  return isOfRule && isOfEncoder && words.every((word) => text.includes(word));
}

function filter() {
  const words = document.querySelector("#words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const condition = chosen("condition");
  const names = new Set();
  const all = new Set();
  for (const board of boards) {
    const isOfData = !chosen("data set") || board.dataset.dataset === chosen("data set");
    const isOfCondition = !condition || conditionsOf(board).includes(condition);
    board.parentElement.hidden = !(isOfData && isOfCondition);
    for (const row of board.tBodies[0].rows) {
      row.hidden = !matches(row, words);
      all.add(row.dataset.name);
      if (!row.hidden && !board.parentElement.hidden) names.add(row.dataset.name);
    }
    for (const cell of board.querySelectorAll("[data-condition]")) {
      cell.hidden = Boolean(condition) && cell.dataset.condition !== condition;
    }
    if (condition && !board.parentElement.hidden) sort(board, condition, true);
    limit(board);
    board.more.hidden ||= board.parentElement.hidden;
  }
  shown.textContent = `${names.size} of ${all.size} methods. Press an accuracy to open its details.`;
}

for (const control of document.querySelectorAll("[data-filter]")) {
  control.addEventListener("change", filter);
}
document.querySelector("#words").addEventListener("input", filter);
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());

const narrow = matchMedia("(max-width: 44rem)");
document.querySelector("#choose").open = !narrow.matches;

// --- what a cell opens

function table(heads, rows, className) {
  const made = element("table", "", className);
  if (heads.length) {
    const line = made.createTHead().insertRow();
    for (const head of heads) line.append(element("th", head));
  }
  const body = made.createTBody();
  for (const [name, ...cells] of rows) {
    const line = body.insertRow();
    const head = element("th", name);
    head.scope = "row";
    line.append(head);
    for (const text of cells) line.insertCell().textContent = text;
  }
  const wide = element("div", "", "wide");
  wide.append(made);
  return wide;
}

const MOST_COLUMNS = 12; // of more classes, the most frequent confusions are listed
const MOST_LISTED = 20;

function percent(share) {
  return (100 * share).toFixed(1);
}

function confusion(found) {
  const totals = found.counts.map((counts) => counts.reduce((sum, count) => sum + count, 0));
  if (found.taken_for.length <= MOST_COLUMNS) {
    const rows = found.classes.map((name, row) => [
      name, ...found.counts[row].map((count) => percent(count / totals[row])),
    ]);
    const made = table(["class, %", ...found.taken_for.map((name) => `as ${name}`)], rows, "confusion");
    for (const line of made.querySelectorAll("tbody tr")) {
      for (const cell of line.querySelectorAll("td")) {
        cell.style.background = `rgb(70 130 220 / ${Number(cell.textContent) / 160})`;
      }
    }
    return made;
  }
  const pairs = [];
  found.classes.forEach((name, row) => found.taken_for.forEach((other, column) => {
    const share = found.counts[row][column] / totals[row];
    if (name !== other && share > 0) pairs.push([name, other, share]);
  }));
  pairs.sort((a, b) => b[2] - a[2]);
  const rows = pairs.slice(0, MOST_LISTED).map(([name, other, share]) => [name, other, percent(share)]);
  return table(["class", "taken for", "% of the class"], rows, "confusion");
}

function hardest(pictures) {
  const list = element("ul", "", "hard");
  for (const one of pictures) {
    const item = element("li");
    if (one.picture) {
      const image = element("img");
      image.src = data.pictures[one.picture];
      image.alt = one.file;
      item.append(image);
    }
    const lines = [one.file.split("/").at(-1), `${one.class}, taken for ${one.taken_for}`];
    for (const text of lines.filter(Boolean)) item.append(element("div", text));
    item.append(element("div", `wrong in ${one.wrong} of ${one.asked} queries`));
    list.append(item);
  }
  return list;
}

function open(key) {
  const cell = data.cells[key];
  const body = document.querySelector("#detail-body");
  document.querySelector("#detail-name").textContent = `${cell.name}, ${cell.condition}`;
  body.replaceChildren();
  if (cell.confusion) body.append(element("h3", "What each class was taken for"), confusion(cell.confusion));
  if (cell.hardest?.length) {
    body.append(element("h3", "Pictures that were most often wrong"), hardest(cell.hardest));
    if (!cell.hardest.some((one) => one.picture)) {
      body.append(element("p", "The pictures are not on this page; see Pictures for the reason."));
    }
  }
  body.append(element("h3", "What was measured"), table([], cell.facts, "facts"));
  body.append(element("h3", "Settings, and where it was made"), table([], cell.made, "facts"));
  document.querySelector("#detail").showModal();
}

for (const button of document.querySelectorAll("button.open")) {
  button.addEventListener("click", () => open(button.dataset.key));
}

addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
