// What is indexed, in which state and why; adding files, with progress.

import { Problem, follow, get, upload } from "./api.js";
import { problemLine } from "./ask.js";
import { count, h, icon, sizes, splitAddress } from "./dom.js";

const PHASES = { scan: "Looking for files", load: "Reading", rechunk: "Cutting", embed: "Embedding", publish: "Publishing" };
const STATES = { ok: "read", degraded: "in part", failed: "failed", skipped: "left out" };

class RagDocuments extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    this.files = h("input", { type: "file", multiple: true, id: "files", class: "hidden", onchange: () => this.#add([...this.files.files]) });
    this.drop = h(
      "div",
      { class: "drop" },
      icon("upload"),
      h("p", {}, h("label", { for: "files", class: "primary" }, "Add files"), " or drop them here"),
      this.files,
    );
    for (const name of ["dragover", "dragleave", "drop"]) this.drop.addEventListener(name, (event) => this.#drag(event));
    this.jobs = h("div", { class: "jobs" });
    this.summary = h("p", { class: "facts", role: "status" });
    this.filter = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter by name", oninput: () => this.#narrow() });
    this.list = h("tbody", {});
    this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#load(this.next) }, icon("more"), "More documents");
    const head = ["Document", "State", "Passages"].map((name) => h("th", { scope: "col" }, name));
    this.append(
      h("h1", {}, "Documents"),
      this.summary,
      this.drop,
      this.jobs,
      this.filter,
      h("table", { class: "documents" }, h("thead", {}, h("tr", {}, head)), this.list),
      this.more,
    );
  }

  enter() {
    this.#load();
  }

  #drag(event) {
    event.preventDefault();
    this.drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#add([...event.dataTransfer.files]);
  }

  async #load(after) {
    try {
      if (!after) {
        const status = await get("/v1/status");
        this.summary.replaceChildren(...sizes(status));
        this.list.replaceChildren();
      }
      const [{ documents, next }, { files }] = await Promise.all([
        get("/v1/documents", { after }),
        after ? { files: [] } : get("/v1/unread"),
      ]);
      this.next = next;
      this.more.hidden = !next;
      this.list.append(...[...files, ...documents].map((row) => this.#row(row)));
      this.#narrow();
    } catch (problem) {
      if (problem.code === "index_missing") this.summary.replaceChildren("Nothing is indexed yet.");
      else this.summary.replaceChildren(problemLine(problem));
    }
  }

  #row(row) {
    const { name, folder } = splitAddress(row.source, row.source);
    const open = (event) =>
      event.currentTarget.dispatchEvent(
        new CustomEvent("rag-open", { bubbles: true, detail: { document: row.id, source: row.source, title: row.title, opener: event.currentTarget } }),
      );
    const label = row.title || name;
    return h(
      "tr",
      { "data-name": `${row.source} ${row.title ?? ""}`.toLowerCase() },
      h(
        "td",
        {},
        row.id ? h("button", { type: "button", class: "link", onclick: open }, label) : h("span", {}, label),
        h("span", { class: "folder" }, row.title ? row.source : folder),
        row.reason && h("span", { class: "reason" }, row.reason),
      ),
      h("td", {}, h("span", { class: `state ${row.status}` }, STATES[row.status] ?? row.status)),
      h("td", { class: "count" }, (row.chunks ?? 0).toLocaleString("en")),
    );
  }

  #narrow() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.list.children) row.hidden = !words.every((word) => row.dataset.name.includes(word));
  }

  async #add(files) {
    if (!files.length) return;
    this.files.value = "";
    const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
    const says = h("p", { role: "status" }, `Sending ${count(files.length, "file")} …`);
    const report = h("ul", { class: "report" });
    this.jobs.prepend(h("section", { class: "job", "aria-label": "Upload" }, says, bar, report));
    try {
      const job = await upload(files, (share) => (bar.value = share));
      bar.removeAttribute("value");
      says.textContent = "Reading and embedding …";
      for await (const { data } of follow(job.id)) {
        const { phase, done, total } = data.progress;
        says.textContent = data.state === "waiting" ? "Waiting for its turn …" : `${PHASES[phase] ?? "Reading"} …`;
        if (total) Object.assign(bar, { max: total, value: done });
        if (data.report) this.#report(data.report, says, report);
        if (data.state === "failed") throw new Problem(200, data.error.error ?? data.error);
      }
    } catch (problem) {
      says.replaceWith(problemLine(problem));
    } finally {
      bar.remove();
      this.#load();
    }
  }

  #report(data, says, list) {
    const parts = ["added", "updated", "unchanged", "degraded", "failed"].filter((name) => data[name]);
    says.textContent = parts.map((name) => `${data[name]} ${name}`).join(", ") || "Nothing changed.";
    const wrong = (data.files ?? []).filter((file) => file.reason);
    list.replaceChildren(...wrong.map((file) => h("li", {}, h("b", {}, file.source), " ", h("span", { class: `state ${file.status}` }, STATES[file.status] ?? file.status), " ", file.reason)));
  }
}

customElements.define("rag-documents", RagDocuments);
