/// The dashboard's view of streams and their groups.
extension DashboardScript {
  static let streams = #"""
    const streamPath = (name) => "/api/streams/" + encodeURIComponent(name);
    const shownStream = { name: "", kind: "" };
    const ofKind = (row) => "?" + new URLSearchParams({ kind: row.kind });
    const streamColumns = [
      { title: "Stream", kind: "wide", hint: (row) => row.topics.join(", "),
        cell: (row) => el("button", { type: "button", class: "quiet small",
          "data-key": "stream" + row.name, on: { click: () => {
            shownStream.name = row.name;
            shownStream.kind = row.kind;
            attempt(showGroups);
          } } }, row.name) },
      { title: "Topics", kind: "wide", hint: (row) => row.topics.join(", "),
        cell: (row) => topicName(row.topics.join(", ") || "–") },
      { title: "Records", num: true, cell: (row) => number(row.records) },
      { title: "Size", num: true, cell: (row) => bytes(row.bytes) },
      { title: "Offsets", num: true,
        cell: (row) => row.partitions && row.partitions.length !== 1
          ? number(row.partitions.length) + " partitions"
          : number(row.first_offset) + "–" + number(row.next_offset) },
      { title: "Groups", num: true,
        cell: (row) => row.groups === null ? "–" : number(row.groups) },
      { title: "Kept", cell: (row) => row.storage + ", " + row.retention },
      { title: "Last", num: true,
        cell: (row) => row.last_at === null ? "–" : ago(row.last_at, last.now) },
      { title: "", cell: (row) => [
        el("button", { type: "button", class: "quiet small", "data-key": "look" + row.name,
          "aria-label": "Look into " + row.name,
          on: { click: () => openRecords(row.name) } }, "Look"), " ",
        el("button", { type: "button", class: "quiet small", "data-key": "purge" + row.name,
          "aria-label": "Purge " + row.name, on: { click: () => attempt(async () => {
            if (!await ask("Remove all records of " + row.name + "?",
              [["Records", number(row.records)], ["Size", bytes(row.bytes)]], "Purge")) return;
            const done = await change("POST",
              streamPath(row.name) + "/purge" + ofKind(row));
            toast(done.complete ? "Removed " + number(done.purged) + " records."
              : "Removing the records of " + row.name + ".");
            await showStreams();
          }) } }, "Purge"), " ",
        el("button", { type: "button", class: "quiet small", "data-key": "delete" + row.name,
          "aria-label": "Delete " + row.name, on: { click: () => attempt(async () => {
            if (!await ask("Delete " + row.name + ", its records and its groups?",
              [["Records", number(row.records)], ["Size", bytes(row.bytes)]], "Delete")) return;
            await change("DELETE", streamPath(row.name) + ofKind(row));
            toast("Deleted " + row.name + ".");
            await showStreams();
          }) } }, "Delete"),
      ] },
    ];
    const groupColumns = [
      { title: "Group", kind: "wide", cell: (row) => row.name },
      { title: "Topics", kind: "wide", hint: (row) => row.topics.join(", "),
        cell: (row) => topicName(row.topics.join(", ") || "all") },
      { title: "Lag", num: true, cell: (row) => row.lag > 0
        ? el("span", { class: "pill" }, number(row.lag)) : "0" },
      { title: "In flight", num: true, cell: (row) => number(row.in_flight) },
      { title: "Again", num: true, cell: (row) => number(row.redelivered) },
      { title: "Done before", num: true, cell: (row) => number(row.done_before) },
      { title: "Oldest open", num: true,
        cell: (row) => row.oldest_at === null ? "–" : ago(row.oldest_at, last.now) },
      { title: "Delivered", num: true, cell: (row) => row.last_delivered_at === null ? "–"
        : ago(row.last_delivered_at, last.now) },
      { title: "State", cell: (row) => (row.paused ? "paused, " : "") +
        (row.durable ? "durable" : "for now") },
      { title: "", cell: (row) => el("button", { type: "button", class: "quiet small",
        "data-key": "group" + row.name, "aria-label": "Delete group " + row.name,
        on: { click: () => attempt(async () => {
          if (!await ask("Delete the group " + row.name + "?",
            [["Lag", number(row.lag)], ["In flight", number(row.in_flight)]], "Delete")) return;
          await change("DELETE", streamPath(shownStream.name) + "/groups/" +
            encodeURIComponent(row.name));
          await showGroups();
        }) } }, "Delete") },
    ];
    const showGroups = async () => {
      byId("groups-card").hidden = !shownStream.name;
      if (!shownStream.name) return;
      const one = await api(streamPath(shownStream.name) + ofKind(shownStream));
      byId("groups-title").textContent = one.name;
      byId("groups-facts").textContent = one.topics.join(", ") + " · " + number(one.topics_kept) +
        " topics kept";
      table(byId("groups"), one.kind === "topic" ? readerColumns : groupColumns, one.groups,
        "Nobody reads it in a group.");
    };
    const showStreams = async () => {
      const filter = byId("stream-filter").value;
      const data = await api("/api/streams?" + new URLSearchParams({ filter, limit: 200 }));
      byId("count-streams").textContent = data.total ? number(data.total) : "";
      table(byId("streams"), streamColumns, data.streams,
        data.total ? "Nothing matches." : "There are no streams.");
      if (!data.streams.some((row) => row.name === shownStream.name)) shownStream.name = "";
      await showGroups();
    };
    byId("stream-filter").addEventListener("input", later(() => attempt(showStreams), 200));

    """#
}

extension DashboardMarkup {
  static let streams = #"""
    <section id="view-streams" role="tabpanel" aria-labelledby="tab-streams" class="view" hidden>
      <article class="card">
        <header>
          <h2>Streams</h2>
          <div class="tools">
            <input type="search" id="stream-filter" placeholder="Name or topic"
              aria-label="Find streams">
          </div>
        </header>
        <div class="scroll tall" tabindex="0" aria-label="Streams">
          <table id="streams"></table></div>
      </article>
      <article class="card" id="groups-card" hidden>
        <header><h2 id="groups-title"></h2><span class="muted" id="groups-facts"></span></header>
        <div class="scroll tall" tabindex="0" aria-label="Groups"><table id="groups"></table></div>
      </article>
    </section>

    """#
}
