"use strict";
{
  // Without this script, the page has all that it shows. The script sorts and filters the roles.
  const table = document.querySelector(".roles table");
  if (table) start(table);

  function start(table) {
    const chunk = 50; // rows that a browser lays out together
    const form = document.forms[0];
    const headers = [...table.tHead.rows[0].cells].slice(0, -1);
    const names = headers.map((header) => header.textContent.trim());
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const texts = new Map();
    const collator = new Intl.Collator("en", { numeric: true });
    const patterns = [...document.querySelectorAll(".capabilities tbody > tr")].map((row) => ({
      row, count: row.cells[1], links: row.querySelectorAll("a"), total: 0,
    }));
    let order = rows;
    let shown = new Set(rows);

    for (const row of rows) patterns[row.dataset.pattern - 1].total += 1;
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = names[column];
      button.addEventListener("click", () => sort(header, column));
      header.replaceChildren(button);
    });
    form.hidden = false;
    form.addEventListener("input", soon(show));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(show));
    form.elements.open.addEventListener("click", () => {
      const all = [...shown].map((row) => row.querySelector("details"));
      const open = all.some((each) => !each.open);
      for (const each of all) each.open = open;
    });
    addEventListener("hashchange", reveal);
    show();
    reveal();

    function show() {
      const value = (name) => form.elements[name]?.value ?? "";
      const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = [["Level", value("level")], ["Account", value("account")]]
        .filter(([, text]) => text)
        .map(([name, text]) => [names.indexOf(name), text]);
      const kept = order.filter((row) =>
        wanted.every(([column, text]) => row.cells[column].textContent.trim() === text) &&
        words.every((word) => textOf(row).includes(word)));
      shown = new Set(kept);
      table.classList.toggle("long", kept.length > chunk * 2);
      table.replaceChildren(table.tHead, ...bodies(kept));
      const all = rows.length.toLocaleString("en");
      const isFiltered = kept.length < rows.length;
      form.elements.clear.hidden = !(words.length || wanted.length);
      form.querySelector("output").textContent = isFiltered
        ? `${kept.length.toLocaleString("en")} of ${all} roles` : `${all} ${rows.length === 1 ? "role" : "roles"}`;
      showPatterns(kept);
    }

    function bodies(kept) {
      const made = [];
      for (let start = 0; start < kept.length; start += chunk) {
        const body = document.createElement("tbody");
        body.append(...kept.slice(start, start + chunk));
        made.push(body);
      }
      return made;
    }

    function showPatterns(kept) {
      const counts = patterns.map(() => 0);
      for (const row of kept) counts[row.dataset.pattern - 1] += 1;
      patterns.forEach(({ row, count, links, total }, place) => {
        row.hidden = !counts[place];
        const text = counts[place] === total ? "" : `${counts[place].toLocaleString("en")} of `;
        count.textContent = text + total.toLocaleString("en");
        if (total > 1) for (const link of links) link.parentElement.hidden = !shown.has(byId.get(link.hash.slice(1)));
      });
    }

    function textOf(row) {
      if (!texts.has(row)) {
        const parts = [...[...row.cells].slice(0, -1), ...row.querySelectorAll("dd")];
        texts.set(row, parts.map((part) => part.textContent).join(" ").toLowerCase());
      }
      return texts.get(row);
    }

    function sort(header, column) {
      const descending = header.ariaSort === "ascending";
      for (const each of headers) each.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const values = new Map(rows.map((row) => [row, valueOf(row.cells[column])]));
      order = [...rows].sort((first, second) => {
        const [a, b] = [values.get(first), values.get(second)];
        if (!a || !b) return !a - !b; // empty cells are last
        return descending ? collator.compare(b, a) : collator.compare(a, b);
      });
      show();
    }

    function valueOf(cell) {
      return cell.dataset.order ?? cell.textContent.trim().replace(/(\d),(?=\d)/g, "$1");
    }

    // Opens the role that a link leads to, also if the filter hides it.
    function reveal() {
      const row = byId.get(location.hash.slice(1));
      if (!row) return;
      if (!shown.has(row)) {
        form.reset();
        show();
      }
      row.querySelector("details").open = true;
      row.scrollIntoView();
    }

    // Once for all that happens before the next frame.
    function soon(action) {
      let waits = false;
      return () => {
        if (waits) return;
        waits = true;
        requestAnimationFrame(() => {
          waits = false;
          action();
        });
      };
    }
  }
}
