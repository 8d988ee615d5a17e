/// The dashboard's view of records: looking at them, for them, and sending them back.
extension DashboardScript {
  static let records = #"""
    const look = { token: "", rows: [], chosen: new Set(), name: "", isOver: true };
    const recordKey = (row) => (row.partition || 0) + ":" + row.offset;
    const deadPrefix = "godwit-dead-";
    const isDead = (row) => (row.headers || []).some(([name]) =>
      name.toLowerCase().startsWith(deadPrefix));
    const recordNode = (row) => {
      const extras = (row.headers || []).map(([name, value]) => el("span", {},
        name.toLowerCase().startsWith(deadPrefix)
          ? [el("b", {}, name.slice(deadPrefix.length).toLowerCase()), ": " + value]
          : name + ": " + value));
      for (const key of ["key", "reply", "correlation", "content_type", "message_id"]) {
        if (row[key]) extras.push(el("span", {}, key.replace("_", " ") + " → " + row[key]));
      }
      const place = (row.partition === undefined ? "" : row.partition + "/") + row.offset;
      const box = el("input", { type: "checkbox", "aria-label": "Choose record " + place,
        on: { change: () => {
          if (box.checked) look.chosen.add(recordKey(row));
          else look.chosen.delete(recordKey(row));
          paintChosen();
        } } });
      box.checked = look.chosen.has(recordKey(row));
      const body = (row.encoding === "hex" ? "0x" : "") + row.payload +
        (row.truncated ? " …" : "");
      return el("div", { class: "message" },
        el("time", { datetime: new Date(row.received_at * 1000).toISOString(),
          title: new Date(row.received_at * 1000).toLocaleString("en-GB") },
          clock(row.received_at)),
        el("label", { class: "place" }, box, " ", place),
        el("span", { class: "topic" }, row.topic),
        el("span", { class: "size" }, bytes(row.bytes), " ", tag(row.origin), " ",
          el("button", { type: "button", class: "quiet small",
            "aria-label": "Edit and send record " + place,
            on: { click: () => attempt(() => editRecord(row)) } }, "Edit")),
        body ? el("pre", {}, body) : null,
        extras.length ? el("div", { class: "headers" }, extras) : null);
    };
    const paintChosen = () => {
      const count = look.chosen.size;
      byId("send-chosen").disabled = count === 0;
      byId("send-chosen").textContent = count ? "Send " + number(count) + " back…"
        : "Send chosen back…";
      byId("send-all").disabled = look.rows.length === 0;
    };
    const recordQuery = () => {
      const query = {};
      for (const name of ["header", "text"]) {
        const value = byId("record-" + name).value.trim();
        if (value) query[name] = value;
      }
      return query;
    };
    const lookOn = async (isNew) => {
      const name = byId("record-stream").value;
      if (!name) return;
      if (isNew) {
        look.token = "";
        look.rows = [];
        look.chosen.clear();
        look.name = name;
        byId("record-feed").replaceChildren();
      }
      const wanted = look.rows.length + 50;
      let lookedAt = 0;
      for (;;) {
        const query = { ...recordQuery(), limit: wanted - look.rows.length, preview: 1024 };
        if (look.token) query.token = look.token;
        byId("record-state").textContent = "Looking…";
        const page = await api(streamPath(name) + "/records?" + new URLSearchParams(query));
        if (look.name !== name) return;
        look.token = page.token;
        look.isOver = page.complete;
        look.rows = look.rows.concat(page.records);
        lookedAt += page.looked_at;
        byId("record-feed").append(...page.records.map(recordNode));
        if (page.complete || look.rows.length >= wanted || lookedAt > 500000) break;
      }
      byId("record-state").textContent = look.rows.length
        ? number(look.rows.length) + " shown" + (look.isOver ? ", that is all." : ".")
        : look.isOver ? "Nothing is there." : "Nothing so far.";
      byId("record-more").hidden = look.isOver;
      paintChosen();
    };
    const showRecordStreams = async () => {
      const data = await api("/api/streams?limit=1000");
      const select = byId("record-stream");
      const names = data.streams.map((row) => row.name);
      if (select.dataset.names === names.join("\n")) return;
      const before = select.value;
      select.dataset.names = names.join("\n");
      select.replaceChildren(...data.streams.map((row) => el("option", { value: row.name },
        row.name + (row.kind === "topic" ? " (topic)" : ""))));
      select.value = names.includes(before) ? before
        : names.includes("DEAD-LETTERS") ? "DEAD-LETTERS" : names[0] || "";
      if (select.value !== before) await lookOn(true);
    };
    const openRecords = (name) => {
      show("records");
      attempt(async () => {
        await showRecordStreams();
        byId("record-stream").value = name;
        byId("record-header").value = "";
        byId("record-text").value = "";
        await lookOn(true);
      });
    };
    byId("record-form").addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(() => lookOn(true));
    });
    byId("record-stream").addEventListener("change", () => attempt(() => lookOn(true)));
    byId("record-more").addEventListener("click", () => attempt(() => lookOn(false)));

    // Sending back: a form in the dialog, a dry run first.
    const sendForm = (fields) => el("form", { class: "form", id: "send-form" }, fields);
    const field = (label, name, value, props) => el("label", {}, label,
      el("input", { name, value, autocomplete: "off", spellcheck: "false", ...props }));
    const checkField = (label, name) => el("label", { class: "check" },
      el("input", { type: "checkbox", name }), label);
    const askForm = (title, form, confirm) => new Promise((resolve) => {
      byId("dialog-title").textContent = title;
      byId("dialog-body").replaceChildren(form);
      byId("dialog-confirm").hidden = false;
      byId("dialog-confirm").textContent = confirm;
      byId("dialog").returnValue = "";
      byId("dialog").onclose = () =>
        resolve(byId("dialog").returnValue === "confirm" ? new FormData(form) : null);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        byId("dialog").close("confirm");
      });
      byId("dialog").showModal();
    });
    const planRows = (plan) => {
      const rows = [["Records", number(plan.chosen)]];
      if (plan.without_origin) {
        rows.push(["Left out", number(plan.without_origin) +
          " do not say where they come from: name a topic"]);
      }
      for (const one of plan.examples.slice(0, 8)) {
        rows.push([(one.partition === null ? "" : one.partition + "/") + one.offset,
          "to " + one.topic + ", " + bytes(one.bytes)]);
      }
      return rows;
    };
    const finished = async (job) => {
      while (job.state === "running") {
        await new Promise((resolve) => setTimeout(resolve, 300));
        job = await api("/api/resends/" + job.id);
      }
      return job;
    };
    const sendBack = async (title, choices) => {
      const form = sendForm([
        field("Topic; empty for where each comes from", "topic", ""),
        field("Messages a second; empty for as fast as can be", "rate", "",
          { inputmode: "decimal" }),
        checkField("Remove each when its copy is kept", "remove"),
      ]);
      const said = await askForm(title, form, "Dry run…");
      if (!said) return;
      const orders = choices.map((choice) => {
        const order = { stream: look.name, ...choice };
        if (said.get("topic").trim()) order.topic = said.get("topic").trim();
        if (said.get("rate").trim()) order.rate = Number(said.get("rate"));
        if (said.get("remove")) order.remove = true;
        return order;
      });
      const plan = { chosen: 0, without_origin: 0, examples: [] };
      for (const order of orders) {
        const one = await finished(
          await change("POST", "/api/resends", { ...order, dry_run: true }));
        plan.chosen += one.chosen;
        plan.without_origin += one.without_origin;
        plan.examples.push(...one.examples);
      }
      if (!await ask("Send these?", planRows(plan), plan.chosen ? "Send" : "")) return;
      for (const order of orders) await change("POST", "/api/resends", order);
      toast("Sending " + number(plan.chosen) + (plan.chosen === 1 ? " record." : " records."));
      await showResends();
      await lookOn(true);
    };
    const chosenByPartition = () => {
      const parts = new Map();
      for (const row of look.rows.filter((each) => look.chosen.has(recordKey(each)))) {
        const part = row.partition === undefined ? -1 : row.partition;
        if (!parts.has(part)) parts.set(part, []);
        parts.get(part).push(row.offset);
      }
      return [...parts].map(([partition, offsets]) =>
        partition < 0 ? { offsets } : { partition, offsets });
    };
    byId("send-chosen").addEventListener("click", () => attempt(() => sendBack(
      "Send " + number(look.chosen.size) + " of " + look.name + " back", chosenByPartition())));
    byId("send-all").addEventListener("click", () => attempt(() => {
      const query = recordQuery();
      return sendBack((Object.keys(query).length ? "Send all that match back"
        : "Send all of " + look.name + " back"), [query]);
    }));
    const editRecord = async (row) => {
      const path = streamPath(look.name) + "/records?" + new URLSearchParams({ limit: 1,
        preview: 1 << 20, token: (row.partition || 0) + ":" + row.offset });
      const whole = (await api(path)).records[0];
      if (!whole || whole.offset !== row.offset) throw new Error("The record is gone.");
      const isText = whole.encoding === "text" && !whole.truncated;
      const own = (whole.headers || []).filter(([name]) =>
        !name.toLowerCase().startsWith(deadPrefix));
      const origin = (whole.headers || []).find(([name]) =>
        name.toLowerCase() === "godwit-dead-topic");
      const area = el("textarea", { name: "payload", rows: 8, spellcheck: "false",
        disabled: !isText });
      area.value = isText ? whole.payload : "(not text, or too long to edit: sent as it is)";
      const headers = el("textarea", { name: "headers", rows: 3, spellcheck: "false" });
      const ownText = own.map(([name, value]) => name + ": " + value).join("\n");
      headers.value = ownText;
      const form = sendForm([
        field("Topic", "topic", origin ? origin[1] : whole.topic, { required: true }),
        el("label", {}, "Payload", area),
        el("label", {}, "Headers, one a line", headers),
        checkField("Remove the record when the copy is kept", "remove"),
      ]);
      const said = await askForm("Edit and send record " + row.offset, form, "Send");
      if (!said) return;
      const order = { stream: look.name, offsets: [row.offset], topic: said.get("topic").trim() };
      if (row.partition !== undefined) order.partition = row.partition;
      if (isText && said.get("payload").replaceAll("\r\n", "\n") !== whole.payload) {
        order.payload = said.get("payload").replaceAll("\r\n", "\n");
      }
      // What is shown may be cut: what was not touched is sent as it is.
      if (said.get("headers").replaceAll("\r\n", "\n") !== ownText) {
        order.headers = said.get("headers").split(/\r?\n/).filter((line) => line.trim())
          .map((line) => {
            const colon = line.indexOf(":");
            if (colon < 1) throw new Error("A header is a name, a colon and a value.");
            return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
          });
      }
      if (said.get("remove")) order.remove = true;
      const job = await finished(await change("POST", "/api/resends", order));
      toast(job.sent ? "Sent to " + order.topic + "." : job.unheard
        ? "Nobody takes or keeps what is sent to " + order.topic + "."
        : "It was not sent: " + (job.error || "it is gone"), !job.sent);
      await showResends();
      if (job.removed) await lookOn(true);
    };
    const resendColumns = [
      { title: "Job", num: true, cell: (row) => row.id },
      { title: "From", kind: "wide", cell: (row) => topicName(row.stream) },
      { title: "To", kind: "wide", cell: (row) => row.topic ? topicName(row.topic)
        : "where each comes from" },
      { title: "State", cell: (row) => el("span", { class: "pill " +
        ({ done: "good", failed: "bad", interrupted: "bad", running: "warn" }[row.state] || "") },
        row.state + (row.dry_run ? ", dry run" : "")) },
      { title: "Progress", cell: (row) => {
        const bar = el("i", {});
        bar.style.width = (row.progress * 100).toFixed(1) + "%";
        return el("span", { class: "meter", "aria-hidden": "true" }, bar);
      } },
      { title: "Rate", num: true, cell: (row) => row.rate === null ? "–" : number(row.rate) + "/s" },
      { title: "Chosen", num: true, cell: (row) => number(row.chosen) },
      { title: "Sent", num: true, cell: (row) => number(row.sent) },
      { title: "Failed", num: true, hint: (row) => row.error,
        cell: (row) => number(row.failed + row.unheard) },
      { title: "Removed", num: true, cell: (row) => number(row.removed) },
      { title: "Began", num: true, cell: (row) => ago(row.started_at, last.now) },
      { title: "", cell: (row) => {
        const button = (name, act) => el("button", { type: "button", class: "quiet small",
          "data-key": name + row.id, "aria-label": name + " job " + row.id,
          on: { click: () => attempt(async () => { await act(); await showResends(); }) } }, name);
        const path = "/api/resends/" + row.id;
        return row.state === "running" ? button("Cancel", () => change("DELETE", path))
          : row.can_go_on ? button("Go on", () => change("POST", path + "/resume", {})) : "";
      } },
    ];
    const showResends = async () => {
      const data = await api("/api/resends");
      byId("resends-card").hidden = data.resends.length === 0;
      table(byId("resends"), resendColumns, data.resends, "Nothing was sent back.");
    };

    """#
}

extension DashboardMarkup {
  static let records = #"""
    <section id="view-records" role="tabpanel" aria-labelledby="tab-records" class="view" hidden>
      <article class="card">
        <header>
          <h2>Records</h2>
          <form class="tools" id="record-form">
            <select id="record-stream" aria-label="Stream"></select>
            <input type="search" id="record-header" aria-label="Header: name, or name=text"
              placeholder="Header, or header=text" spellcheck="false">
            <input type="search" id="record-text" aria-label="Text in the payload"
              placeholder="Text in the payload" spellcheck="false">
            <button type="submit">Look</button>
            <button type="button" class="quiet" id="send-chosen" disabled>Send chosen back…</button>
            <button type="button" class="quiet" id="send-all" disabled>Send all back…</button>
          </form>
        </header>
        <p class="muted" id="record-state" role="status"></p>
        <div class="feed" id="record-feed" tabindex="0" aria-label="Records"></div>
        <div class="pager"><span></span>
          <button type="button" class="quiet" id="record-more" hidden>More</button></div>
      </article>
      <article class="card" id="resends-card" hidden>
        <header><h2>Sent back</h2></header>
        <div class="scroll tall" tabindex="0" aria-label="Jobs"><table id="resends"></table></div>
      </article>
    </section>

    """#
}
