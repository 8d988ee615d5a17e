/// The dashboard's views of groups of every kind, and of what was changed by whom.
extension DashboardScript {
  static let groups = #"""
    const shownGroup = { name: "", query: "" };
    const orDash = (value) => value === null || value === undefined ? "–" : number(value);
    const lagCell = (row) => row.lag === null ? "–" : row.lag > 0
      ? el("span", { class: "pill" }, number(row.lag)) : "0";
    const oldestCell = (row) => row.oldest_at === null ? "–" : ago(row.oldest_at, last.now);
    const readerColumns = [
      { title: "Group", kind: "wide", cell: (row) => el("button", { type: "button",
        class: "quiet small", "data-key": row.kind + row.streams.join() + row.name,
        on: { click: () => {
          shownGroup.name = row.name;
          shownGroup.query = "?" + new URLSearchParams(row.kind === "stream"
            ? { kind: row.kind, stream: row.streams[0] } : { kind: row.kind });
          attempt(showGroup);
        } } }, row.name) },
      { title: "Kind", cell: (row) => [row.protocol ? tag(row.protocol) : tag("stream"), " ",
        row.kind === "stream" ? "" : row.kind] },
      { title: "Reads", kind: "wide", hint: (row) => row.streams.join(", "),
        cell: (row) => topicName(row.streams.join(", ") || "–") },
      { title: "Lag", num: true, cell: lagCell },
      { title: "In flight", num: true, cell: (row) => orDash(row.in_flight) },
      { title: "Again", num: true, cell: (row) => orDash(row.redelivered) },
      { title: "Oldest open", num: true, cell: oldestCell },
      { title: "Members", num: true, cell: (row) => number(row.members) },
      { title: "State", cell: (row) => row.state },
    ];
    const positionColumns = [
      { title: "Log", kind: "wide", cell: (row) => row.stream === null ? "its own"
        : topicName(row.stream) },
      { title: "Partition", num: true, cell: (row) => orDash(row.partition) },
      { title: "Done before", num: true, cell: (row) => orDash(row.done_before) },
      { title: "End", num: true, cell: (row) => orDash(row.end) },
      { title: "Lag", num: true, cell: lagCell },
      { title: "In flight", num: true, cell: (row) => orDash(row.in_flight) },
      { title: "Again", num: true, cell: (row) => orDash(row.redelivered) },
      { title: "Oldest open", num: true, cell: oldestCell },
      { title: "Member", kind: "wide", cell: (row) => row.member || "–" },
    ];
    const memberColumns = [
      { title: "Member", kind: "wide", cell: (row) => row.id },
      { title: "Client", kind: "wide", cell: (row) => row.client || "–" },
      { title: "Address", cell: (row) => row.address || "–" },
    ];
    const showGroup = async () => {
      byId("group-card").hidden = !shownGroup.name;
      if (!shownGroup.name) return;
      const path = "/api/groups/" + encodeURIComponent(shownGroup.name) + shownGroup.query;
      const one = await api(path).catch((error) => {
        if (error.status !== 404) throw error;
        shownGroup.name = "";
        byId("group-card").hidden = true;
        return null;
      });
      if (!one) return;
      byId("group-title").textContent = one.name;
      byId("group-facts").textContent = one.kind + ", " + one.state;
      table(byId("positions"), positionColumns, one.positions, "It has no position yet.");
      table(byId("members"), memberColumns, one.readers, "Nobody is in it.");
    };
    const showReaders = async () => {
      const filter = byId("reader-filter").value;
      const data = await api("/api/groups?" + new URLSearchParams({ filter, limit: 200 }));
      byId("count-groups").textContent = data.total ? number(data.total) : "";
      table(byId("readers"), readerColumns, data.groups,
        data.total ? "Nothing matches." : "There are no groups.");
      await showGroup();
    };
    byId("reader-filter").addEventListener("input", later(() => attempt(showReaders), 200));

    const resultText = (result) => Object.entries(result || {})
      .filter(([name, value]) => !/_at$|^progress$|^status$/.test(name) && value &&
        ["string", "number", "boolean"].includes(typeof value))
      .map(([name, value]) => name + " " + value).join(", ");
    const auditColumns = [
      { title: "When", cell: (row) => new Date(row.at * 1000).toLocaleString("en-GB") },
      { title: "Who", kind: "middling", cell: (row) => row.who || "–" },
      { title: "From", cell: (row) => row.from || "–" },
      { title: "What", kind: "wide", hint: (row) => row.action, cell: (row) =>
        topicName(row.action) },
      { title: "Status", num: true, cell: (row) => row.status === undefined ? ""
        : el("span", { class: "pill " + (row.status < 400 ? "good" : "bad") }, row.status) },
      { title: "Result", kind: "wrap", cell: (row) => resultText(row.query) +
        (row.query ? " → " : "") + resultText(row.result) },
    ];
    const auditPage = { rows: [], next: null, isOlder: false };
    const showAudit = async () => {
      if (auditPage.isOlder) return;
      const data = await api("/api/audit?limit=100");
      auditPage.rows = data.entries;
      auditPage.next = data.next;
      paintAudit();
    };
    const paintAudit = () => {
      table(byId("audit"), auditColumns, auditPage.rows, "Nothing was changed so far.");
      byId("audit-older").disabled = auditPage.next === null;
    };
    byId("audit-older").addEventListener("click", () => attempt(async () => {
      const data = await api("/api/audit?limit=100&before=" + auditPage.next);
      auditPage.isOlder = true;
      auditPage.rows = auditPage.rows.concat(data.entries);
      auditPage.next = data.next;
      paintAudit();
    }));
    byId("audit-newest").addEventListener("click", () => {
      auditPage.isOlder = false;
      attempt(showAudit);
    });

    """#
}

extension DashboardMarkup {
  static let groups = #"""
    <section id="view-groups" role="tabpanel" aria-labelledby="tab-groups" class="view" hidden>
      <article class="card">
        <header>
          <h2>Groups of readers</h2>
          <div class="tools">
            <input type="search" id="reader-filter" placeholder="Group or stream"
              aria-label="Find groups">
          </div>
        </header>
        <div class="scroll tall" tabindex="0" aria-label="Groups of readers">
          <table id="readers"></table></div>
      </article>
      <article class="card" id="group-card" hidden>
        <header><h2 id="group-title"></h2><span class="muted" id="group-facts"></span></header>
        <div class="scroll tall" tabindex="0" aria-label="Positions">
          <table id="positions"></table></div>
        <div class="scroll tall" tabindex="0" aria-label="Members">
          <table id="members"></table></div>
      </article>
    </section>

    """#

  static let audit = #"""
    <section id="view-audit" role="tabpanel" aria-labelledby="tab-audit" class="view" hidden>
      <article class="card">
        <header>
          <h2>What was changed here</h2>
          <div class="tools">
            <button type="button" class="quiet" id="audit-newest">Newest</button>
            <button type="button" class="quiet" id="audit-older">Older</button>
          </div>
        </header>
        <div class="scroll" tabindex="0" aria-label="Changes"><table id="audit"></table></div>
      </article>
    </section>

    """#
}
