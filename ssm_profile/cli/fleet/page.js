"use strict";
{
  // Without this script, the page has all that it shows. The script sorts and filters the roles.
  const table = document.querySelector(".roles table");
  if (table) start(table);

  function start(table) {
    const chunk = Number(table.dataset.chunk);
    const form = document.forms[0];
    const headers = [...table.tHead.rows[0].cells].slice(0, -1);
    const names = headers.map((header) => header.textContent.trim());
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const sources = new Map();
    const texts = new Map();
    const collator = new Intl.Collator("en", { numeric: true });
    const byRisk = headers.find((header) => header.hasAttribute("aria-sort"));
    const printed = document.querySelectorAll(".printed tbody > tr");
    const patterns = [...document.querySelectorAll(".capabilities tbody > tr")].map((row, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = row.cells[1].textContent;
      button.title = "Show these roles";
      button.addEventListener("click", () => {
        form.elements.pattern.value = row.id.slice(1);
        show();
        form.scrollIntoView();
      });
      row.cells[1].replaceChildren(button);
      return { row, button, total: 0, printed: printed[place] };
    });
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
    form.elements.clear.addEventListener("click", clear);
    form.elements.open.addEventListener("click", (event) => {
      const all = [...shown].map((row) => row.querySelector("details"));
      const open = all.some((each) => !each.open);
      for (const each of all) each.open = open;
      event.target.textContent = `${open ? "Close" : "Open"} all details`;
    });
    table.addEventListener("toggle", (event) => complete(event.target), true);
    addEventListener("hashchange", reveal);
    tell(false);
    reveal();

    function show() {
      const value = (name) => form.elements[name]?.value ?? "";
      const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
      const pattern = value("pattern");
      const wanted = [["Level", value("level")], ["Account", value("account")]]
        .filter(([, text]) => text)
        .map(([name, text]) => [names.indexOf(name), text]);
      const kept = order.filter((row) =>
        (!pattern || row.dataset.pattern === pattern) &&
        wanted.every(([column, text]) => wordIn(row.cells[column]) === text) &&
        words.every((word) => textOf(row).includes(word)));
      shown = new Set(kept);
      table.classList.toggle("long", kept.length > chunk);
      table.replaceChildren(table.tHead, ...bodies(kept));
      tell(Boolean(pattern || words.length || wanted.length));
      showPatterns(kept);
    }

    // The level, without what follows it, or the account.
    function wordIn(cell) {
      return (cell.querySelector("b") ?? cell).textContent.trim();
    }

    function clear() {
      for (const name of ["text", "level", "account", "pattern"]) {
        if (form.elements[name]) form.elements[name].value = "";
      }
      show();
    }

    function tell(isFiltered) {
      const [count, all] = [shown.size, rows.length].map((number) => number.toLocaleString("en"));
      const some = shown.size < rows.length ? `${count} of ` : "";
      form.elements.clear.hidden = !isFiltered;
      const text = `${some}${all} ${rows.length === 1 ? "role" : "roles"}`;
      form.querySelector("output").textContent = shown.size ? text : `${text}. No role matches the filter: change or clear it.`;
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
      patterns.forEach(({ row, button, total, printed }, place) => {
        const some = counts[place] < total ? `${counts[place].toLocaleString("en")} of ` : "";
        row.hidden = printed.hidden = !counts[place];
        button.textContent = some + total.toLocaleString("en");
      });
    }

    // What a filter looks through.
    function textOf(row) {
      if (!texts.has(row)) {
        const cells = [...row.cells].slice(0, -1).map((cell) => cell.textContent);
        const [own, findings] = halves(sourceOf(row));
        const twin = twinOf(sourceOf(row));
        const source = own + (twin ? halves(sourceOf(twin))[1] : findings);
        texts.set(row, [...cells, textIn(source)].join(" ").toLowerCase());
      }
      return texts.get(row);
    }

    // What details say of the role, and of its policies.
    function halves(source) {
      return source.split(/(?=<dl id="|<p class="twin">)/);
    }

    function textIn(source) {
      const text = source.replace(/<dt>[^<]*|<[^>]*>/g, " ");
      return text.includes("&") ? parsed(text).textContent : text;
    }

    // The HTML of a role's details.
    function sourceOf(row) {
      if (!sources.has(row)) sources.set(row, row.querySelector("noscript").textContent);
      return sources.get(row);
    }

    // The role whose details have what they have in common with those of another one.
    function twinOf(source) {
      const link = source.match(/ href="#d(\d+)"/);
      return link && byId.get(`r${link[1]}`);
    }

    // Puts the details of a role on the page when they are opened.
    function complete(details) {
      const source = sourceOf(details.closest("tr"));
      const place = details.querySelector("noscript");
      if (!details.open || !place) return;
      const content = parsed(source);
      const twin = twinOf(source);
      if (twin) content.querySelector(".twin").replaceWith(parsed(sourceOf(twin)).querySelector("[id]"));
      content.querySelector("[id]").removeAttribute("id");
      place.replaceWith(content);
    }

    function parsed(source) {
      const template = document.createElement("template");
      template.innerHTML = source;
      return template.content;
    }

    function sort(header, column) {
      const descending = header.ariaSort === "ascending";
      for (const each of headers) each.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      order = header === byRisk ? (descending ? rows.toReversed() : rows) : sorted(column, descending);
      show();
    }

    function sorted(column, descending) {
      const values = new Map(rows.map((row) => [row, valueOf(row.cells[column])]));
      return rows.toSorted((first, second) => {
        const [a, b] = [values.get(first), values.get(second)];
        if (!a || !b) return !a - !b; // empty cells are last
        return descending ? collator.compare(b, a) : collator.compare(a, b);
      });
    }

    function valueOf(cell) {
      return cell.dataset.order ?? cell.textContent.trim().replace(/(\d),(?=\d)/g, "$1");
    }

    // Opens the role that a link leads to, also if the filter hides it.
    function reveal() {
      const row = byId.get(location.hash.slice(1));
      if (!row) return;
      if (!shown.has(row)) {
        clear();
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
