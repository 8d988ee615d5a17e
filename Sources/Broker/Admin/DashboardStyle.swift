/// The dashboard's style: calm, in the colours that the viewer's system prefers.
enum DashboardStyle {
  /// The style sheet.
  static let css =
    colours + ":root[data-theme=\"dark\"] {\n" + dark + "}\n"
    + "@media (prefers-color-scheme: dark) { :root:not([data-theme=\"light\"]) {\n" + dark
    + "} }\n" + base + layout + components + narrow

  private static let colours = #"""
    :root {
      --ground: #f6f5f1; --card: #ffffff; --line: #e4e2da; --line-soft: #efede7;
      --ink: #1d2327; --ink-soft: #5d666d; --ink-faint: #8a9299;
      --accent: #0f766e; --accent-soft: #d9efec; --on-accent: #ffffff;
      --warn: #9a5b00; --warn-soft: #fdf0d5; --bad: #b3261e; --bad-soft: #fbe4e1;
      --good: #1f7a3d; --good-soft: #def2e4;
      --c1: #0f766e; --c2: #b45309; --c3: #4f46e5; --c4: #be185d; --c5: #4d7c0f;
      --shadow: 0 1px 2px rgb(30 30 20 / 5%), 0 4px 16px rgb(30 30 20 / 4%);
      --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace;
      color-scheme: light;
    }

    """#

  private static let dark = #"""
      --ground: #12171a; --card: #1a2125; --line: #2b343a; --line-soft: #232b30;
      --ink: #e6eaec; --ink-soft: #a3aeb5; --ink-faint: #77838b;
      --accent: #4fc3b5; --accent-soft: #173b38; --on-accent: #0b1a18;
      --warn: #f0b860; --warn-soft: #3a2d14; --bad: #ff8f85; --bad-soft: #40201d;
      --good: #7ad79a; --good-soft: #17351f;
      --c1: #4fc3b5; --c2: #f0a35e; --c3: #9aa5ff; --c4: #f28bb9; --c5: #a9cf6a;
      --shadow: 0 1px 2px rgb(0 0 0 / 30%);
      color-scheme: dark;

    """#

  private static let base = #"""
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body {
      margin: 0; background: var(--ground); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Inter", "Noto Sans", sans-serif;
      font-variant-numeric: tabular-nums;
    }
    h1, h2 { margin: 0; font-weight: 650; letter-spacing: -0.01em; }
    h1 { font-size: 1.2rem; }
    h2 { font-size: 0.95rem; }
    a { color: var(--accent); text-underline-offset: 2px; }
    code, .mono { font-family: var(--mono); font-size: 0.86em; }
    small { font-weight: 400; color: var(--ink-faint); }
    .muted { color: var(--ink-soft); font-size: 0.86rem; }
    [hidden] { display: none !important; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
    .skip { position: absolute; left: -999rem; top: 0; padding: 0.5rem 1rem; z-index: 9;
      background: var(--card); }
    .skip:focus { left: 0.5rem; top: 0.5rem; }

    """#

  private static let layout = #"""
    .top, .tabs, main, footer { max-width: 1360px; margin: 0 auto; padding: 0 1.5rem; }
    .top { display: flex; align-items: center; gap: 0.6rem 1.2rem; padding-top: 1.1rem; }
    .brand, .status, #theme { flex: none; }
    .brand, .status { display: flex; align-items: center; gap: 0.6rem; }
    .mark { fill: var(--accent); }
    .bird { fill: var(--on-accent); }
    .version { color: var(--ink-faint); font-size: 0.86rem; }
    .listeners { display: flex; flex: 1; flex-wrap: wrap; justify-content: flex-end;
      gap: 0.35rem; min-width: 0; }
    .chip { font-family: var(--mono); font-size: 0.76rem; color: var(--ink-soft);
      border: 1px solid var(--line); border-radius: 99px; padding: 0.12rem 0.6rem; }
    .chip b { font-weight: 600; color: var(--ink); }
    .tabs { display: flex; gap: 0.25rem; margin-top: 1rem; overflow-x: auto;
      scrollbar-width: none; }
    .tabs button { all: unset; cursor: pointer; padding: 0.55rem 0.85rem; white-space: nowrap;
      color: var(--ink-soft); border-bottom: 2px solid transparent; font-weight: 550;
      font-size: 0.92rem; }
    .tabs button:hover { color: var(--ink); }
    .tabs button[aria-selected="true"] { color: var(--ink); border-color: var(--accent); }
    .tabs button:focus-visible { outline: 2px solid var(--accent); outline-offset: -3px; }
    .count { color: var(--ink-faint); font-weight: 450; font-size: 0.86em; }
    main { padding-top: 1.1rem; padding-bottom: 1rem; outline: none; }
    .view { display: grid; gap: 1rem; }
    .grid { display: grid; gap: 1rem; }
    .stack { display: flex; flex-direction: column; gap: 1rem; min-width: 0; }
    .stack > :last-child { flex: 1; }
    #trouble:empty { display: none; }
    .grid.two { grid-template-columns: repeat(2, minmax(0, 1fr)); }
    .tiles { display: grid; gap: 1rem; grid-template-columns: repeat(6, minmax(0, 1fr)); }
    footer { display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; padding-bottom: 2rem; }

    """#

  private static let components = #"""
    .card, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
      box-shadow: var(--shadow); min-width: 0; }
    .card { padding: 1rem 1.1rem 1.1rem; }
    .card > header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem;
      justify-content: space-between; margin-bottom: 0.6rem; min-height: 1.9rem; }
    .card > p { margin: 0 0 0.7rem; }
    .tile { padding: 0.8rem 1rem 0.7rem; display: grid; gap: 0.1rem; }
    .tile .label { color: var(--ink-soft); font-size: 0.82rem; }
    .tile .value { font-size: 1.55rem; font-weight: 620; letter-spacing: -0.02em;
      line-height: 1.25; white-space: nowrap; }
    .tile .value small { font-size: 0.8rem; margin-left: 0.2rem; letter-spacing: 0; }
    .tile .note { color: var(--ink-faint); font-size: 0.78rem; white-space: nowrap;
      overflow: hidden; text-overflow: ellipsis; }
    .tile svg { width: 100%; height: 34px; margin-top: 0.35rem; }
    svg .area { fill: currentColor; opacity: 0.12; }
    svg .stroke { fill: none; stroke: currentColor; stroke-width: 1.6;
      vector-effect: non-scaling-stroke; stroke-linejoin: round; }
    svg .dashed { stroke-dasharray: 4 3; }
    .k1 { color: var(--c1); } .k2 { color: var(--c2); } .k3 { color: var(--c3); }
    .k4 { color: var(--c4); } .k5 { color: var(--c5); }
    .chart { position: relative; height: 200px; margin-top: 0.9rem; }
    .chart svg { position: absolute; inset: 0 0 1.2rem 3.6rem; width: calc(100% - 3.6rem);
      height: calc(100% - 1.2rem); overflow: visible; }
    .chart .gridline { stroke: var(--line-soft); stroke-width: 1;
      vector-effect: non-scaling-stroke; }
    .chart span { position: absolute; color: var(--ink-faint); font-size: 0.72rem; }
    .chart .y { left: 0; width: 3.2rem; text-align: right; transform: translateY(-50%); }
    .chart .x { bottom: 0; }
    .legend { width: 100%; display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; font-size: 0.8rem;
      color: var(--ink-soft); }
    .legend i { display: inline-block; width: 1.1rem; height: 0; margin-right: 0.35rem;
      border-top: 2px solid currentColor; vertical-align: middle; }
    .legend i.dashed { border-top-style: dashed; }
    .scroll { overflow-x: auto; margin: 0 -0.3rem; padding: 0 0.3rem; }
    .scroll.short { max-height: 25.5rem; overflow-y: auto; }
    .scroll.tall { max-height: 28rem; overflow-y: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 0.86rem; }
    th, td { text-align: left; padding: 0.42rem 0.6rem; border-bottom: 1px solid var(--line-soft);
      white-space: nowrap; vertical-align: baseline; }
    th { color: var(--ink-soft); font-weight: 550; font-size: 0.78rem; position: sticky; top: 0;
      background: var(--card); z-index: 1; }
    tr:last-child td { border-bottom: 0; }
    tbody tr:hover td { background: color-mix(in srgb, var(--line-soft) 55%, transparent); }
    td.num, th.num { text-align: right; }
    td.wide { max-width: 26rem; overflow: hidden; text-overflow: ellipsis; }
    td.middling { max-width: 10.4rem; overflow: hidden; text-overflow: ellipsis; }
    td.wrap { white-space: normal; min-width: 14rem; color: var(--ink-soft); }
    td.empty { color: var(--ink-faint); text-align: center; padding: 1.6rem 0.6rem;
      white-space: normal; }
    th button { all: unset; cursor: pointer; }
    th button:hover { color: var(--ink); }
    th button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .dot { display: inline-block; width: 0.55rem; height: 0.55rem; border-radius: 50%;
      background: currentColor; margin-right: 0.45rem; }
    .tag { font-size: 0.76rem; border-radius: 6px; padding: 0.05rem 0.4rem;
      background: var(--line-soft); color: var(--ink-soft); }
    .tag.k1, .tag.k2, .tag.k3, .tag.k4, .tag.k5 { background: color-mix(in srgb, currentColor 13%,
      transparent); font-weight: 550; }
    .tag.k1 { color: var(--c1); } .tag.k2 { color: var(--c2); } .tag.k3 { color: var(--c3); }
    .tag.k4 { color: var(--c4); } .tag.k5 { color: var(--c5); }
    .pill { border-radius: 99px; padding: 0.1rem 0.7rem; font-size: 0.82rem; font-weight: 600;
      background: var(--line-soft); color: var(--ink-soft); }
    .pill.good { background: var(--good-soft); color: var(--good); }
    .pill.warn { background: var(--warn-soft); color: var(--warn); }
    .pill.bad { background: var(--bad-soft); color: var(--bad); }
    .banner { background: var(--bad-soft); color: var(--bad); border-radius: 10px;
      padding: 0.6rem 1rem; margin: 0 0 1rem; font-weight: 550; }
    .meter { display: inline-block; width: 7rem; height: 0.45rem; border-radius: 99px;
      background: var(--line-soft); overflow: hidden; vertical-align: middle; }
    .meter i { display: block; height: 100%; background: var(--accent); border-radius: 99px; }
    .meter i.warn { background: var(--warn); } .meter i.bad { background: var(--bad); }
    input, textarea, select, button { font: inherit; color: inherit; }
    input, textarea, select { background: var(--ground); border: 1px solid var(--line);
      border-radius: 9px; padding: 0.38rem 0.65rem; font-size: 0.88rem; min-width: 0; }
    input::placeholder, textarea::placeholder { color: var(--ink-faint); }
    textarea { font-family: var(--mono); font-size: 0.82rem; resize: vertical; }
    button { cursor: pointer; border: 0; border-radius: 9px; padding: 0.4rem 0.95rem;
      font-size: 0.88rem; font-weight: 570; background: var(--accent); color: var(--on-accent); }
    button:hover { filter: brightness(1.07); }
    button:disabled { opacity: 0.5; cursor: default; }
    button.quiet { background: transparent; color: var(--ink-soft);
      border: 1px solid var(--line); }
    button.quiet:hover { color: var(--ink); }
    button.danger { background: var(--bad); color: var(--card); }
    button.small { padding: 0.1rem 0.55rem; font-size: 0.78rem; }
    .tools { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
    .pager { display: flex; justify-content: space-between; align-items: center;
      margin-top: 0.7rem; }
    .form { display: grid; gap: 0.6rem; }
    .form label { display: grid; gap: 0.2rem; font-size: 0.82rem; color: var(--ink-soft); }
    .form .row { display: flex; flex-wrap: wrap; gap: 0.6rem; justify-content: space-between;
      align-items: center; }
    .form label.check { display: flex; gap: 0.5rem; align-items: center; }
    .form input:not([type="checkbox"]) { width: 100%; font-family: var(--mono); }
    .names { margin: 0; min-height: 1.4em; overflow-wrap: anywhere; }
    .notes { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.45rem; }
    .notes li { display: flex; gap: 0.6rem; padding: 0.5rem 0.7rem; border-radius: 10px;
      background: var(--line-soft); font-size: 0.88rem; overflow-wrap: anywhere; }
    .notes li.warn { background: var(--warn-soft); color: var(--warn); }
    .notes li.bad { background: var(--bad-soft); color: var(--bad); }
    .notes li.good { background: var(--good-soft); color: var(--good); }
    .feed { height: min(66vh, 46rem); overflow-y: auto; border-top: 1px solid var(--line-soft);
      font-size: 0.86rem; }
    .message { display: grid; grid-template-columns: 5.6rem 4.2rem minmax(0, 1fr) auto;
      gap: 0 0.8rem; padding: 0.45rem 0.2rem; border-bottom: 1px solid var(--line-soft);
      align-items: baseline; }
    .message .tag { justify-self: start; }
    .message time, .message .size { color: var(--ink-faint); font-size: 0.8rem; }
    .message .topic { font-family: var(--mono); font-size: 0.84rem; font-weight: 600;
      overflow-wrap: anywhere; }
    .message pre { grid-column: 3 / -1; margin: 0.15rem 0 0; font-family: var(--mono);
      font-size: 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 8.4rem;
      overflow: auto; color: var(--ink-soft); }
    .message .headers { grid-column: 3 / -1; display: flex; flex-wrap: wrap; gap: 0.3rem;
      margin-top: 0.25rem; }
    .message .headers span { font-family: var(--mono); font-size: 0.74rem; border-radius: 5px;
      background: var(--line-soft); padding: 0.02rem 0.4rem; overflow-wrap: anywhere; }
    .message .place { font-size: 0.8rem; color: var(--ink-soft); white-space: nowrap; }
    .toasts { position: fixed; right: 1rem; bottom: 1rem; display: grid; gap: 0.5rem;
      z-index: 5; max-width: min(26rem, calc(100vw - 2rem)); }
    .toast { background: var(--ink); color: var(--card); padding: 0.55rem 0.9rem;
      border-radius: 10px; font-size: 0.88rem; overflow-wrap: anywhere; }
    .toast.bad { background: var(--bad); }
    dialog { border: 1px solid var(--line); border-radius: 16px; background: var(--card);
      color: var(--ink); padding: 1.3rem; width: min(36rem, calc(100vw - 2rem));
      max-height: 85vh; box-shadow: 0 20px 60px rgb(0 0 0 / 30%); }
    dialog::backdrop { background: rgb(10 15 18 / 45%); }
    dialog h2 { font-size: 1.1rem; margin-bottom: 0.8rem; overflow-wrap: anywhere; }
    dialog dl { display: grid; grid-template-columns: max-content minmax(0, 1fr);
      gap: 0.25rem 1.2rem; margin: 0; font-size: 0.88rem; }
    dialog dt { color: var(--ink-soft); }
    dialog dd { margin: 0; overflow-wrap: anywhere; }
    dialog menu { display: flex; justify-content: flex-end; gap: 0.6rem; padding: 0;
      margin: 1.2rem 0 0; }

    """#

  private static let narrow = #"""
    @media (max-width: 1100px) {
      .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); }
    }
    @media (max-width: 820px) {
      .grid.two { grid-template-columns: minmax(0, 1fr); }
      .top { flex-wrap: wrap; }
      .listeners { flex: 1 0 100%; justify-content: flex-start; order: 3; }
      #theme { margin-left: auto; }
    }
    @media (max-width: 560px) {
      .top, .tabs, main, footer { padding-left: 0.8rem; padding-right: 0.8rem; }
      .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.6rem; }
      .tile .value { font-size: 1.3rem; }
      .view, .grid, .stack { gap: 0.7rem; }
      .card { padding: 0.8rem; border-radius: 12px; }
      .tools input { flex: 1 1 9rem; }
      #uptime { display: none; }
      td.wide { max-width: 11rem; }
      .message { grid-template-columns: auto auto 1fr; }
      .message .size { grid-area: 1 / 3; justify-self: end; }
      .message .topic, .message pre, .message .headers { grid-column: 1 / -1; }
      .listeners { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; }
      .chip { white-space: nowrap; }
    }
    @media (prefers-reduced-motion: no-preference) {
      button, .tabs button { transition: color 0.15s, filter 0.15s, border-color 0.15s; }
    }
    @media print { .tabs, #theme, .form { display: none; } }

    """#
}
