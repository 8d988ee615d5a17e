/// The dashboard's HTML: the frame that the script fills. Every text that comes from a peer is set
/// by the script as text, never as markup.
enum DashboardMarkup {
  /// The whole document.
  static func html(style: String, script: String) -> String {
    head + "<style>" + style + "</style>\n" + body + "<script>" + script + "</script>\n</body>\n"
      + "</html>\n"
  }

  private static let head = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Godwit</title>
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'
     viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230f766e'/%3E%3Cpath
     d='M5 19c6 0 9-2 12-7 1-2 4-3 6-1l5 1-5 1c0 6-4 10-10 10-3 0-6-2-8-4z'
     fill='white'/%3E%3C/svg%3E">

    """#

  private static let body =
    #"""
    </head>
    <body>
    <a class="skip" href="#main">Skip to content</a>
    <header class="top">
      <div class="brand">
        <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
          <rect width="32" height="32" rx="8" class="mark"/>
          <path d="M5 19c6 0 9-2 12-7 1-2 4-3 6-1l5 1-5 1c0 6-4 10-10 10-3 0-6-2-8-4z"
            class="bird"/>
        </svg>
        <h1 id="name">Godwit</h1>
        <span class="version" id="version"></span>
      </div>
      <div class="status">
        <span class="pill" id="state" role="status">connecting</span>
        <span class="muted" id="uptime"></span>
      </div>
      <div class="listeners" id="listeners" aria-label="Listeners"></div>
      <button type="button" class="quiet" id="theme" aria-label="Change colours">◐</button>
    </header>
    <nav class="tabs" role="tablist" aria-label="Views" id="tabs">
      <button type="button" role="tab" id="tab-overview" aria-controls="view-overview">
        Overview</button>
      <button type="button" role="tab" id="tab-connections" aria-controls="view-connections">
        Connections <span class="count" id="count-connections"></span></button>
      <button type="button" role="tab" id="tab-topics" aria-controls="view-topics">
        Topics</button>
      <button type="button" role="tab" id="tab-streams" aria-controls="view-streams">
        Streams <span class="count" id="count-streams"></span></button>
      <button type="button" role="tab" id="tab-groups" aria-controls="view-groups">
        Groups <span class="count" id="count-groups"></span></button>
      <button type="button" role="tab" id="tab-records" aria-controls="view-records">
        Records</button>
      <button type="button" role="tab" id="tab-tap" aria-controls="view-tap">Live tap</button>
      <button type="button" role="tab" id="tab-limits" aria-controls="view-limits">Limits</button>
      <button type="button" role="tab" id="tab-audit" aria-controls="view-audit">Audit</button>
    </nav>
    <main id="main" tabindex="-1">
    <p class="banner" id="banner" role="alert" hidden></p>

    """# + overview + connections + topics + streams + groups + records + tap + limits
    + audit + #"""
      </main>
      <footer class="muted">
        <span>Everything here is also JSON: <a href="/api">/api</a></span>
        <span><a href="/metrics">/metrics</a> for Prometheus</span>
      </footer>
      <div class="toasts" id="toasts" aria-live="polite"></div>
      <dialog id="dialog" aria-labelledby="dialog-title">
        <form method="dialog">
          <h2 id="dialog-title"></h2>
          <div id="dialog-body"></div>
          <menu>
            <button value="cancel" class="quiet">Close</button>
            <button value="confirm" class="danger" id="dialog-confirm">Disconnect</button>
          </menu>
        </form>
      </dialog>

      """#

  private static let overview = #"""
    <section id="view-overview" role="tabpanel" aria-labelledby="tab-overview" class="view">
      <div class="tiles" id="tiles"></div>
      <div class="grid two">
        <article class="card">
          <header><h2>Messages</h2><span class="legend" id="legend-messages"></span></header>
          <div class="chart" id="chart-messages"></div>
        </article>
        <article class="card">
          <header><h2>Bytes</h2><span class="legend" id="legend-bytes"></span></header>
          <div class="chart" id="chart-bytes"></div>
        </article>
      </div>
      <div class="grid two">
        <div class="stack">
          <article class="card">
            <header><h2>Protocols</h2></header>
            <div class="scroll"><table id="protocols"></table></div>
          </article>
          <article class="card">
            <header><h2>Publish</h2></header>
            <form class="form" id="publish">
              <label>Topic<input name="topic" required placeholder="sensors.kitchen.temperature"
                autocomplete="off" spellcheck="false"></label>
              <p class="names muted" id="names" aria-live="polite" hidden></p>
              <label>Payload<textarea name="payload" rows="3" spellcheck="false"></textarea></label>
              <label>Headers, one a line
                <textarea name="headers" rows="2" spellcheck="false"
                  placeholder="Content-Type: text/plain"></textarea></label>
              <div class="row">
                <label class="check"><input type="checkbox" name="retain"> Keep as the topic’s last
                  value</label>
                <button type="submit">Publish</button>
              </div>
            </form>
          </article>
        </div>
        <div class="stack">
          <article class="card">
            <header><h2>Busiest topics</h2><span class="muted">sampled</span></header>
            <div class="scroll short" tabindex="0" aria-label="Busiest topics">
              <table id="busiest-short"></table></div>
          </article>
          <article class="card">
            <header><h2>Worth a look</h2></header>
            <ul class="notes" id="notes"></ul>
          </article>
        </div>
      </div>
    </section>

    """#

  private static let connections = #"""
    <section id="view-connections" role="tabpanel" aria-labelledby="tab-connections" class="view"
      hidden>
      <article class="card">
        <header>
          <h2>Connections</h2>
          <div class="tools">
            <input type="search" id="connection-filter" placeholder="Client, user or address"
              aria-label="Find connections">
            <select id="connection-protocol" aria-label="Protocol">
              <option value="">All protocols</option></select>
          </div>
        </header>
        <div class="scroll"><table id="connections"></table></div>
        <div class="pager">
          <span class="muted" id="connection-page"></span>
          <span class="tools">
            <button type="button" class="quiet" id="page-back">Back</button>
            <button type="button" class="quiet" id="page-on">Next</button>
          </span>
        </div>
      </article>
      <article class="card" id="sessions-card" hidden>
        <header><h2>Sessions</h2><span class="muted" id="sessions-count"></span></header>
        <div class="scroll tall" tabindex="0" aria-label="Sessions"><table id="sessions"></table>
        </div>
      </article>
      <div class="view" id="trouble"></div>
      <article class="card">
        <header><h2>Ended otherwise than by their own wish</h2></header>
        <div class="scroll tall" tabindex="0" aria-label="Ended connections">
          <table id="ended"></table></div>
      </article>
    </section>

    """#

  private static let topics = #"""
    <section id="view-topics" role="tabpanel" aria-labelledby="tab-topics" class="view" hidden>
      <article class="card">
        <header><h2>Busiest topics</h2><span class="muted">from a sample of the last seconds</span>
        </header>
        <div class="scroll tall" tabindex="0" aria-label="Busiest topics">
          <table id="busiest"></table></div>
      </article>
      <div class="grid two">
        <article class="card">
          <header>
            <h2>Subscriptions <span class="count" id="count-subscriptions"></span></h2>
            <div class="tools">
              <input type="search" id="subscription-filter" placeholder="Pattern or client"
                aria-label="Find subscriptions">
            </div>
          </header>
          <div class="scroll tall" tabindex="0" aria-label="Subscriptions">
            <table id="subscriptions"></table></div>
        </article>
        <article class="card">
          <header>
            <h2>Retained values <span class="count" id="count-retained"></span></h2>
            <div class="tools">
              <input type="search" id="retained-pattern" placeholder="Pattern, such as sensors.>"
                aria-label="Pattern of retained topics" spellcheck="false">
            </div>
          </header>
          <div class="scroll tall" tabindex="0" aria-label="Retained values">
            <table id="retained"></table></div>
        </article>
      </div>
      <article class="card">
        <header><h2>Names</h2>
          <div class="tools">
            <input type="search" id="names-topic" aria-label="Topic to explain" spellcheck="false"
              placeholder="sensors.kitchen.temperature">
          </div>
        </header>
        <p class="muted">One topic, as each protocol says it. Inside, and on this page, levels are
          joined by dots; <code>*</code> stands for one level, a final <code>&gt;</code> for the
          rest.</p>
        <div class="scroll"><table id="names-table"></table></div>
      </article>
    </section>

    """#

  private static let tap = #"""
    <section id="view-tap" role="tabpanel" aria-labelledby="tab-tap" class="view" hidden>
      <article class="card">
        <header>
          <h2>Live tap</h2>
          <form class="tools" id="tap-form">
            <input id="tap-pattern" aria-label="Pattern" value=">" required spellcheck="false"
              autocomplete="off" placeholder="sensors.>">
            <button type="submit" id="tap-toggle">Watch</button>
            <button type="button" class="quiet" id="tap-pause" disabled>Pause</button>
            <button type="button" class="quiet" id="tap-clear">Clear</button>
            <input type="search" id="tap-filter" aria-label="Filter what is shown"
              placeholder="Show only…">
          </form>
        </header>
        <p class="muted" id="tap-state" role="status">Shows messages as they come, from every
          protocol. <code>&gt;</code> is everything.</p>
        <div class="feed" id="feed" role="log" tabindex="0" aria-label="Messages"></div>
      </article>
    </section>

    """#

  private static let limits = #"""
    <section id="view-limits" role="tabpanel" aria-labelledby="tab-limits" class="view" hidden>
      <article class="card">
        <header><h2>Limits</h2></header>
        <div class="scroll"><table id="limits"></table></div>
      </article>
      <article class="card">
        <header><h2>What the protocols count</h2></header>
        <div class="scroll"><table id="figures"></table></div>
      </article>
    </section>

    """#
}
