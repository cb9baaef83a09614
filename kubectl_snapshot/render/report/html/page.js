"use strict";
{
  const all = (selector, of = main) => [...of.querySelectorAll(selector)];
  const [main, box, said, tools] = ["main", "filter", "said", "tools"].map((id) =>
    document.getElementById(`_${id}`));
  const ROWS = "tbody tr, .facts > div, .findings ol > li, .gaps > li";
  const BLOCKS = ":scope > :not(#_said), section > :not(h2), .part > :not(h3)";
  // More matches than this are counted, not unfolded.
  const MOST_UNFOLDED = 2000;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  let rows, timer, unfolded = [];

  const say = (text) => (said.textContent = text);
  const prefix = (row) => row.closest("table")?.dataset.path ?? "";

  function filter() {
    rows ??= all(ROWS).map((row) => [row, (prefix(row) + row.textContent).toLowerCase()]);
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    let count = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (row.hidden) continue;
      count++;
      for (let of = row; of !== main && !shown.has(of); of = of.parentNode) shown.add(of);
    }
    for (const block of all(BLOCKS)) block.hidden = words.length && !shown.has(block);
    for (const fold of unfolded) fold.open = false;
    unfolded = words.length && count <= MOST_UNFOLDED
      ? all("details:not([open])").filter((fold) => shown.has(fold)) : [];
    for (const fold of unfolded) fold.open = true;
    say(words.length ? `${count} of ${rows.length} rows match “${box.value.trim()}”` : "");
  }

  function clear() {
    box.value = "";
    filter();
  }

  function sort(head) {
    const table = head.closest("table");
    const body = table.tBodies[0];
    const order = head.ariaSort === "ascending" ? "descending" : "ascending";
    const sign = order === "descending" ? -1 : 1;
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = order;
    const sorted = [...body.rows].map((row) => [row.cells[head.cellIndex].textContent, row]);
    sorted.sort(([a], [b]) => sign * compare(a, b));
    body.remove();
    for (const [, row] of sorted) body.append(row);
    table.append(body);
  }

  function copy(key) {
    const path = prefix(key) + key.firstChild.textContent.trim();
    const select = () => getSelection().selectAllChildren(said, say(path));
    // There is no clipboard in a page that came over http.
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(path).then(() => say(`Copied ${path}`), select);
  }

  function step(from, by) {
    const keys = all("tbody th").filter((key) => key.checkVisibility());
    const next = keys[keys.indexOf(from) + by] ?? box;
    next.tabIndex = 0;
    next.focus();
  }

  addEventListener("keydown", (event) => {
    const key = event.target.closest("tbody th");
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && box.value) clear();
    else if (event.key === "/" && event.target !== box) box.focus();
    else if (event.key === "ArrowDown" && (key || event.target === box)) step(key, 1);
    else if (event.key === "ArrowUp" && key) step(key, -1);
    else if (event.key === "Enter" && event.target === key) copy(key);
    else return;
    event.preventDefault();
  });
  main.addEventListener("click", ({ target }) => {
    const head = target.closest("thead th");
    const key = target.closest("tbody th");
    if (head?.firstChild === target) sort(head);
    else if (key && !target.closest("a") && getSelection().isCollapsed) copy(key);
  });
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 100);
  });
  addEventListener("hashchange", () => {
    if (box.value) clear();
    const target = document.getElementById(location.hash.slice(1));
    const fold = target?.closest(".part")?.querySelector(".rows");
    if (fold) fold.open = true;
    target?.scrollIntoView();
  });
  for (const head of all("table:not(.matrix) thead th")) {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
  }
  tools.querySelector("button").addEventListener("click", ({ target }) => {
    target.ariaPressed = target.ariaPressed !== "true";
    for (const fold of all("details")) fold.open = target.ariaPressed === "true";
  });
  tools.hidden = false;
}
