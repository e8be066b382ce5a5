"use strict";
{
  const body = document.querySelector("#table tbody");
  const rows = [...body.rows];
  const find = document.getElementById("find");
  const all = document.getElementById("all");
  const shown = document.getElementById("shown");
  const cards = [...document.querySelectorAll("button.card")];
  const words = new Map();
  let state = "";

  const wordsOf = (row) => {
    if (!words.has(row)) words.set(row, row.textContent.toLowerCase());
    return words.get(row);
  };
  const filter = () => {
    const sought = find.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      const fits = (!state || row.dataset.state === state) && (!sought || wordsOf(row).includes(sought));
      row.hidden = !fits;
      count += fits;
    }
    all.hidden = !state && !sought;
    for (const card of cards) card.setAttribute("aria-pressed", String(card.dataset.state === state));
    const n = (number) => number.toLocaleString("en");
    const noun = rows.length === 1 ? "row" : "rows";
    shown.textContent = all.hidden ? `${n(rows.length)} ${noun}` : `${n(count)} of ${n(rows.length)} ${noun}`;
  };
  const showAll = () => {
    state = "";
    find.value = "";
    filter();
  };
  const toTarget = () => {
    const row = location.hash.startsWith("#r") && document.getElementById(location.hash.slice(1));
    if (row && row.hidden) {
      showAll();
      row.scrollIntoView();
    }
  };
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const sort = (header) => {
    const headers = [...header.parentElement.cells];
    const column = headers.indexOf(header);
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const order = new Intl.Collator("en", { numeric: true });
    const keyed = rows.map((row) => [valueOf(row, column), row]);
    keyed.sort(([a], [b]) => sign * (typeof a === "number" ? a - b : order.compare(a, b)));
    body.append(...keyed.map(([, row]) => row));
  };

  find.addEventListener("input", filter);
  all.addEventListener("click", showAll);
  for (const card of cards) {
    card.addEventListener("click", () => {
      state = state === card.dataset.state ? "" : card.dataset.state;
      filter();
      if (state) document.getElementById("rows").scrollIntoView();
    });
  }
  for (const button of document.querySelectorAll("#table thead button")) {
    button.addEventListener("click", () => sort(button.parentElement));
  }
  addEventListener("hashchange", toTarget);
}
