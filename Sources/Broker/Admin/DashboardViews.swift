/// The views of the dashboard's script beside the overview.
extension DashboardScript {
  /// Connections, sessions, and the dialog that shows one of them.
  static let connections = #"""
    const page = { offset: 0, limit: 50, sort: "id", order: "asc", matching: 0 };
    const ask = (title, rows, confirm) => new Promise((resolve) => {
      const dialog = byId("dialog");
      byId("dialog-title").textContent = title;
      byId("dialog-body").replaceChildren(el("dl", {}, rows.map(([name, value]) =>
        [el("dt", {}, name), el("dd", {}, value)])));
      byId("dialog-confirm").hidden = !confirm;
      byId("dialog-confirm").textContent = confirm || "";
      dialog.returnValue = "";
      dialog.onclose = () => resolve(dialog.returnValue === "confirm");
      dialog.showModal();
    });
    const words = (value) => value === null || value === undefined || value === "" ? "–"
      : value === true ? "yes" : value === false ? "no"
      : Array.isArray(value) ? value.map(words).join(", ") || "–"
      : typeof value === "object" ? JSON.stringify(value) : String(value);
    const heading = (name) => {
      const text = name.replaceAll("_", " ");
      return text.charAt(0).toUpperCase() + text.slice(1);
    };
    const showConnection = (id) => attempt(async () => {
      const one = await api("/api/connections/" + id);
      const rows = [
        ["Protocol", one.protocol], ["User", one.user || "–"], ["Tenant", one.tenant || "–"],
        ["From", one.address + ", port " + one.port],
        ["By", one.listener + (one.encrypted ? ", encrypted " + (one.tls_version || "") : "")],
        ["Since", new Date(one.opened_at * 1000).toLocaleString("en-GB")],
        ["Last heard", ago(one.last_read_at, last.now)],
        ["Received", number(one.messages_in) + " messages, " + bytes(one.bytes_in)],
        ["Sent", number(one.messages_out) + " messages, " + bytes(one.bytes_out)],
        ["Waiting", bytes(one.pending_bytes)], ["Dropped", number(one.dropped)],
      ];
      if (one.certificate_subject) rows.push(["Certificate", one.certificate_subject]);
      for (const [name, value] of Object.entries(one.details)) {
        rows.push([heading(name), words(value)]);
      }
      if (await ask(one.client || "Connection " + id, rows, "Disconnect")) {
        await change("DELETE", "/api/connections/" + id);
        toast("Disconnected " + (one.client || "connection " + id) + ".");
        await showConnections();
      }
    });
    const sortHead = (title, key) => el("button", { type: "button", "data-sort": key,
      on: { click: () => {
        page.order = page.sort === key && page.order === "desc" ? "asc" : "desc";
        page.sort = key;
        page.offset = 0;
        showConnections();
      } } }, title);
    const connectionColumns = [
      { title: "No.", head: sortHead("No.", "id"), num: true, cell: (row) => row.id },
      { title: "Protocol", cell: (row) => tag(row.protocol) },
      { title: "Client", kind: "wide", cell: (row) => el("button", { type: "button",
        class: "quiet small", "data-key": "show" + row.id,
        on: { click: () => showConnection(row.id) } }, row.client || "unnamed") },
      { title: "User", kind: "wide", cell: (row) => row.user || "–" },
      { title: "From", cell: (row) => row.address + ":" + row.port },
      { title: "By", cell: (row) => row.listener + (row.encrypted ? " 🔒" : "") },
      { title: "In", head: sortHead("In", "messages_in"), num: true,
        cell: (row) => number(row.messages_in) },
      { title: "Out", head: sortHead("Out", "messages_out"), num: true,
        cell: (row) => number(row.messages_out) },
      { title: "Received", head: sortHead("Received", "bytes_in"), num: true,
        cell: (row) => bytes(row.bytes_in) },
      { title: "Sent", head: sortHead("Sent", "bytes_out"), num: true,
        cell: (row) => bytes(row.bytes_out) },
      { title: "Waiting", head: sortHead("Waiting", "pending_bytes"), num: true,
        cell: (row) => row.stuck_since
          ? el("span", { class: "pill warn" }, bytes(row.pending_bytes))
          : bytes(row.pending_bytes) },
      { title: "Dropped", head: sortHead("Dropped", "dropped"), num: true,
        cell: (row) => number(row.dropped) },
      { title: "Heard", head: sortHead("Heard", "last_read_at"), num: true,
        cell: (row) => ago(row.last_read_at, last.now) },
    ];
    const showConnections = async () => {
      const select = byId("connection-protocol");
      for (const name of protocols) {
        if (![...select.options].some((option) => option.value === name)) {
          select.append(el("option", { value: name }, name));
        }
      }
      const query = new URLSearchParams({ offset: page.offset, limit: page.limit,
        sort: page.sort, order: page.order, filter: byId("connection-filter").value,
        protocol: select.value });
      const data = await api("/api/connections?" + query);
      page.matching = data.matching;
      table(byId("connections"), connectionColumns, data.connections,
        data.total ? "Nothing matches." : "Nobody is connected.");
      for (const head of byId("connections").querySelectorAll("th")) {
        const sorted = head.querySelector("[data-sort]")?.dataset.sort === page.sort;
        if (sorted) {
          head.setAttribute("aria-sort", page.order === "asc" ? "ascending" : "descending");
        } else {
          head.removeAttribute("aria-sort");
        }
      }
      const end = Math.min(page.offset + page.limit, data.matching);
      byId("connection-page").textContent = data.matching
        ? number(page.offset + 1) + "–" + number(end) + " of " + number(data.matching) : "";
      byId("page-back").disabled = page.offset === 0;
      byId("page-on").disabled = end >= data.matching;
    };
    byId("page-back").addEventListener("click", () => {
      page.offset = Math.max(0, page.offset - page.limit);
      showConnections();
    });
    byId("page-on").addEventListener("click", () => {
      page.offset += page.limit;
      showConnections();
    });
    const refind = later(() => { page.offset = 0; attempt(showConnections); }, 200);
    byId("connection-filter").addEventListener("input", refind);
    byId("connection-protocol").addEventListener("change", refind);

    // Whatever list of records a protocol contributes, with its own names as heads.
    const generic = (node, rows, empty) => {
      // Times are seconds or, in what protocols contribute, milliseconds since 1970.
      const isTime = (name, value) => typeof value === "number" && value > 1e9 &&
        /(^|_)(at|until|since)$/.test(name);
      const moment = (value) => {
        const away = (value > 1e11 ? value / 1000 : value) - last.now;
        return away > 1 ? "in " + duration(away) : ago(last.now + away, last.now);
      };
      const names = [...new Set(rows.slice(0, 20).flatMap((row) => Object.keys(row)))].slice(0, 10);
      table(node, names.map((name) => ({
        title: heading(name),
        num: rows.some((row) => typeof row[name] === "number"), kind: "wide",
        hint: (row) => words(row[name]),
        cell: (row) => name === "protocol" ? tag(row[name])
          : isTime(name, row[name]) ? moment(row[name])
          : typeof row[name] === "number" ? number(row[name])
          : words(row[name]),
      })), rows, empty);
    };
    const showSessions = async () => {
      const data = await api("/api/sessions?limit=200");
      byId("sessions-card").hidden = !data.total;
      byId("sessions-count").textContent = number(data.total);
      generic(byId("sessions"), data.sessions, "No sessions.");
    };
    // Lists of troublesome clients that protocols contribute: /api/NAME/bans and the like.
    let troublePaths = null;
    const showTrouble = async () => {
      if (!troublePaths) {
        const index = await api("/api");
        troublePaths = index.paths.filter((entry) => entry.method === "GET" &&
          /^\/api\/[^/]+\/(bans|slow-subscriptions)$/.test(entry.path));
      }
      const cards = [];
      for (const entry of troublePaths) {
        const data = await api(entry.path);
        const rows = Array.isArray(data) ? data : [];
        if (!rows.length) continue;
        const node = el("table", {});
        generic(node, rows, "None.");
        cards.push(el("article", { class: "card" },
          el("header", {}, el("h2", {}, entry.summary.replace(/\.$/, "")),
            tag(entry.path.split("/")[2])),
          el("div", { class: "scroll tall", tabindex: 0, "aria-label": entry.summary }, node)));
      }
      byId("trouble").replaceChildren(...cards);
    };

    """#

  /// Topics, subscriptions, retained values, names.
  static let topics = #"""
    const topicName = (text) => el("span", { class: "mono" }, text);
    const watchButton = (topic) => el("button", { type: "button", class: "quiet small",
      "data-key": "watch" + topic, "aria-label": "Watch " + topic,
      on: { click: () => { show("tap"); startTap(topic); } } }, "Watch");
    const busiestColumns = [
      { title: "Topic", kind: "wide", hint: (row) => row.topic,
        cell: (row) => topicName(row.topic) },
      { title: "By", cell: (row) => tag(row.origin) },
      { title: "Messages /s", num: true, cell: (row) => number(row.messages_per_second) },
      { title: "Payload /s", num: true, cell: (row) => bytes(row.bytes_per_second) },
    ];
    const busiestAll = [
      ...busiestColumns,
      { title: "Messages seen", num: true, cell: (row) => "≈ " + number(row.messages) },
      { title: "Last", num: true, cell: (row) => ago(row.last_at, last.now) },
      { title: "Tenant", cell: (row) => row.tenant },
      { title: "", cell: (row) => watchButton(row.topic) },
    ];
    let busiestTopic = "";
    const showBusiest = async () => {
      const data = await api("/api/topics?limit=" + (shown.tab === "topics" ? 50 : 12));
      if (data.topics.length && !busiestTopic) {
        busiestTopic = data.topics[0].topic;
        byId("names-topic").placeholder = busiestTopic;
      }
      const rows = data.topics.filter((row) => shown.tab === "topics" ||
        row.messages_per_second >= 0.01);
      if (shown.tab === "topics") table(byId("busiest"), busiestAll, rows, "No messages so far.");
      else table(byId("busiest-short"), busiestColumns, rows, "No messages right now.");
    };

    const wildcardTail = (row) => row.tail === "zero_or_more"
      ? "also the topic without its last level" : row.pattern;
    const subscriptionColumns = [
      { title: "Pattern", kind: "wide", hint: wildcardTail,
        cell: (row) => topicName(row.pattern) },
      { title: "Group", kind: "wide", cell: (row) => row.group || "–" },
      { title: "Protocol", cell: (row) => tag(row.protocol) },
      { title: "Client", kind: "wide", cell: (row) => row.client || "–" },
    ];
    const showSubscriptions = async () => {
      const filter = byId("subscription-filter").value;
      const data = await api("/api/subscriptions?" + new URLSearchParams({ filter, limit: 200 }));
      byId("count-subscriptions").textContent = number(data.total);
      data.subscriptions.sort((a, b) => a.pattern < b.pattern ? -1 : a.pattern > b.pattern ? 1 : 0);
      table(byId("subscriptions"), subscriptionColumns, data.subscriptions,
        data.total ? "Nothing matches." : "Nobody has subscribed.");
    };
    const retainedColumns = [
      { title: "Topic", kind: "middling", hint: (row) => row.topic,
        cell: (row) => topicName(row.topic) },
      { title: "Value", kind: "middling", hint: (row) => row.payload,
        cell: (row) => topicName((row.encoding === "hex" ? "0x" : "") + row.payload) },
      { title: "Bytes", num: true, cell: (row) => number(row.bytes) },
      { title: "By", cell: (row) => tag(row.origin) },
      { title: "Since", num: true, cell: (row) => ago(row.received_at, last.now) },
      { title: "", cell: (row) => el("button", { type: "button", class: "quiet small",
        "data-key": "forget" + row.topic, "aria-label": "Forget the value of " + row.topic,
        on: { click: () => attempt(async () => {
          if (!await ask("Forget the value of " + row.topic + "?", [["Value", row.payload]],
            "Forget")) return;
          await change("DELETE", "/api/retained?" + new URLSearchParams({ topic: row.topic }));
          await showRetained();
        }) } }, "Forget") },
    ];
    const showRetained = async () => {
      const pattern = byId("retained-pattern").value.trim() || ">";
      const data = await api("/api/retained?" + new URLSearchParams({ pattern, limit: 200 }));
      byId("count-retained").textContent = data.retained.length + " of " + number(data.total) +
        (data.total ? " · " + bytes(data.bytes) : "");
      data.retained.sort((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0);
      table(byId("retained"), retainedColumns, data.retained,
        data.total ? "Nothing matches." : "No topic has a retained value.");
    };
    byId("subscription-filter").addEventListener("input",
      later(() => attempt(showSubscriptions), 200));
    byId("retained-pattern").addEventListener("input", later(() => attempt(showRetained), 400));

    const nameColumns = [
      { title: "Protocol", cell: (row) => tag(row.protocol) },
      { title: "Name", kind: "wrap", cell: (row) => row.name === null
        ? row.reason : el("span", { class: "mono" }, row.name) },
    ];
    const explain = async (topic) => {
      if (!topic) return { names: [] };
      return api("/api/names?" + new URLSearchParams({ topic }));
    };
    const showNames = async () => {
      const topic = byId("names-topic").value.trim() || busiestTopic;
      try {
        const data = await explain(topic);
        table(byId("names-table"), nameColumns, data.names, "Type a topic above.");
      } catch (error) {
        table(byId("names-table"), nameColumns, [], error.message);
      }
    };
    const showNamesOnce = async () => {
      if (!byId("names-table").dataset.shape || !byId("names-topic").value) await showNames();
    };
    byId("names-topic").addEventListener("input", later(showNames, 200));

    const form = byId("publish");
    form.elements.topic.addEventListener("input", later(async () => {
      const node = byId("names");
      try {
        const data = await explain(form.elements.topic.value.trim());
        node.textContent = data.names.map((row) => row.protocol + ": " +
          (row.name === null ? row.reason : row.name)).join(" · ");
        node.hidden = !data.names.length;
      } catch (error) {
        node.textContent = error.message;
        node.hidden = false;
      }
    }, 200));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        const headers = form.elements.headers.value.split("\n").filter((line) => line.trim())
          .map((line) => {
            const colon = line.indexOf(":");
            if (colon < 1) throw new Error("A header is written name: value.");
            return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
          });
        const done = await change("POST", "/api/publish", {
          topic: form.elements.topic.value.trim(), payload: form.elements.payload.value,
          headers, retain: form.elements.retain.checked });
        toast("Published " + done.bytes + " bytes to " + done.topic + "; " +
          (done.receivers === 1 ? "one receiver" : number(done.receivers) + " receivers") + ".");
      });
    });

    """#

  /// The live tap.
  static let tap = #"""
    const feedMax = 300;
    const watch = { stop: null, isPaused: false, held: [], queue: [], frame: 0 };
    const matches = (node) => {
      const wanted = byId("tap-filter").value.toLowerCase();
      return !wanted || node.dataset.text.includes(wanted);
    };
    const messageNode = (message) => {
      const extras = (message.headers || []).map(([name, value]) => name + ": " + value);
      for (const key of ["reply", "correlation", "content_type", "message_id"]) {
        if (message[key]) extras.push(key.replace("_", " ") + " → " + message[key]);
      }
      const body = (message.encoding === "hex" ? "0x" : "") + message.payload +
        (message.truncated ? " …" : "");
      const node = el("div", { class: "message" },
        el("time", { datetime: new Date(message.at * 1000).toISOString() }, clock(message.at)),
        tag(message.origin),
        el("span", { class: "topic" }, message.topic),
        el("span", { class: "size" }, bytes(message.bytes), message.retained ? " · retained" : "",
          message.quality ? " · QoS " + message.quality : ""),
        body ? el("pre", {}, body) : null,
        extras.length ? el("div", { class: "headers" },
          extras.map((text) => el("span", {}, text))) : null);
      node.dataset.text = (message.topic + " " + message.origin + " " + body + " " +
        extras.join(" ")).toLowerCase();
      node.hidden = !matches(node);
      return node;
    };
    const render = () => {
      watch.frame = 0;
      const feed = byId("feed");
      const fresh = watch.queue.splice(0).slice(-feedMax).reverse().map(messageNode);
      feed.prepend(...fresh);
      while (feed.children.length > feedMax) feed.lastChild.remove();
    };
    const enqueue = (message) => {
      if (watch.isPaused) {
        watch.held.push(message);
        if (watch.held.length > feedMax) watch.held.shift();
        byId("tap-pause").textContent = "Resume (" + watch.held.length + ")";
        return;
      }
      watch.queue.push(message);
      if (!watch.frame) watch.frame = requestAnimationFrame(render);
    };
    const tapEvent = (name, data) => {
      const state = byId("tap-state");
      if (name === "message") enqueue(data);
      if (name === "open") {
        state.textContent = "Watching " + data.pattern + ", at most " + data.rate +
          " messages a second.";
      }
      if (name === "refused") toast(data.error, true);
      if (name === "state") {
        const left = data.over_rate + data.over_buffer;
        state.textContent = number(data.shown) + " of " + number(data.seen) + " messages shown" +
          (left ? "; " + number(data.over_rate) + " left out for their rate, " +
            number(data.over_buffer) + " because this page is slow." : ".");
      }
    };
    const readEvents = async (answer) => {
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const name = /^event: (.*)$/m.exec(block);
          const data = /^data: (.*)$/m.exec(block);
          if (name && data) tapEvent(name[1], JSON.parse(data[1]));
        }
      }
    };
    const setTapping = (isOn) => {
      byId("tap-toggle").textContent = isOn ? "Stop" : "Watch";
      byId("tap-pause").disabled = !isOn;
      if (!isOn) setPaused(false);
    };
    const setPaused = (isPaused) => {
      watch.isPaused = isPaused;
      byId("tap-pause").textContent = isPaused ? "Resume" : "Pause";
      byId("tap-pause").setAttribute("aria-pressed", String(isPaused));
      if (!isPaused) for (const message of watch.held.splice(0)) enqueue(message);
    };
    const stopTap = () => {
      if (watch.stop) watch.stop.abort();
      watch.stop = null;
      setTapping(false);
    };
    const startTap = async (pattern) => {
      stopTap();
      byId("tap-pattern").value = pattern;
      const stop = new AbortController();
      watch.stop = stop;
      setTapping(true);
      try {
        const answer = await fetch("/api/tap?" + new URLSearchParams({ pattern, rate: 100 }),
          { signal: stop.signal, cache: "no-store" });
        if (!answer.ok) throw new Error((await answer.json()).error);
        await readEvents(answer);
        byId("tap-state").textContent = "The server ended the tap.";
      } catch (error) {
        if (stop.signal.aborted) return;
        byId("tap-state").textContent = "The tap ended: " + error.message;
      }
      if (watch.stop === stop) stopTap();
    };
    byId("tap-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (watch.stop) stopTap(); else startTap(byId("tap-pattern").value.trim() || ">");
    });
    byId("tap-pattern").addEventListener("input", () => { if (watch.stop) stopTap(); });
    byId("tap-pause").addEventListener("click", () => setPaused(!watch.isPaused));
    byId("tap-clear").addEventListener("click", () => byId("feed").replaceChildren());
    byId("tap-filter").addEventListener("input", () => {
      for (const node of byId("feed").children) node.hidden = !matches(node);
    });

    """#

  /// Limits, tabs, colours, and the clock that renews what is seen.
  static let start = #"""
    const limitColumns = [
      { title: "Limit", cell: (row) => topicName(row.name) },
      { title: "Value", num: true, cell: (row) => typeof row.value === "number"
        ? (/bytes|payload/.test(row.name) && row.value >= 1024
          ? bytes(row.value) : row.value.toLocaleString("en")) : words(row.value) },
      { title: "Used", cell: (row) => {
        if (row.used === undefined) return "";
        const share = row.value ? Math.min(1, row.used / row.value) : 0;
        const bar = el("i", { class: share > 0.9 ? "bad" : share > 0.7 ? "warn" : "" });
        bar.style.width = (share * 100).toFixed(1) + "%";
        const text = /bytes/.test(row.name) ? bytes(row.used) : row.used.toLocaleString("en");
        return [el("span", { class: "meter", "aria-hidden": "true" }, bar), " " + text];
      } },
      { title: "Meaning", kind: "wrap", cell: (row) => row.meaning },
    ];
    const showLimits = async () => {
      const data = await api("/api/limits");
      table(byId("limits"), limitColumns, data.limits, "No limits.");
    };
    const figureColumns = [
      { title: "Protocol", cell: (row) => tag(row.protocol) },
      { title: "Figure", cell: (row) => topicName(row.name + row.labels) },
      { title: "Value", num: true, cell: (row) => number(row.value) },
      { title: "Meaning", kind: "wrap", cell: (row) => row.help },
    ];
    const figures = (data) => {
      const rows = data.figures.flatMap((figure) => figure.samples.map((sample) => ({
        ...figure, value: sample.value,
        labels: Object.entries(sample.labels).map(([name, value]) =>
          " " + name + "=" + value).join(""),
      })));
      table(byId("figures"), figureColumns, rows, "Nothing beyond what the overview shows.");
    };

    const views = {
      overview: [showBusiest],
      connections: [showConnections, showSessions, showTrouble],
      topics: [showBusiest, showSubscriptions, showRetained, showNamesOnce],
      streams: [showStreams],
      groups: [showReaders],
      records: [showRecordStreams, showResends],
      audit: [showAudit],
      tap: [],
      limits: [showLimits],
    };
    const show = (name) => {
      shown.tab = Object.hasOwn(views, name) ? name : "overview";
      for (const tab of byId("tabs").children) {
        const isOn = tab.id === "tab-" + shown.tab;
        tab.setAttribute("aria-selected", String(isOn));
        tab.tabIndex = isOn ? 0 : -1;
        byId(tab.getAttribute("aria-controls")).hidden = !isOn;
        if (isOn) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      if (location.hash.slice(1) !== shown.tab) {
        window.history.replaceState(null, "", "#" + shown.tab);
      }
      renew(true);
    };
    byId("tabs").addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) show(tab.id.slice(4));
    });
    byId("tabs").addEventListener("keydown", (event) => {
      const tabs = [...byId("tabs").children];
      const at = tabs.indexOf(document.activeElement);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = event.key === "Home" ? tabs[0] : event.key === "End" ? tabs.at(-1)
        : step && tabs[(at + step + tabs.length) % tabs.length];
      if (!next) return;
      event.preventDefault();
      show(next.id.slice(4));
      next.focus();
    });
    window.addEventListener("hashchange", () => show(location.hash.slice(1)));

    const themes = ["system", "light", "dark"];
    let theme = new URLSearchParams(location.search).get("theme");
    try { theme = theme || localStorage.getItem("godwit-theme"); } catch { /* not kept */ }
    const paint = () => {
      if (!themes.includes(theme)) theme = "system";
      if (theme === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
      byId("theme").title = "Colours: " + theme;
    };
    byId("theme").addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      try { localStorage.setItem("godwit-theme", theme); } catch { /* not kept */ }
      paint();
    });
    paint();

    let turn = 0;
    let isRenewing = false;
    const renew = async (isAtOnce) => {
      if (isRenewing && !isAtOnce) return;
      isRenewing = true;
      try {
        if (isAtOnce && last) paintOverview(last); else await showOverview();
        if (isAtOnce || turn % 2 === 0) {
          for (const view of views[shown.tab]) await view();
        }
      } catch (error) {
        byId("state").textContent = "unreachable";
        byId("state").className = "pill bad";
        byId("banner").textContent = "The broker does not answer (" + error.message +
          "). Trying again.";
        byId("banner").hidden = false;
      } finally {
        isRenewing = false;
      }
    };
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      turn += 1;
      // A broker with very many connections is asked less often: listing them is work.
      const pace = last && last.connections.open > 5000 ? 5 : 1;
      if (turn % pace === 0) renew(false);
    }, 1000);
    show(location.hash.slice(1));

    """#
}
