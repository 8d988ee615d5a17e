/// The dashboard's script, in the order of its parts: they share one scope.
enum DashboardScript {
  /// All parts.
  static let parts = [
    kit, charts, overview, connections, topics, streams, groups, records, tap, start,
  ]

  /// Elements, numbers, requests. `el` makes nodes with text; nothing here writes markup.
  private static let kit = #"""
    const byId = (id) => document.getElementById(id);
    const el = (tag, props, ...children) => {
      const node = document.createElement(tag);
      for (const [key, value] of Object.entries(props || {})) {
        if (value === undefined || value === null || value === false) continue;
        if (key === "on") {
          for (const [name, act] of Object.entries(value)) node.addEventListener(name, act);
        } else {
          node.setAttribute(key, value === true ? "" : value);
        }
      }
      for (const child of children.flat(Infinity)) {
        if (child === undefined || child === null) continue;
        node.append(child instanceof Node ? child : document.createTextNode(String(child)));
      }
      return node;
    };
    const svgNode = (tag, props, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
      node.append(...children);
      return node;
    };

    const number = (value) => {
      const size = Math.abs(value);
      if (size >= 1e9) return (value / 1e9).toFixed(2) + " G";
      if (size >= 1e6) return (value / 1e6).toFixed(2) + " M";
      if (size >= 1e5) return (value / 1e3).toFixed(0) + " k";
      if (size >= 1e4) return (value / 1e3).toFixed(1) + " k";
      if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
      return value.toFixed(size >= 10 ? 1 : 2);
    };
    const bytes = (value) => {
      const units = ["B", "KiB", "MiB", "GiB", "TiB"];
      let unit = 0;
      while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
      const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
      return value.toFixed(digits) + " " + units[unit];
    };
    const duration = (seconds) => {
      const s = Math.max(0, Math.floor(seconds));
      if (s < 60) return s + " s";
      if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
      if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
      return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
    };
    const ago = (time, now) => {
      const s = Math.max(0, now - time);
      return s < 2 ? "now" : s < 60 ? Math.floor(s) + " s" : s < 3600
        ? Math.floor(s / 60) + " min" : duration(s);
    };
    const clock = (time) => {
      const date = new Date(time * 1000);
      return date.toLocaleTimeString("en-GB") + "." +
        String(date.getMilliseconds()).padStart(3, "0");
    };

    const shown = { tab: "overview" };
    const protocols = [];
    const colourOf = (name) => {
      if (!name) return "";
      if (!protocols.includes(name)) protocols.push(name);
      return "k" + (protocols.indexOf(name) % 5 + 1);
    };
    const tag = (name) => el("span", { class: "tag " + colourOf(name) }, name || "broker");

    const api = async (path, options) => {
      const answer = await fetch(path, { cache: "no-store", ...options });
      const body = await answer.json().catch(() => ({}));
      if (!answer.ok) {
        const error = new Error(body.error || "HTTP " + answer.status);
        error.status = answer.status;
        throw error;
      }
      return body;
    };
    const change = (method, path, body) => api(path, {
      method,
      headers: { "content-type": "application/json", "x-godwit-admin": "1" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });

    const toast = (text, isBad) => {
      const node = el("div", { class: "toast" + (isBad ? " bad" : "") }, text);
      byId("toasts").append(node);
      setTimeout(() => node.remove(), 5000);
    };
    const attempt = async (work) => {
      try { return await work(); } catch (error) { toast(error.message, true); return null; }
    };
    const later = (work, delay) => {
      let timer = 0;
      return (...values) => {
        clearTimeout(timer);
        timer = setTimeout(() => work(...values), delay);
      };
    };

    // A table keeps its head, and the focus, while its rows are renewed.
    const table = (node, columns, rows, empty) => {
      const shape = columns.map((column) => column.title).join("|");
      if (node.dataset.shape !== shape) {
        node.dataset.shape = shape;
        const head = el("tr", {}, columns.map((column) => el("th",
          { class: column.num ? "num" : null, scope: "col" }, column.head || column.title)));
        node.replaceChildren(el("thead", {}, head), el("tbody", {}));
      }
      const body = node.tBodies[0];
      const active = document.activeElement;
      const key = body.contains(active) ? active.dataset.key : null;
      const lines = rows.map((row) => el("tr", {}, columns.map((column) => el("td",
        { class: (column.num ? "num " : "") + (column.kind || ""),
          title: column.hint ? column.hint(row) : null }, column.cell(row)))));
      if (!lines.length) {
        lines.push(el("tr", {}, el("td", { class: "empty", colspan: columns.length }, empty)));
      }
      body.replaceChildren(...lines);
      if (key) {
        const again = [...body.querySelectorAll("[data-key]")]
          .find((candidate) => candidate.dataset.key === key);
        if (again) again.focus();
      }
    };

    """#

  private static let charts = #"""
    const historyLength = 120;
    class Series {
      constructor() { this.values = []; }
      add(value) {
        this.values.push(value);
        if (this.values.length > historyLength) this.values.shift();
      }
      get last() { return this.values.length ? this.values[this.values.length - 1] : 0; }
    }
    const points = (values, top) => {
      const start = historyLength - values.length;
      return values.map((value, index) =>
        (start + index) + "," + (100 - Math.min(1, value / top) * 100).toFixed(2));
    };
    const spark = (values, colour) => {
      const top = Math.max(...values, 1e-9) * 1.15;
      const line = points(values, top);
      const start = historyLength - values.length;
      const svg = svgNode("svg", { viewBox: "0 0 119 100", preserveAspectRatio: "none",
        class: colour, "aria-hidden": "true" });
      if (values.length > 1) {
        svg.append(
          svgNode("polygon", { class: "area",
            points: start + ",100 " + line.join(" ") + " 119,100" }),
          svgNode("polyline", { class: "stroke", points: line.join(" ") }));
      }
      return svg;
    };
    // The next value above that makes four even steps, in the base that the unit counts in.
    const niceTop = (value, base) => {
      if (value <= 0) return base === 10 ? 4 : 1024;
      const power = base ** Math.floor(Math.log(value) / Math.log(base));
      const steps = base === 10 ? [1, 2, 4, 6, 8, 10]
        : [1, 2, 4, 8, 16, 32, 64, 100, 200, 400, 600, 800, 1024];
      return Math.max(base === 10 ? 4 : 64, steps.find((step) => step * power >= value) * power);
    };
    const chart = (node, lines, format) => {
      const highest = Math.max(0, ...lines.flatMap((line) => line.values)) * 1.05;
      const top = niceTop(highest, format === bytes ? 1024 : 10);
      const svg = svgNode("svg", { viewBox: "0 0 119 100", preserveAspectRatio: "none",
        role: "img", "aria-label": lines.map((line) =>
          line.label + " " + format(line.values[line.values.length - 1] || 0)).join(", ") });
      const labels = [];
      for (const share of [0, 0.25, 0.5, 0.75, 1]) {
        const y = 100 - share * 100;
        svg.append(svgNode("line", { class: "gridline", x1: 0, x2: 119, y1: y, y2: y }));
        const label = el("span", { class: "y" }, format(top * share));
        label.style.top = "calc(" + y / 100 + " * (100% - 1.2rem))";
        labels.push(label);
      }
      for (const line of lines) {
        if (line.values.length < 2) continue;
        svg.append(svgNode("polyline", { points: points(line.values, top).join(" "),
          class: "stroke " + line.colour + (line.dashed ? " dashed" : "") }));
      }
      const past = el("span", { class: "x" }, "2 min ago");
      past.style.left = "3.6rem";
      const now = el("span", { class: "x" }, "now");
      now.style.right = "0";
      node.replaceChildren(svg, ...labels, past, now);
    };

    """#

  private static let overview = #"""
    let last = null;
    const history = new Map();
    const series = (name) => {
      if (!history.has(name)) history.set(name, new Series());
      return history.get(name);
    };
    const recent = { dropped: [], at: 0 };

    const note = (data) => {
      const seconds = last ? data.now - last.now : 0;
      const rate = (now, before) => seconds > 0 ? Math.max(0, (now - before) / seconds) : 0;
      for (const protocol of data.protocols) {
        colourOf(protocol.name);
        const before = last && last.protocols.find((other) => other.name === protocol.name);
        protocol.rates = {};
        for (const key of ["messages_in", "messages_out", "bytes_in", "bytes_out", "dropped"]) {
          protocol.rates[key] = before ? rate(protocol[key], before[key]) : 0;
          if (last) series(protocol.name + key).add(protocol.rates[key]);
        }
      }
      data.cpu = last
        ? rate(data.process.cpu_seconds, last.process.cpu_seconds) * 100 : 0;
      if (last) {
        const sum = (key) => data.protocols.reduce((all, each) => all + each.rates[key], 0);
        series("in").add(sum("messages_in"));
        series("out").add(sum("messages_out"));
        series("cpu").add(data.cpu);
        series("memory").add(data.process.resident_bytes);
        series("connections").add(data.connections.open);
        series("stored").add(data.memory.used);
      }
      last = data;
    };

    const tiles = (data) => {
      const value = (text) => {
        const cut = text.lastIndexOf(" ");
        return cut < 0 ? [text]
          : [text.slice(0, cut), el("small", {}, text.slice(cut + 1))];
      };
      const tile = (label, text, caption, name, colour) => el("div", { class: "tile" },
        el("span", { class: "label" }, label),
        el("span", { class: "value" }, value(text)),
        el("span", { class: "note", title: caption }, caption),
        spark(series(name).values, colour));
      const engine = data.engine;
      byId("tiles").replaceChildren(
        tile("Messages in", number(series("in").last) + " /s",
          number(engine.published) + " in all", "in", "k1"),
        tile("Messages out", number(series("out").last) + " /s",
          number(engine.delivered) + " in all", "out", "k2"),
        tile("Connections", number(data.connections.open),
          number(data.connections.total) + " since the start", "connections", "k3"),
        tile("Processor", data.cpu.toFixed(1) + " %",
          "of one core; " + duration(data.process.cpu_seconds) + " in all", "cpu", "k4"),
        tile("Memory", bytes(data.process.resident_bytes),
          data.process.open_files + " files open", "memory", "k5"),
        tile("Kept messages", bytes(data.memory.used),
          "of " + bytes(data.memory.limit), "stored", "k3"));
    };

    const lines = (data, kind) => data.protocols.flatMap((protocol) => [
      { label: protocol.name + " in", colour: colourOf(protocol.name),
        values: series(protocol.name + kind + "_in").values },
      { label: protocol.name + " out", colour: colourOf(protocol.name), dashed: true,
        values: series(protocol.name + kind + "_out").values },
    ]);
    const legend = (node, all, format) => node.replaceChildren(...all.map((line) =>
      el("span", {}, el("i", { class: line.colour + (line.dashed ? " dashed" : "") }),
        line.label + " " + format(line.values[line.values.length - 1] || 0) + "/s")));

    const notes = (data) => {
      const found = [];
      const add = (kind, text) => found.push({ kind, text });
      for (const text of data.notices) add("warn", text);
      if (data.state !== "serving") add("warn", "The broker is " + data.state + ".");
      if (data.connections.refused) {
        add("warn", number(data.connections.refused) +
          " connections were refused because there were too many.");
      }
      for (const protocol of data.protocols) {
        const name = protocol.name.toUpperCase();
        if (protocol.stuck) {
          add("warn", protocol.stuck + " " + name + " clients do not read what they asked for; " +
            bytes(protocol.pending_bytes) + " wait for them.");
        }
        if (protocol.dropped) {
          const now = protocol.rates.dropped;
          add(now > 0 ? "bad" : "info", number(protocol.dropped) + " messages to slow " + name +
            " clients were dropped" + (now > 0 ? ", " + number(now) + " a second now." : "."));
        }
        const slow = Object.entries(protocol.ended).filter(([reason]) => /slow/i.test(reason))
          .reduce((all, [, count]) => all + count, 0);
        if (slow) {
          add("warn", number(slow) + " " + name + " clients were cut off as too slow.");
        }
      }
      const { used, limit, refusals } = data.memory;
      if (used > limit * 0.8) {
        add("bad", "Kept messages fill " + Math.round(used / limit * 100) + " % of their bound.");
      }
      if (refusals) {
        add("bad", number(refusals) + " messages could not be kept: the bound was reached.");
      }
      const files = data.process;
      if (files.max_files && files.open_files > files.max_files * 0.8) {
        add("bad", files.open_files + " of " + files.max_files + " files are open.");
      }
      for (const figure of data.figures) {
        if (!/ban|slow|flap/.test(figure.name)) continue;
        const sum = figure.samples.reduce((all, sample) => all + sample.value, 0);
        if (sum) add("warn", figure.help.replace(/\.$/, "") + ": " + number(sum));
      }
      if (data.engine.expired) {
        add("info", number(data.engine.expired) + " messages expired before they were delivered.");
      }
      if (!found.some((item) => item.kind !== "info")) {
        found.unshift({ kind: "good", text: "All is well: nobody is slow, nothing is dropped." });
      }
      byId("notes").replaceChildren(...found.map((item) =>
        el("li", { class: item.kind }, item.text)));
    };

    const protocolColumns = [
      { title: "Protocol", cell: (row) => [el("span", { class: "dot " + colourOf(row.name) }),
        row.name] },
      { title: "Clients", num: true, cell: (row) => number(row.connections) },
      { title: "In /s", num: true, cell: (row) => number(row.rates.messages_in) },
      { title: "Out /s", num: true, cell: (row) => number(row.rates.messages_out) },
      { title: "Received", num: true, cell: (row) => bytes(row.bytes_in) },
      { title: "Sent", num: true, cell: (row) => bytes(row.bytes_out) },
      { title: "Waiting", num: true, cell: (row) => bytes(row.pending_bytes) },
      { title: "Dropped", num: true, cell: (row) => number(row.dropped) },
    ];
    const endedColumns = [
      { title: "When", cell: (row) => { const time = ago(row.ended_at, last.now);
        return time === "now" ? time : time + " ago"; } },
      { title: "Protocol", cell: (row) => tag(row.protocol) },
      { title: "Client", kind: "wide", cell: (row) => row.client || "–" },
      { title: "User", kind: "wide", cell: (row) => row.user || "–" },
      { title: "Address", cell: (row) => row.address },
      { title: "Lived", num: true, cell: (row) => duration(row.ended_at - row.opened_at) },
      { title: "Reason", cell: (row) => row.reason },
    ];

    const showOverview = async () => {
      const data = await api("/api/overview");
      note(data);
      paintOverview(data);
    };
    const paintOverview = (data) => {
      byId("banner").hidden = true;
      byId("name").textContent = data.name;
      document.title = data.name + (data.state === "serving" ? "" : " · " + data.state);
      byId("version").textContent = data.version;
      byId("state").textContent = data.state;
      byId("state").className = "pill " + (data.state === "serving" ? "good" : "warn");
      byId("uptime").textContent = "up " + duration(data.uptime_seconds);
      byId("count-connections").textContent = number(data.connections.open);
      const listeners = data.listeners.filter((listener) => listener.name !== "admin");
      const chips = listeners.map((listener) => listener.name + " " + listener.address);
      if (byId("listeners").dataset.key !== chips.join()) {
        byId("listeners").dataset.key = chips.join();
        byId("listeners").replaceChildren(...listeners.map((listener) =>
          el("span", { class: "chip" }, el("b", {}, listener.name), " ", listener.address)));
      }
      if (shown.tab === "overview") {
        tiles(data);
        const messages = lines(data, "messages");
        const traffic = lines(data, "bytes");
        chart(byId("chart-messages"), messages, number);
        chart(byId("chart-bytes"), traffic, bytes);
        legend(byId("legend-messages"), messages, number);
        legend(byId("legend-bytes"), traffic, bytes);
        table(byId("protocols"), protocolColumns, data.protocols, "No protocols.");
        notes(data);
      }
      if (shown.tab === "connections") {
        table(byId("ended"), endedColumns, data.ended, "None so far.");
      }
      if (shown.tab === "limits") figures(data);
    };

    """#
}
